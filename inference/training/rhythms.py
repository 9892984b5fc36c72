"""Rhythms to play a patient's beats in: atrial fibrillation, supraventricular beats, sinus rhythm.

Ectopic ventricular beats of the source keep their place in the order, their shape and how early
they come. Supraventricular beats are made of normal ones: early, P wave changed, for a while.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from inference.training.records import Record
from inference.training.retiming import Turn, fibrillate, retime

N: Final = 0
S: Final = 1
V: Final = 2
SHORTEST: Final = 0.26
"""Seconds: no RR is made shorter (the detector's refractory time is 0.2 s)."""
FEWEST: Final = 14
"""Source beats that a rhythm needs."""
WHOLE: Final = 60
"""Beats drawn before the pattern of sinus rhythm changes, on the mean."""

Floats = npt.NDArray[np.float64]


class Source(NamedTuple):
    """Beats that may be played, in order, and the RR before each beat of the record (s)."""

    record: Record
    order: npt.NDArray[np.int64]
    rr: Floats

    @property
    def usual(self) -> float:
        """Median RR of the normal beats (s)."""
        normal = self.order[self.record.truth.classes[self.order] == N]
        return float(np.median(self.rr[normal])) if len(normal) else 0.8


def source(record: Record, rng: np.random.Generator) -> Source | None:
    """N and V beats outside of flutter, from a random one on; None where there are too few."""
    truth = record.truth
    wanted = np.isin(truth.classes, (N, V)) & ~truth.fibrillation.contain(truth.samples)
    wanted[:2] = wanted[-2:] = False
    order = np.flatnonzero(wanted)
    if len(order) < FEWEST or not (truth.classes[order] == N).any():
        return None
    first = int(truth.samples[0] - 0.8 * record.rate)
    rr = np.diff(truth.samples, prepend=first) / record.rate
    return Source(record, np.roll(order, -int(rng.integers(len(order)))), rr)


def fibrillation(
    beats: Source, sequences: Sequence[Floats], seconds: float, rng: np.random.Generator
) -> Record:
    """AF: RR as in `sequences` of real AF (s), no P waves, fibrillatory waves or none."""
    median = rng.uniform(0.45, 0.95)
    size = rng.choice([0.0, rng.uniform(5, 25), rng.uniform(25, 90)])
    turns: list[Turn] = []
    time, k = 0.0, 0
    while time < seconds:
        sequence = sequences[int(rng.integers(len(sequences)))]
        for ratio in sequence / sequence.mean():
            beat = int(beats.order[k % len(beats.order)])
            label = int(beats.record.truth.classes[beat])
            rr = ratio * median
            if label == V:
                rr = min(rr, max(0.32, rng.uniform(0.55, 0.95) * median))
            turns.append(Turn(beat, max(rr, SHORTEST), label, 0.0))
            time += turns[-1].rr
            k += 1
    return fibrillate(retime(beats.record, turns), size, rng)


class Sinus:
    """Sinus rhythm of a patient: slow changes of rate, breathing, premature beats and pauses."""

    def __init__(self, beats: Source, rng: np.random.Generator, *, lively: bool) -> None:
        self.beats, self.rng, self.lively = beats, rng, lively
        self.base = float(np.clip(beats.usual * np.exp(0.2 * rng.normal()), 0.4, 1.2))
        self.breath = rng.uniform(0.04, 0.2) if lively else rng.uniform(0.0, 0.04)
        self.breathing = rng.uniform(0.15, 0.35)
        self.goal = self.drift = self.time = 0.0
        self.pause: float | None = None
        """Factor of the next RR."""
        self._next = 0

    @property
    def rr(self) -> float:
        """Mean RR of now (s)."""
        return float(self.base * np.exp(self.drift))

    def normal(self) -> int:
        """The next normal source beat; ventricular ones before it are skipped."""
        while True:
            beat = self._beat()
            if self.beats.record.truth.classes[beat] == N:
                return beat

    def play(self, count: int) -> Iterator[Turn]:
        """`count` beats as the source has them."""
        for _ in range(count):
            beat = self._beat()
            label = int(self.beats.record.truth.classes[beat])
            rr = self._wander()
            if label == V:
                rr *= float(np.clip(self.beats.rr[beat] / self.beats.usual, 0.4, 1.0))
                self.pause = self.rng.uniform(1.1, 1.5)
            elif self.lively and self.rng.random() < 1 / 80:
                self.pause = self.rng.uniform(1.3, 2.2)
            yield self.turn(Turn(beat, rr, label))

    def turn(self, turn: Turn) -> Turn:
        """The turn with a possible RR; the clock goes on."""
        turn = turn._replace(rr=max(turn.rr, SHORTEST))
        self.time += turn.rr
        return turn

    def _beat(self) -> int:
        self._next += 1
        return int(self.beats.order[(self._next - 1) % len(self.beats.order)])

    def _wander(self) -> float:
        """RR of the next beat (s)."""
        if self.rng.random() < 1 / WHOLE:
            low, high = (-0.35, 0.25) if self.lively else (-0.15, 0.1)
            self.goal = self.rng.uniform(low, high)
        self.drift += (self.goal - self.drift) / 25
        swing = self.breath * np.sin(2 * np.pi * self.breathing * self.time)
        rr = self.rr * (1 + swing + 0.01 * self.rng.normal()) * (self.pause or 1.0)
        self.pause = None
        return float(rr)


def sinus(beats: Source, seconds: float, rng: np.random.Generator) -> Record:
    """Sinus rhythm alone, with breathing, changes of rate and pauses: early is not always S."""
    rhythm = Sinus(beats, rng, lively=True)
    turns: list[Turn] = []
    while rhythm.time < seconds:
        turns.extend(rhythm.play(50))
    return retime(beats.record, turns)


MODES: Final = ("single", "runs", "long", "dominant", "bigeminy")
"""How many S beats in a row, and how many others between."""


def supraventricular(beats: Source, seconds: float, rng: np.random.Generator) -> Record:
    """Premature S beats of one focus: single, in runs, sustained, most of the time, or in turns."""
    rhythm = Sinus(beats, rng, lively=False)
    mode = str(rng.choice(MODES))
    ratio, steady = rng.uniform(0.5, 0.88), rng.uniform(0.005, 0.03)
    wave = float(rng.choice([1.0, 0.0, -rng.uniform(0.4, 1.3), rng.uniform(0.2, 2.0)]))
    shift, pause = rng.uniform(-0.04, 0.06), rng.uniform(1.0, 1.5)
    turns: list[Turn] = []
    while rhythm.time < seconds:
        turns.extend(rhythm.play(_others(mode, rng)))
        rr = max(ratio * rhythm.rr * float(np.exp(0.05 * rng.normal())), 0.3)
        first = rng.uniform(0.9, 1.1) if mode in {"runs", "long"} else 1.0
        for place in range(_ectopic(mode, rng)):
            own = rr * (first if place == 0 else 1.0) * (1 + steady * rng.normal())
            size = wave * (1 + 0.1 * rng.normal())
            turns.append(rhythm.turn(Turn(rhythm.normal(), own, S, size, shift)))
        long = mode == "dominant" and rng.random() < 0.5
        rhythm.pause = rng.uniform(1.0, 3.0) if long else pause * rng.uniform(0.9, 1.1)
        if mode in {"single", "bigeminy"} and rng.random() < 0.05:
            ratio = rng.uniform(0.5, 0.88)
    return retime(beats.record, turns)


def _others(mode: str, rng: np.random.Generator) -> int:
    """Beats between two S runs."""
    if mode == "bigeminy":
        return int(rng.choice([1, 1, 1, 2])) if rng.random() < 0.97 else int(rng.integers(10, 60))
    if mode == "long":
        return int(rng.integers(15, 120))
    return int(rng.geometric({"single": 1 / 12, "runs": 1 / 20, "dominant": 1 / 2}[mode]))


def _ectopic(mode: str, rng: np.random.Generator) -> int:
    """S beats in a row."""
    if mode in {"single", "bigeminy"}:
        return 1
    if mode == "long":
        return int(rng.integers(10, 500))
    return int(rng.geometric({"runs": 1 / 4, "dominant": 1 / 8}[mode]))
