"""The detect room: beats where they are, soon, and none where none is."""

import warnings
from pathlib import Path

import numba as nb
import numpy as np
import pytest
from numpy.typing import NDArray

from ecg.types import RATE
from stream.engine import clean, detect

Signal = NDArray[np.float32]
LATENCY = 0.35 * RATE


@nb.njit
def _step_all(s, y, beats, decided):
    count = 0
    for i in range(len(y)):
        if detect.step(s, y[i]):
            beats[count] = s.beat
            decided[count] = s.n
            count += 1
    return count


@nb.njit
def _clean_all(s, x, y):
    buffer = np.zeros(3, np.float32)
    total = 0
    for i in range(len(x)):
        for k in range(clean.push(s, x[i], buffer)):
            y[total] = buffer[k]
            total += 1
    return total


def fresh() -> np.void:
    """A new patient's state."""
    bank = np.zeros(1, detect.STATE)
    detect.init(bank[0])
    return bank[0]


def feed(s: np.void, y: NDArray[np.floating]) -> NDArray[np.float64]:
    """Step through `y`; the beats decided, checked for order, distance and latency."""
    beats = np.zeros(len(y) // 25 + 1)
    decided = np.zeros(len(y) // 25 + 1)
    last = float(s["beat"])
    count = _step_all(s, y.astype(np.float32), beats, decided)
    beats, decided = beats[:count], decided[:count]
    assert (np.diff(np.r_[last, beats]) >= 0.2 * RATE).all()
    assert (decided - beats <= LATENCY).all()
    assert (decided > beats).all()
    return beats


def ecg(times: NDArray[np.floating], seconds: float, amplitude: float = 1000.0) -> Signal:
    """P, QRS and T as Gaussians around the R times (s), on the grid, in microvolts."""
    t = np.arange(int(seconds * RATE)) / RATE
    waves = [(-0.17, 0.12, 0.022), (-0.022, -0.1, 0.008), (0.0, 1.0, 0.010), (0.025, -0.2, 0.009)]
    waves.append((0.28, 0.25, 0.045))
    y = np.zeros(len(t))
    for r in times:
        for at, size, width in waves:
            y += size * np.exp(-0.5 * ((t - r - at) / width) ** 2)
    return (amplitude * y).astype(np.float32)


def regular(rate: float, seconds: float) -> NDArray[np.float64]:
    """R times of a steady rhythm of `rate` beats a minute."""
    return np.arange(0.5, seconds - 0.5, 60 / rate)


def found(truth: NDArray[np.floating], beats: NDArray[np.floating]) -> tuple[int, int]:
    """Missed and false beats: truth in seconds, beats in grid samples, 50 ms window."""
    near = np.abs(truth[:, None] - beats[None, :] / RATE) <= 0.05
    return int((~near.any(1)).sum()), int((~near.any(0)).sum())


def load(data_dir: Path, name: str, seconds: float) -> tuple[Signal, NDArray[np.float64]]:
    """Lead 0 of a record through `clean`, and its reference beats in seconds."""
    wfdb = pytest.importorskip("wfdb")
    path = str(data_dir / name)
    rate = wfdb.rdheader(path).fs
    record = wfdb.rdrecord(path, channels=[0], sampto=int(seconds * rate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb 4.3 calls a deprecated pandas argument
        reference = wfdb.rdann(path, "atr", sampto=int(seconds * rate))
    beat = np.isin(reference.symbol, list("NLRBAaJSVrFejnE/fQ"))
    bank = np.zeros(1, clean.STATE)
    clean.init(bank[0], float(rate))
    y = np.zeros(int(seconds * RATE) + 3, np.float32)
    total = _clean_all(bank[0], (1000 * record.p_signal[:, 0]).astype(np.float32), y)
    return y[:total], reference.sample[beat] / rate


@pytest.mark.parametrize("rate", [35, 60, 100, 160, 220])
def test_every_synthetic_beat_is_found_at_its_r_peak(rate: float) -> None:
    """From 35 to 220 beats a minute: all beats after the learning time, fiducial within 8 ms."""
    truth = regular(rate, 40)
    truth = truth[(truth > 4) & (truth < 39.3)]
    beats = feed(fresh(), ecg(regular(rate, 40), 40))
    beats = beats[(beats > truth[0] * RATE - 20) & (beats < truth[-1] * RATE + 20)]
    assert len(beats) == len(truth)
    assert np.abs(beats / RATE - truth).max() < 0.008


@pytest.mark.parametrize("amplitude", [150.0, 500.0, 5000.0])
def test_amplitude_does_not_matter(amplitude: float) -> None:
    """A small and a huge QRS are both found."""
    truth = regular(75, 30)
    beats = feed(fresh(), ecg(truth, 30, amplitude))
    inside = (truth > 4) & (truth < 29.3)
    assert found(truth[inside], beats)[0] == 0


def test_a_flat_line_is_silent() -> None:
    """No signal, no beats: from the start and after a rhythm."""
    s = fresh()
    assert len(feed(s, np.zeros(20 * RATE))) == 0
    feed(s, ecg(regular(75, 20), 20))
    assert len(feed(s, np.zeros(60 * RATE))) <= 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["white", "wander", "mains50", "mains60"])
def test_noise_after_the_last_beat_never_becomes_beats(kind: str, seed: int) -> None:
    """Asystole: 50 µV of noise, wander or hum must not be promoted to beats for a minute."""
    rng = np.random.default_rng(seed)
    t = np.arange(60 * RATE) / RATE
    noise = {
        "white": rng.normal(0, 25, len(t)),
        "wander": 50 * np.sin(2 * np.pi * 0.4 * t) + 50 * np.sin(2 * np.pi * 1.1 * t),
        "mains50": 50 * np.sin(2 * np.pi * 50 * t),
        "mains60": 50 * np.sin(2 * np.pi * 60 * t),
    }[kind]
    s = fresh()
    feed(s, ecg(regular(75, 20), 20))
    assert len(feed(s, noise)) <= 1


def test_p_waves_alone_are_not_beats() -> None:
    """Ventricular standstill: P waves of 150 µV go on, QRS do not."""
    t = np.arange(30 * RATE) / RATE
    p = sum(150 * np.exp(-0.5 * ((t - r) / 0.022) ** 2) for r in np.arange(0.5, 30, 0.8))
    s = fresh()
    feed(s, ecg(regular(75, 20), 20))
    assert len(feed(s, p)) <= 1


@pytest.mark.parametrize("rate", [110, 130, 160])
def test_who_comes_in_a_tachycardia_of_dull_beats_is_heard(rate: float) -> None:
    """Smooth beats of 200 ms, as wide as they are far apart, from the first sample on."""
    truth = regular(rate, 20)
    t = np.arange(20 * RATE) / RATE
    y = np.zeros(len(t))
    for r in truth:
        y += 1500 * np.exp(-0.5 * ((t - r) / 0.03) ** 2) - 750 * np.exp(
            -0.5 * ((t - r - 0.1) / 0.03) ** 2
        )
    inside = (truth > 4) & (truth < 19.3)
    beats = feed(fresh(), y)
    assert found(truth[inside], beats)[0] == 0
    assert found(truth, beats)[1] == 0


def test_p_waves_from_the_first_sample_on_are_not_beats_for_being_large() -> None:
    """Ventricular standstill: P waves of 0.4 mV and 0.14 s are dull, and no QRS."""
    t = np.arange(30 * RATE) / RATE
    p = sum(400 * np.exp(-0.5 * ((t - r) / 0.035) ** 2) for r in np.arange(0.5, 30, 0.8))
    assert len(feed(fresh(), p)) == 0


@pytest.mark.parametrize("gain", [0.1, 10.0, -1.0])
def test_recovers_from_a_gain_step_or_polarity_flip(gain: float) -> None:
    """A new gain or polarity costs at most some seconds of beats."""
    s = fresh()
    feed(s, ecg(regular(75, 30), 30, 1500))
    truth = regular(75, 30)
    beats = feed(s, ecg(truth, 30, 1500 * gain)) - 30 * RATE
    inside = truth[(truth > 6) & (truth < 29.3)]
    assert found(inside, beats)[0] == 0
    assert len(beats[beats > 5.9 * RATE]) <= len(inside) + 1


def test_recovers_from_eight_seconds_of_nonsense() -> None:
    """Saturating garbage for 8 s: seven seconds later every beat is found again."""
    s = fresh()
    feed(s, ecg(regular(75, 30), 30))
    feed(s, np.random.default_rng(3).normal(0, 8000, 8 * RATE))
    truth = regular(75, 30)
    beats = feed(s, ecg(truth, 30)) - 38 * RATE
    inside = truth[(truth > 7) & (truth < 29.3)]
    assert found(inside, beats)[0] == 0
    assert len(beats[beats > 6.9 * RATE]) <= len(inside) + 1


@pytest.mark.parametrize("after", [0.08, 0.15, 0.25, 0.3])
def test_the_last_beat_before_the_end_is_found(after: float) -> None:
    """The signal ends so many seconds after R: the beat is decided with what has arrived."""
    times = regular(75, 20)
    s = fresh()
    beats = feed(s, ecg(times, 30)[: round((times[-1] + after) * RATE)])
    assert beats[-1] / RATE == pytest.approx(times[-2], abs=0.01)
    assert detect.conclude(s)
    assert s["beat"] / RATE == pytest.approx(times[-1], abs=0.01)
    assert not detect.conclude(s)


@pytest.mark.parametrize("before", [0.1, 0.3, 0.5])
def test_an_end_between_beats_adds_none(before: float) -> None:
    """So many seconds before the next R, nothing waits."""
    times = regular(60, 20)
    s = fresh()
    feed(s, ecg(times, 30)[: round((times[-1] - before) * RATE)])
    assert not detect.conclude(s)


def test_restart_keeps_what_was_learned() -> None:
    """After a gap the first whole beat is found at once, at the new index."""
    s = fresh()
    feed(s, ecg(regular(75, 20), 20))
    detect.restart(s, 1_000_000)
    truth = regular(75, 10)
    beats = feed(s, ecg(truth, 10)) - 1_000_000
    assert found(truth[truth < 9.35], beats[beats < 9.4 * RATE]) == (0, 0)


@pytest.mark.parametrize(("name", "allowed"), [("mitdb/100", 0), ("mitdb/112", 0), ("svdb/800", 1)])
def test_real_records_first_minutes(data_dir: Path, name: str, allowed: int) -> None:
    """Three minutes of real records against their annotations, learning time left out."""
    y, truth = load(data_dir, name, 180)
    beats = feed(fresh(), y)
    near = np.abs(truth[:, None] - beats[None, :] / RATE) <= 0.15
    assert (~near.any(1))[(truth > 4) & (truth < 179)].sum() <= allowed
    assert (~near.any(0)).sum() <= allowed
