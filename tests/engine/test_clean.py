"""The clean room: any device rate becomes the 250 Hz grid, delay-compensated, baseline removed."""

import numba as nb
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from ecg.types import RATE
from stream.engine import clean

Signal = NDArray[np.float32]


@nb.njit
def _push_all(s, x, out, counts):
    buffer = np.zeros(3, np.float32)
    total = 0
    for i in range(len(x)):
        counts[i] = clean.push(s, x[i], buffer)
        for k in range(counts[i]):
            out[total] = buffer[k]
            total += 1
    return total


def fresh(rate: float) -> np.void:
    """A new session's state."""
    bank = np.zeros(1, clean.STATE)
    clean.init(bank[0], float(rate))
    return bank[0]


def feed(s: np.void, x: NDArray[np.floating]) -> tuple[Signal, NDArray[np.int64]]:
    """Push all of `x`; the grid samples and how many each device sample completed."""
    out = np.zeros(3 * len(x), np.float32)
    counts = np.zeros(len(x), np.int64)
    total = _push_all(s, x.astype(np.float32), out, counts)
    return out[:total], counts


def high_pass_at(frequency: float) -> complex:
    """Response of the documented filter: Butterworth, second order, 0.5 Hz."""
    b, a = signal.butter(2, 0.5, "highpass", fs=RATE)
    return complex(signal.freqz(b, a, [frequency], fs=RATE)[1][0])


@pytest.mark.parametrize("rate", [125, 128, 128.3, 250, 256, 360, 500, 1000])
@pytest.mark.parametrize("frequency", [2.0, 10.0, 25.0])
def test_a_sine_keeps_its_frequency_amplitude_and_phase(rate: float, frequency: float) -> None:
    """Grid sample k is the sine at time k/250 through the documented high-pass, to 1 %."""
    time = np.arange(int(20 * rate)) / rate
    y, _ = feed(fresh(rate), 1000 * np.sin(2 * np.pi * frequency * time))
    k = np.arange(len(y)) / RATE
    response = high_pass_at(frequency)
    expected = 1000 * abs(response) * np.sin(2 * np.pi * frequency * k + np.angle(response))
    assert np.abs(y - expected)[5 * RATE :].max() < 10


def test_at_250_hz_the_grid_is_the_device() -> None:
    """No interpolation at the internal rate: the output is the high-pass of the input."""
    x = np.random.default_rng(1).normal(0, 100, 2000)
    b, a = signal.butter(2, 0.5, "highpass", fs=RATE)
    x32 = x.astype(np.float32).astype(float)
    rest = -x32[0] * np.array([b[0], -b[0]])
    y, counts = feed(fresh(250), x)
    assert (counts == 1).all()
    np.testing.assert_allclose(y, signal.lfilter(b, a, x32, zi=rest)[0], atol=1e-2)


@pytest.mark.parametrize("rate", [125, 128.3, 250, 360, 1000])
def test_output_is_never_later_than_30_ms(rate: float) -> None:
    """After device sample i every grid sample up to 30 ms before it has been produced."""
    _, counts = feed(fresh(rate), np.zeros(int(5 * rate)))
    produced = np.cumsum(counts)
    due = (np.arange(len(counts)) / rate - 0.030) * RATE
    assert (produced >= np.floor(due)).all()
    assert (produced <= np.arange(1, len(counts) + 1) / rate * RATE + 1).all()


def test_a_constant_offset_gives_silence_from_the_first_sample() -> None:
    """An electrode's half-cell potential of 300 mV must not ring through the start."""
    y, _ = feed(fresh(360), np.full(2000, 300_000.0))
    assert np.abs(y).max() < 0.1


def test_a_step_is_forgotten_within_three_seconds() -> None:
    """Saturation and electrode pops leave a transient of the 0.5 Hz filter, not more."""
    x = np.r_[np.zeros(1000), np.full(2000, 10_000.0)]
    y, _ = feed(fresh(500), x)
    assert np.abs(y[500:]).max() > 9_000
    assert np.abs(y[500 + 3 * RATE :]).max() < 20


def test_baseline_wander_is_removed() -> None:
    """Breathing (0.1 Hz) leaves less than a twentieth."""
    time = np.arange(40 * 250) / 250
    y, _ = feed(fresh(250), 1000 * np.sin(2 * np.pi * 0.1 * time))
    assert np.abs(y[10 * RATE :]).max() < 50


@pytest.mark.parametrize("rate", [125.0, 128.3, 250.0, 333.3, 360.0, 1000.0])
@pytest.mark.parametrize("index", [0, 1, 7, 1234, 36_000_001])
def test_restart_resumes_at_the_first_grid_sample_after_the_gap(rate: float, index: int) -> None:
    """After a gap the grid goes on at the first index whose time is not before the gap's end."""
    s = fresh(rate)
    feed(s, np.full(500, 700.0))
    clean.restart(s, index)
    assert s["n"] * rate / RATE >= index
    assert (s["n"] - 1) * rate / RATE < index
    y, _ = feed(s, np.full(500, -2000.0))
    assert np.abs(y).max() < 1e-2


def test_a_long_session_does_not_drift() -> None:
    """After 24 h at 128.3 Hz the grid still lies where k·rate/250 says."""
    rate = 128.3
    s = fresh(rate)
    start = int(86_400 * rate)
    clean.restart(s, start)
    first = int(s["n"])
    time = (start + np.arange(2000)) / rate
    y, _ = feed(s, 1000 * np.sin(2 * np.pi * 10 * time))
    k = (first + np.arange(len(y))) / RATE
    response = high_pass_at(10.0)
    expected = 1000 * abs(response) * np.sin(2 * np.pi * 10 * k + np.angle(response))
    assert np.abs(y - expected)[5 * RATE :].max() < 10


def pulses(rate: float, height: float, width: float) -> Signal:
    """10 s of silence with a pacemaker's pulse each second, its edges within a sample."""
    x = np.zeros(int(10 * rate), np.float32)
    for at in range(1, 10):
        first = int(at * rate)
        x[first : first + max(1, round(width * rate))] = height
    return x


@pytest.mark.parametrize("rate", [200.0, 250.0, 360.0, 500.0, 1000.0])
@pytest.mark.parametrize("height", [2_000.0, -2_000.0, 100_000.0])
@pytest.mark.parametrize("width", [0.0001, 0.002, 0.008])
def test_a_pacemakers_spikes_are_taken_out(rate: float, height: float, width: float) -> None:
    """Pulses of 2 mV and more, of at most 8 ms once the device's filter has spread them."""
    y, _ = feed(fresh(rate), pulses(rate, height, width))
    assert np.abs(y).max() < 1.0


def test_a_spike_on_a_beat_takes_nothing_but_itself() -> None:
    """A pulse 40 ms before the QRS of a paced beat: the beat is as it would be without."""
    time = np.arange(5 * 500) / 500
    beat = 1500 * np.exp(-0.5 * ((time - 2.0) / 0.02) ** 2)
    spike = np.where(np.abs(time - 1.96) < 0.0011, 20_000.0, 0.0)
    paced, _ = feed(fresh(500), beat + spike)
    free, _ = feed(fresh(500), beat)
    near = slice(int(1.9 * RATE), int(2.1 * RATE))
    assert np.abs(paced[near] - free[near]).max() < 150  # held for 4 ms on a slope of 25 uV/ms
    assert abs(paced.max() - free.max()) < 10


@pytest.mark.parametrize(("rate", "tall", "sigma"), [(250, 5000, 0.011), (128.0, 3000, 0.008)])
def test_no_qrs_is_taken_for_a_spike(rate: float, tall: float, sigma: float) -> None:
    """As high as they come at the rate, and at slow rates narrow: its tip stands."""
    time = np.arange(int(4 * rate)) / rate
    qrs = tall * np.exp(-0.5 * ((time - 2.0) / sigma) ** 2)
    y, _ = feed(fresh(rate), qrs)
    assert y.max() > 0.9 * qrs.max()


def test_a_step_comes_late_by_a_spikes_length_and_not_more() -> None:
    """What stays is no spike: a lead that is moved, a calibration pulse."""
    x = np.r_[np.zeros(500), np.full(500, 5000.0)]
    y, _ = feed(fresh(250), x)
    assert int(np.argmax(y > 2500)) == 502
