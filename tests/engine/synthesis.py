"""Synthetic ECG for tests of mechanism: Gaussian waves at known places, and blocks made of it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ecg.messages import Block
from ecg.types import Lead

UV = 5.0
"""Microvolts per digital unit of the blocks."""

LEADS = (Lead.II, Lead.V1)

WAVES = {  # centre after R (s), width (s), height (µV)
    "N": ((-0.16, 0.025, 120.0), (0.0, 0.011, 1100.0), (0.03, 0.01, -200.0), (0.26, 0.045, 250.0)),
    "A": ((0.0, 0.011, 1100.0), (0.03, 0.01, -200.0), (0.26, 0.045, 250.0)),  # no P wave
    "D": ((0.0, 0.011, -900.0), (0.26, 0.05, -200.0)),  # narrow, but another shape
    "V": ((0.0, 0.022, 1500.0), (0.07, 0.025, -600.0), (0.25, 0.055, -350.0)),
}


class Spell(NamedTuple):
    """A stretch of one rhythm: seconds, beats per minute (0: none), kind, jitter of the RR."""

    seconds: float
    rate: float
    kind: str = "N"
    jitter: float = 0.0


RHYTHMS: dict[str, Sequence[Spell]] = {
    "sinus": (Spell(40, 70),),
    "AF": (Spell(100, 90, "A", 0.25),),
    "VT": (Spell(15, 70), Spell(10, 160, "V"), Spell(15, 75)),
    "bradycardia": (Spell(15, 60), Spell(25, 30)),
    "asystole": (Spell(15, 70), Spell(10, 0), Spell(15, 70)),
}


def beats(spells: Sequence[Spell], seed: int = 0) -> list[tuple[float, str]]:
    """Times (s) and kinds of the beats of consecutive stretches."""
    random = np.random.default_rng(seed)
    found: list[tuple[float, str]] = []
    start = 0.0
    for spell in spells:
        at = start + 0.3
        while spell.rate and at < start + spell.seconds:
            found.append((at, spell.kind))
            at += 60 / spell.rate * (1 + spell.jitter * random.uniform(-1, 1))
        start += spell.seconds
    return found


def signal(spells: Sequence[Spell], rate: float = 250.0, seed: int = 0) -> np.ndarray:
    """The same as int16 samples, with 10 µV of noise."""
    seconds = sum(spell.seconds for spell in spells)
    t = np.arange(int(seconds * rate)) / rate
    random = np.random.default_rng(seed + 1)
    microvolts = random.normal(0, 10, len(t))
    for at, kind in beats(spells, seed):
        for centre, width, height in WAVES[kind]:
            near = np.abs(t - at - centre) < 6 * width
            microvolts[near] += height * np.exp(-0.5 * ((t[near] - at - centre) / width) ** 2)
    return np.round(microvolts / UV).astype(np.int16)


def blocks(
    samples: np.ndarray,
    sizes: Sequence[int],
    *,
    patient: str = "p",
    session: str = "s",
    rate: float = 250.0,
    first: int = 0,
) -> Iterator[Block]:
    """Cut samples (n,), or (n, leads), into blocks of the given sizes, over and over."""
    leads = LEADS[: 1 if samples.ndim == 1 else samples.shape[1]]
    at = k = 0
    while at < len(samples):
        size = sizes[k % len(sizes)]
        piece = samples[at : at + size]
        yield Block(
            patient=patient,
            session=session,
            seq=k,
            first=first + at,
            rate=rate,
            leads=leads,
            uv_per_lsb=(UV,) * len(leads),
            payload=piece.T.astype("<i2").tobytes(),
        )
        at += size
        k += 1
