"""Noise, speed and wrong decisions for the QRS detector's training."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from ecg.types import RATE

Floats = npt.NDArray[np.float32]
Grid = Callable[[npt.NDArray[np.floating], float], Floats]


class Noise(NamedTuple):
    """A noise on the grid with unit variance, and how often it is drawn relative to others."""

    signal: Floats
    share: float


_SOURCES: Final = (
    ("bw", 0, 0.03), ("bw", 1, 0.03), ("ma", 0, 0.1), ("ma", 1, 0.1), ("em", 1, 0.3),
)  # fmt: skip
"""Record of nstdb, lead, and how often it is drawn."""

_MADE, _MADE_SHARE = 4, 0.11
"""Noises of electrode motion that are made, and how often each is drawn. One recording of it is learned
by heart: with made ones a network that never heard `em` has two thirds of the false beats in it."""

_MADE_SECONDS: Final = 1800
_MADE_SEED: Final = 5

_SPELL: Final = 20 * RATE
"""Samples for which one noise at one level lasts."""

_SPEED: Final = (0.6, 1.6)
"""Noise is played slower and faster, and either way up."""

_LEARNING: Final = 10 * RATE
"""Samples at the start of a noise that are not used: `clean` settles there."""


def load(folder: Path, grid: Grid) -> list[Noise]:
    """The noises of nstdb, backwards, and made ones."""
    import wfdb  # noqa: PLC0415 - only the train extra has it

    noises = []
    for name, lead, share in _SOURCES:
        data = wfdb.rdrecord(str(folder / name), channels=[lead])
        y = grid(np.nan_to_num(data.p_signal[::-1, 0]) * 1000, float(data.fs))
        noises.append(Noise(_even(y), share))
    rng = np.random.default_rng(_MADE_SEED)
    made = (motion(rng, _MADE_SECONDS * RATE) for _ in range(_MADE))
    return noises + [Noise(_even(grid(1000 * x, float(RATE))), _MADE_SHARE) for x in made]


def _even(y: Floats) -> Floats:
    """With unit variance."""
    level: Floats = y / np.std(y[_LEARNING:])
    return level


def motion(rng: np.random.Generator, size: int) -> npt.NDArray[np.float64]:
    """Electrode motion made up: five to six bumps a second, 20 to 350 ms wide, over coloured noise.

    Bumps are bell-shaped, biphasic, pointed or skewed; their size drifts from one moment to the next.
    """
    y = np.zeros(size)
    place, level = 0.0, 1.0
    while place < size:
        if rng.random() < 0.05:
            level = np.exp(rng.normal(0, 0.7))
        width = RATE * np.exp(rng.uniform(np.log(0.02), np.log(0.35)))
        low, high = max(0, int(place - 4 * width)), min(size, int(place + 4 * width) + 1)
        u = (np.arange(low, high) - int(place)) / width
        y[low:high] += rng.normal() * level * _bump(u, int(rng.integers(4)))
        place += rng.exponential(0.18) * RATE
    rough, slow = _coloured(rng, size, 0.93), _coloured(rng, size, 0.99)
    made: npt.NDArray[np.float64] = (
        y / y.std() + rng.uniform(0, 0.5) * rough + rng.uniform(0, 0.8) * slow
    )
    return made


def _bump(u: npt.NDArray[np.float64], kind: int) -> npt.NDArray[np.float64]:
    """One of four shapes of height 1 or so, `u` in its widths from its middle."""
    bell = np.exp(-0.5 * u * u)
    skewed = np.exp(np.where(u < 0, 3 * u, -u / 1.5))
    return (bell, u * bell, np.exp(-np.abs(u)), skewed)[kind]


def _coloured(rng: np.random.Generator, size: int, memory: float) -> npt.NDArray[np.float64]:
    """Noise with unit variance that keeps `memory` of itself from sample to sample."""
    x = lfilter([1 - memory], [1, -memory], rng.normal(size=size))
    coloured: npt.NDArray[np.float64] = x / x.std()
    return coloured


def spoil(
    y: Floats,
    beats: npt.NDArray[np.floating],
    noises: Sequence[Noise],
    rng: np.random.Generator,
) -> Floats:
    """Two thirds of the 20 s spells noisy at 2 to 22 dB (EC57's measure), a fifth with hum."""
    out = y.copy()
    inside = beats[(beats > 20) & (beats < len(y) - 20)].astype(np.int64)[:300]
    height = float(np.median([np.ptp(y[at - 13 : at + 14]) for at in inside]))
    fade = np.minimum(1.0, np.minimum(np.arange(_SPELL), np.arange(_SPELL)[::-1]) / 125)
    t = np.arange(_SPELL) / RATE
    shares = np.array([noise.share for noise in noises])
    for start in range(0, len(y) - _SPELL, _SPELL):
        part = out[start : start + _SPELL]
        if rng.random() < 0.2:
            hum = np.sin(2 * np.pi * rng.choice([50.0, 60.0]) * t + rng.uniform(0, 2 * np.pi))
            part += (height * rng.uniform(0.02, 0.4) * hum).astype(np.float32)
        if rng.random() < 0.65:
            noise = noises[rng.choice(len(noises), p=shares / shares.sum())].signal
            gain = height / np.sqrt(8) / 10 ** (rng.uniform(2, 22) / 20)
            part += (gain * fade * _spell(noise, rng)).astype(np.float32)
    return out


def _spell(noise: Floats, rng: np.random.Generator) -> Floats:
    """A stretch of the noise, as if it had been slower or faster, either way up."""
    speed = np.exp(rng.uniform(*np.log(_SPEED)))
    size = int(_SPELL * speed) + 2
    at = rng.integers(_LEARNING, len(noise) - size)
    piece = np.interp(np.arange(_SPELL) * speed, np.arange(size), noise[at : at + size])
    spell: Floats = (rng.choice([-1.0, 1.0]) * piece).astype(np.float32)
    return spell


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
