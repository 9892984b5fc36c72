"""Noise, speed and wrong decisions for the QRS detector's training."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ecg.types import RATE

Floats = npt.NDArray[np.float32]

_SOURCES: Final = (("bw", 0, 0.1), ("bw", 1, 0.1), ("ma", 0, 0.2), ("ma", 1, 0.2), ("em", 1, 0.4))
"""Record of nstdb, lead, and how often it is drawn."""

_SPELL: Final = 20 * RATE
"""Samples for which one noise at one level lasts."""


def load(
    folder: Path, grid: Callable[[npt.NDArray[np.floating], float], Floats]
) -> list[tuple[str, Floats]]:
    """The noises, backwards, on the grid, with unit variance."""
    import wfdb  # noqa: PLC0415 - only the train extra has it

    noises = []
    for name, lead, _ in _SOURCES:
        data = wfdb.rdrecord(str(folder / name), channels=[lead])
        y = grid(np.nan_to_num(data.p_signal[::-1, 0]) * 1000, float(data.fs))
        noises.append((name, y / np.std(y[10 * RATE :])))
    return noises


def spoil(
    y: Floats,
    beats: npt.NDArray[np.floating],
    noises: Sequence[tuple[str, Floats]],
    rng: np.random.Generator,
) -> Floats:
    """Two thirds of the 20 s spells noisy at 2 to 22 dB (EC57's measure), a fifth with hum."""
    out = y.copy()
    inside = beats[(beats > 20) & (beats < len(y) - 20)].astype(np.int64)[:300]
    height = float(np.median([np.ptp(y[at - 13 : at + 14]) for at in inside]))
    fade = np.minimum(1.0, np.minimum(np.arange(_SPELL), np.arange(_SPELL)[::-1]) / 125)
    t = np.arange(_SPELL) / RATE
    for start in range(0, len(y) - _SPELL, _SPELL):
        part = out[start : start + _SPELL]
        if rng.random() < 0.2:
            hum = np.sin(2 * np.pi * rng.choice([50.0, 60.0]) * t + rng.uniform(0, 2 * np.pi))
            part += (height * rng.uniform(0.02, 0.4) * hum).astype(np.float32)
        if rng.random() < 0.65:
            noise = noises[rng.choice(len(noises), p=[share for _, _, share in _SOURCES])][1]
            at = rng.integers(10 * RATE, len(noise) - _SPELL)
            gain = height / np.sqrt(8) / 10 ** (rng.uniform(2, 22) / 20)
            part += (gain * fade * noise[at : at + _SPELL]).astype(np.float32)
    return out


def warp(y: Floats, speed: float, rng: np.random.Generator) -> Floats:
    """`y` played at `speed` with another gain (0.5 to 2)."""
    at = np.arange(0, len(y) - 1, speed)
    gain = np.exp(rng.uniform(-0.7, 0.7))
    warped: Floats = (gain * np.interp(at, np.arange(len(y)), y)).astype(np.float32)
    return warped


def force(size: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Per sample 0 let, 1 invert, 2 reject, 3 accept: 2 % inverted, spells of 2 to 6 s forced."""
    forced = (rng.random(size) < 0.02).astype(np.uint8)
    start = rng.uniform(20, 180)
    while start * RATE < size:
        length = rng.uniform(2, 6)
        i, j = int(start * RATE), min(size, int((start + length) * RATE))
        kind = rng.integers(3)
        forced[i:j] = (3, 2, 3)[kind]
        if kind == 0:
            forced[i:j][rng.random(j - i) < 0.5] = 2
        start += length + rng.uniform(20, 180)
    return forced
