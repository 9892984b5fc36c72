"""Room `quality`: rails, silence and noise of known kind, and real noise of known amount."""

import warnings
from pathlib import Path

import numba as nb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, lfilter, resample_poly

from ecg.types import RATE
from stream.engine import quality

VALID, NOISY, FLAT = range(3)


@nb.njit
def _run(raw, y, bank, out):
    for i in range(len(y)):
        quality.step(bank[0], raw[i], y[i])
        out[i, 0] = bank[0].valid
        out[i, 1] = bank[0].noisy
        out[i, 2] = bank[0].flat


def fresh() -> np.ndarray:
    bank = np.zeros(1, quality.STATE)
    quality.init(bank[0])
    return bank


def without_baseline(raw: np.ndarray) -> np.ndarray:
    """The 0.5 Hz high-pass of monitoring, at rest on the first sample."""
    b, a = butter(2, 0.5 / (RATE / 2), "high")
    return lfilter(b, a, raw - raw[0])


def watch(raw: np.ndarray, bank: np.ndarray | None = None) -> np.ndarray:
    """The three marks after every sample."""
    out = np.zeros((len(raw), 3), np.int8)
    y = without_baseline(raw)
    _run(raw.astype(np.float32), y.astype(np.float32), fresh() if bank is None else bank, out)
    return out


def time(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * RATE)) / RATE


def bumps(t: np.ndarray, centres: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((t[:, None] - centres[None, :]) / width) ** 2).sum(1)


def beats(seconds: float, rate: float, size: float = 1000) -> np.ndarray:
    """Narrow beats with P and T waves, `size` microvolts, and 5 uV of white noise."""
    t = time(seconds)
    r = np.arange(0.3, t[-1], 60 / rate)
    near = min(1.0, 60 / rate / 0.8)
    ecg = bumps(t, r, 0.011) + 0.1 * bumps(t, r - 0.16 * near, 0.02)
    ecg += 0.2 * bumps(t, r + 0.26 * near, 0.04)
    return size * ecg + np.random.default_rng(1).normal(0, 5, len(t))


@pytest.mark.parametrize("rate", [30, 45, 70, 110, 150, 190])
@pytest.mark.parametrize("size", [300.0, 1000.0, 3000.0])
def test_clean_beats_are_clean(rate, size):
    """Any rate and size: valid and not noisy, from the first sample on."""
    marks = watch(beats(30, rate, size))
    assert marks[:, VALID].all()
    assert not marks[:, NOISY].any()


def test_a_rail_is_invalid_until_two_seconds_after_it():
    """Held at 5 mV: invalid within 1 s, and again valid 2 to 4 s after the signal is back."""
    raw = np.r_[beats(10, 70), np.full(10 * RATE, 5000.0), beats(20, 70)]
    valid = watch(raw)[:, VALID]
    assert valid[: 10 * RATE].all()
    assert not valid[11 * RATE : 22 * RATE - 5].any()
    assert valid[24 * RATE :].all()


def test_a_wildly_swinging_input_is_invalid():
    """Swings of ±12 mV are no heart."""
    swing = 12000 * np.sin(2 * np.pi * 1.1 * time(8))
    valid = watch(np.r_[beats(10, 70), swing, beats(20, 70)])[:, VALID]
    assert valid[: 10 * RATE].all()
    assert not valid[13 * RATE : 18 * RATE].any()
    assert valid[24 * RATE :].all()


@pytest.mark.parametrize("level", [0.0, -400.0, 800.0])
@pytest.mark.parametrize("noise", [0.0, 4.0])
def test_a_flat_line_after_beats_is_flat_and_valid(level, noise):
    """Asystole with the lead on, ideal or with noise, at the baseline or a step away from it."""
    line = level + np.random.default_rng(2).normal(0, noise, 15 * RATE)
    marks = watch(np.r_[beats(10, 70), line, beats(10, 70)])
    assert marks[:, VALID].all()
    assert not marks[:, NOISY].any()
    assert marks[15 * RATE : 25 * RATE, FLAT].all()
    assert not marks[26 * RATE :, FLAT].any()
    assert not marks[: 10 * RATE, FLAT].any()


def test_a_pacemakers_spikes_are_valid():
    """One or two samples of 10 mV before each beat are too short for a rail or a swing."""
    raw = beats(30, 60)
    for start in range(RATE // 4, len(raw) - 2, RATE):
        raw[start : start + 2] += 10000
    assert watch(raw)[:, VALID].all()


def silences(raw: np.ndarray) -> np.ndarray:
    """The mark on silence after every hop."""
    bank, y = fresh(), without_baseline(raw).astype(np.float32)
    out = np.zeros((len(raw), 3), np.int8)
    marks = []
    for start in range(0, len(raw), 25):
        part = slice(start, start + 25)
        _run(raw[part].astype(np.float32), y[part], bank, out[part])
        marks.append(bank[0]["silence"])
    return np.array(marks)


def test_a_converters_noise_at_the_rail_is_still_a_rail():
    """Railed, released, railed again with 20 uV of noise: the level from before tells."""
    raw = np.r_[beats(20, 70), np.full(250, 5000.0), np.full(100, -5000.0), np.full(2500, 5000.0)]
    raw[-2500:] += np.random.default_rng(2).uniform(-8, 8, 2500)
    assert not watch(raw)[-2000:, VALID].any()


@pytest.mark.parametrize(
    ("name", "rest", "mark"),
    [
        ("a flat line", np.zeros(2500), 0),
        ("tremor", np.random.default_rng(5).normal(0, 30, 2500), 0),
        ("P waves", 120 * bumps(time(10), np.arange(0.5, 10, 0.8), 0.03), 0),
        ("beats of half the size", beats(10, 70, 500), 1),
        ("muscle", np.random.default_rng(6).normal(0, 600, 2500), 1),
        ("an amplifier that returns", 3000 * np.exp(-time(10) / 1.5), 2),
    ],
)
def test_what_a_silence_is_worth(name, rest, mark):
    """After 30 s of beats: quiet within 4.5 s of an arrest; loud and blocked are told apart."""
    marks = silences(np.r_[beats(30, 70), rest])[300:]
    if mark == 2:
        assert (marks[5:10] == 2).all(), name  # from then on the step itself is loud, for 4 s
        assert not marks[60:].any(), name
    else:
        assert (marks[45:] == mark).all(), name


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("muscle", np.random.default_rng(3).normal(0, 500, 15 * RATE)),
        (
            "movement",
            700 * np.sin(2 * np.pi * 2.3 * time(15)) * np.sin(2 * np.pi * 3.1 * time(15))
            + np.random.default_rng(4).normal(0, 150, 15 * RATE),
        ),
    ],
)
def test_noise_is_noticed_and_its_end_too(name, noise):
    """Noise as large as the beats is marked within 5 s and for 7 s after it at most."""
    raw = beats(45, 70)
    raw[15 * RATE : 30 * RATE] += noise
    noisy = watch(raw)[:, NOISY]
    assert not noisy[: 15 * RATE].any(), name
    assert noisy[20 * RATE : 30 * RATE].all(), name
    assert not noisy[37 * RATE :].any(), name


@given(st.integers(0, 2**32 - 1))
def test_any_former_state_is_forgotten_within_ten_seconds(seed):
    """After arbitrary nonsense clean beats are valid and clean again."""
    rng = np.random.default_rng(seed)
    junk = np.repeat(rng.uniform(-1e5, 1e5, 80), 25)
    marks = watch(np.r_[junk, beats(30, 75)])[len(junk) + 10 * RATE :]
    assert marks[:, VALID].all()
    assert not marks[:, NOISY].any()


def test_restoring_a_checkpoint_changes_nothing():
    """A row saved at any sample and restored goes on bit for bit."""
    raw = np.r_[beats(8, 70), np.full(400, 5000.0), 3 * beats(8, 70)].astype(np.float32)
    y = without_baseline(raw).astype(np.float32)
    out = np.zeros((len(raw), 3), np.int8)
    whole = fresh()
    _run(raw, y, whole, out)
    for cut in (1, 777, 2150, 2500, 3333):
        part = fresh()
        _run(raw[:cut], y[:cut], part, out)
        again = np.frombuffer(part.tobytes(), quality.STATE).copy()
        _run(raw[cut:], y[cut:], again, out)
        assert again.tobytes() == whole.tobytes()


def test_the_state_is_small():
    """A checkpoint of all rooms aims at 4 KiB."""
    assert quality.STATE.itemsize <= 400


def load(path: Path, seconds: float, channel: int = 0) -> np.ndarray:
    wfdb = pytest.importorskip("wfdb")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb calls a deprecated pandas argument
        record = wfdb.rdrecord(str(path), channels=[channel], sampto=int(seconds * 360))
    return resample_poly(1000 * record.p_signal[:, 0], 25, 36)


@pytest.mark.parametrize("name", ["100", "103", "113", "123", "234"])
def test_real_beats_are_clean_and_real_noise_is_noise(data_dir, name):
    """Clean records are not noisy; with movement noise as strong as the beats (0 dB) they are."""
    ecg = load(data_dir / "mitdb" / name, 300)
    noise = load(data_dir / "nstdb" / "em", 300)
    # 0 dB as the noise stress test defines it: peak-to-peak squared over 8 against the noise's
    # power within seconds (its drift over minutes does not count).
    power = np.median(noise[: len(noise) // RATE * RATE].reshape(-1, RATE).std(axis=1))
    height = np.median(np.ptp(ecg[: len(ecg) // 500 * 500].reshape(-1, 500), axis=1))
    gain = height / np.sqrt(8) / power
    assert watch(ecg)[:, NOISY].mean() < 0.05
    assert watch(ecg)[:, VALID].all()
    assert watch(ecg + gain * noise)[:, NOISY].mean() > 0.8
