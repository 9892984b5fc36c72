"""Annotations on a time axis in seconds, and stretches of it: what alarm truth is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.annotations import BXB, Annotations, Beats, beats


class Episode(NamedTuple):
    """A stretch in seconds, and the instant from which the time to the alarm is counted."""

    start: float
    end: float
    onset: float


Stretch = tuple[float, float]


@dataclass(frozen=True)
class Truth:
    """Episodes that must be found, and stretches in which an alarm is right."""

    must: list[Episode]
    may: list[Stretch]


@dataclass(frozen=True)
class Annotated:
    """One record's annotations in seconds.

    Attributes:
        at: time of each beat.
        classes: class index of each beat.
        rhythms: (name, start, end) of each rhythm annotation, without its bracket.
        blind: fibrillation and unreadable stretches.
        fibrillation: stretches of ventricular flutter or fibrillation.
        seconds: the record's length.
    """

    at: NDArray[np.float64]
    classes: NDArray[np.int8]
    rhythms: list[tuple[str, float, float]]
    blind: list[Stretch]
    fibrillation: list[Stretch]
    seconds: float

    def named(self, *names: str) -> list[Stretch]:
        """The stretches of these rhythms."""
        return [(start, end) for name, start, end in self.rhythms if name in names]


def annotated(found: Annotations, rate: float, seconds: float) -> Annotated:
    """Put a record's annotations on a time axis."""
    file = beats(found, rate, BXB)
    fibrillation = _stretches(file, "fibrillation", rate, seconds)
    return Annotated(
        at=file.samples / rate,
        classes=file.classes,
        rhythms=_rhythms(found, rate, seconds),
        blind=sorted(fibrillation + _stretches(file, "shutdown", rate, seconds)),
        fibrillation=fibrillation,
        seconds=seconds,
    )


def _stretches(file: Beats, name: str, rate: float, seconds: float) -> list[Stretch]:
    spans = getattr(file, name)
    return [
        (start / rate, min(end / rate, seconds))
        for start, end in zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)
    ]


def _rhythms(found: Annotations, rate: float, seconds: float) -> list[tuple[str, float, float]]:
    marks = [
        (note.lstrip("("), sample / rate)
        for note, symbol, sample in zip(
            found.notes, found.symbols, found.samples.tolist(), strict=True
        )
        if symbol == "+" and note.startswith("(")
    ]
    return [(name, at, end) for (name, at), (_, end) in pairwise([*marks, ("", seconds)])]


def touches(stretches: Sequence[Stretch], start: float, end: float) -> bool:
    """Whether one of the stretches overlaps (start, end)."""
    return any(a < end and b > start for a, b in stretches)


def where(flags: NDArray[np.bool_]) -> list[Stretch]:
    """Stretches of seconds with a true flag."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return [(float(a), float(b)) for a, b in edges.reshape(-1, 2)]


def joined(stretches: Sequence[Stretch], gap: float = 10.0) -> list[Stretch]:
    """Join stretches less than `gap` apart: an alarm with hysteresis is raised once for them."""
    out: list[Stretch] = []
    for start, end in stretches:
        if out and start - out[-1][1] < gap:
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out
