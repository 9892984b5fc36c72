"""Room `fibrillation`: synthesis with known rhythm, and records whose truth is annotated."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numba as nb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg.types import HOP, RATE
from stream.engine import clean, fibrillation

GOOD = 30.0  # seconds of an example


@nb.njit
def verdicts(signal, bank):
    """The verdict after every sample."""
    out = np.zeros(len(signal), np.int8)
    for i in range(len(signal)):
        fibrillation.step(bank[0], signal[i])
        out[i] = bank[0].vf
    return out


@nb.njit
def cleaned(raw, rate, bank):
    """A record as the pipeline sees it."""
    out = np.zeros(3, np.float32)
    grid = np.zeros(len(raw) * 250 // rate + 3, np.float32)
    clean.init(bank[0], float(rate))
    n = 0
    for v in raw:
        for k in range(clean.push(bank[0], v, out)):
            grid[n] = out[k]
            n += 1
    return grid[:n]


def watch(signal: np.ndarray) -> np.ndarray:
    """Verdicts of a fresh row on a signal in microvolts."""
    return verdicts(np.asarray(signal, np.float32), np.zeros(1, fibrillation.STATE))


def time(seconds: float = GOOD) -> np.ndarray:
    return np.arange(int(seconds * RATE)) / RATE


def bumps(t: np.ndarray, centres: np.ndarray, width: float) -> np.ndarray:
    """Gaussian waves at `centres`."""
    return np.exp(-0.5 * ((t[:, None] - centres[None, :]) / width) ** 2).sum(1)


def sinus(t: np.ndarray, rate: float, rr: np.ndarray | None = None, p: float = 120) -> np.ndarray:
    """P, QRS and T of narrow beats, 1 mV, at `rate` a minute or at the given intervals."""
    r = np.cumsum(rr) if rr is not None else np.arange(0.3, t[-1], 60 / rate)
    near = min(1.0, 60 / rate / 0.8)
    qrs = 1000 * bumps(t, r, 0.011) - 180 * bumps(t, r + 0.028, 0.011)
    return p * bumps(t, r - 0.16 * near, 0.02) + qrs + 220 * bumps(t, r + 0.26 * near, 0.04)


def wide(t: np.ndarray, rate: float) -> np.ndarray:
    """Broad ventricular complexes of 140 ms with discordant T waves."""
    r = np.arange(0.3, t[-1], 60 / rate)
    return 1200 * bumps(t, r, 0.035) - 400 * bumps(t, r + 0.2, 0.05)


def fibrillating(t: np.ndarray, seed: int, size: float = 300) -> np.ndarray:
    """Three sines near 4 to 6 Hz that drift against one another."""
    rng = np.random.default_rng(seed)
    f = rng.uniform(4.3, 5.7, 3)
    a = rng.uniform(0.4, 1.0, 3)
    return size * (a[:, None] * np.sin(2 * np.pi * f[:, None] * t + rng.uniform(0, 6, (3, 1)))).sum(
        0
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [150.0, 400.0, 1200.0])
def test_fibrillation_is_found_and_its_end_too(seed, size):
    """Sines of 4 to 6 Hz raise it within 6 s of onset; 5 s after sinus rhythm it is over."""
    t = time(20)
    vf = watch(np.r_[sinus(t, 80), fibrillating(t, seed, size), sinus(t, 80)])
    first = np.flatnonzero(vf)[0] / RATE
    assert 22.5 <= first <= 26
    assert not vf[45 * RATE :].any()


def organised() -> Iterator[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(7)
    t = time()
    for rate in (30, 60, 100, 150, 190, 220):
        yield f"sinus {rate}", sinus(t, rate)
    yield "atrial fibrillation", sinus(t, 95, rng.uniform(0.35, 0.9, 60), 0) + 40 * np.sin(36 * t)
    yield "wide 150", wide(t, 150)
    yield "wide 100", wide(t, 100)
    yield "flutter waves below 2:1 beats", sinus(t, 150) + 100 * np.sin(2 * np.pi * 5 * t)
    yield "tremor below beats", sinus(t, 70) + 120 * np.sin(2 * np.pi * 5 * t)


def nothing() -> Iterator[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(8)
    t = time()
    yield "flat", 0 * t
    yield "asystole with noise", rng.normal(0, 15, len(t))
    yield "P waves only", 120 * bumps(t, np.arange(0, 30, 0.8), 0.03)
    yield "slow wander", 800 * np.sin(2 * np.pi * 0.4 * t)
    yield "white noise", rng.normal(0, 300, len(t))
    yield "steps", 900 * np.sign(np.sin(2 * np.pi * 0.31 * t))
    for hum in (50, 60, 59.7, 62.5):
        yield f"hum {hum}", 1000 * np.sin(2 * np.pi * hum * t)
        yield f"beats in hum {hum}", sinus(t, 80) + 1000 * np.sin(2 * np.pi * hum * t)


@pytest.mark.parametrize(("name", "signal"), [*organised(), *nothing()])
def test_other_signals_are_not_fibrillation(name, signal):
    """Beats of any rate and width, silence, hum and noise give no verdict."""
    assert not watch(signal).any(), name


def test_a_single_artefact_in_asystole_is_not_fibrillation():
    """The ringing of one step fills a window with slow deflection, but not each second."""
    t = time()
    assert not watch(np.where(t > 12, 4000 * np.exp(-3 * (t - 12)) * np.cos(4 * t), 0)).any()


@given(st.integers(0, 2**32 - 1))
def test_any_former_state_is_forgotten_within_ten_seconds(seed):
    """From arbitrary signal of any size the verdict on sinus rhythm is back to none."""
    rng = np.random.default_rng(seed)
    junk = np.repeat(rng.uniform(-1e5, 1e5, 80), HOP)
    assert not watch(np.r_[junk, sinus(time(), 75)])[18 * RATE :].any()


def test_restoring_a_checkpoint_changes_nothing():
    """A row saved at any sample and restored goes on bit for bit."""
    signal = np.r_[sinus(time(8), 90), fibrillating(time(8), 3)].astype(np.float32)
    whole = np.zeros(1, fibrillation.STATE)
    verdicts(signal, whole)
    bank = np.zeros(1, fibrillation.STATE)
    for cut in (0, 1, 777, 2013, 3210, len(signal)):
        part = np.frombuffer(bank.tobytes(), fibrillation.STATE).copy()
        verdicts(signal[:cut], part)
        again = np.frombuffer(part.tobytes(), fibrillation.STATE).copy()
        verdicts(signal[cut:], again)
        assert again.tobytes() == whole.tobytes()


def test_the_state_is_small():
    """A checkpoint of all rooms aims at 4 KiB; this room takes less than an eighth."""
    assert fibrillation.STATE.itemsize <= 512


def on_record(path: Path) -> np.ndarray:
    wfdb = pytest.importorskip("wfdb")
    record = wfdb.rdrecord(str(path), channels=[0])
    raw = np.asarray(record.p_signal[:, 0] * 1000, np.float64)
    return watch(cleaned(raw, int(record.fs), np.zeros(1, clean.STATE)))


def flutter(path: Path) -> list[tuple[float, float]]:
    """Annotated spans of flutter or fibrillation in seconds."""
    wfdb = pytest.importorskip("wfdb")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb calls a deprecated pandas argument
        a = wfdb.rdann(str(path), "atr")
    fs = wfdb.rdheader(str(path)).fs
    at = {c: [n / fs for n, s in zip(a.sample, a.symbol, strict=True) if s == c] for c in "[]"}
    return list(zip(at["["], at["]"], strict=True))


@pytest.mark.parametrize("name", ["mitdb/207", "cudb/cu01"])
def test_annotated_episodes_are_found_within_ten_seconds(data_dir, name):
    """Every span of flutter or fibrillation, the shortest 4.3 s, and nothing elsewhere."""
    vf = on_record(data_dir / name)
    outside = np.ones(len(vf), bool)
    for start, end in flutter(data_dir / name):
        a, b = int(start * RATE), int((min(start + 10, end + 2)) * RATE)
        assert vf[a:b].any(), start
        outside[a : int((end + 6) * RATE)] = False
    assert not vf[outside].any()


@pytest.mark.parametrize("name", ["100", "119", "200", "106", "109", "203", "205", "208", "223"])
def test_records_without_fibrillation_stay_quiet(data_dir, name):
    """Bigeminy, bundle branch block, AF and runs of tachycardia are not fibrillation."""
    assert not on_record(data_dir / "mitdb" / name).any()
