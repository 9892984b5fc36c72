"""Scripted rhythms: which rhythm when, and when each of its beats falls. Pure and seeded."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np

from client.ecg_model import Beat

RHYTHMS: Final = {
    "sinus": 0.0,  # the bed's own rate, 62 to 84 /min
    "bradycardia": 44.0,
    "tachycardia": 130.0,
    "pvcs": 0.0,
    "bigeminy": 0.0,
    "vt": 145.0,  # at 165 a wide monomorphic VT can hardly be told from flutter
    "vf": 0.0,
    "af": 95.0,
    "asystole": 0.0,
    "leadoff": 0.0,
    "noise": 0.0,
}
"""Every rhythm that a script may name, with its own mean rate per minute if it has one."""

BEATLESS: Final = frozenset({"vf", "asystole"})

DEFAULT_SECONDS: Final = 30.0
"""How long a rhythm lasts if the script does not say: long enough for every alarm but AFIB's 60 s."""

MAYER_HZ, RESPIRATION_HZ = 0.1, 0.25
"""The two peaks of the paper's RR spectrum: blood-pressure (Mayer) waves and respiration."""

COUPLING: Final = 0.58
"""RR before a premature ventricular beat, as a share of the basic RR."""

RECOVERY_SECONDS: Final = 0.6
"""From the end of asystole or fibrillation to the first beat."""

EIGHT_BEDS: Final = (
    "sinus:600",
    "sinus:70,pvcs:80,sinus:120",
    "sinus:45,vt:9,sinus:240",
    "af:400,sinus:120",
    "sinus:110,bradycardia:35,sinus:160",
    "sinus:160,tachycardia:40,sinus:140",
    "sinus:40,bigeminy:40,sinus:180",
    "sinus:130,leadoff:14,sinus:80,noise:12,sinus:90,asystole:7,sinus:110,vf:12,sinus:200",
)
"""A ward that is mostly calm: about one alarm a minute over all beds, a lethal one every few minutes.
A ward of more beds begins again at the first."""


class Segment(NamedTuple):
    """One stretch of a script: `rhythm` from `start` to `end` seconds; `number` counts from 0."""

    rhythm: str
    start: float
    end: float
    number: int


class Script:
    """Rhythms one after the other, then again from the first, for ever.

    Args:
        steps: rhythm and seconds of each.

    Attributes:
        beats: whether any of its rhythms has beats.

    Raises:
        ValueError: an unknown rhythm, or a duration that is not above 0.
    """

    def __init__(self, steps: Sequence[tuple[str, float]]) -> None:
        for rhythm, seconds in steps:
            if rhythm not in RHYTHMS:
                raise ValueError(f"rhythm {rhythm!r} is none of {', '.join(RHYTHMS)}")
            if not (math.isfinite(seconds) and seconds >= 1.0):
                raise ValueError(f"{rhythm} for {seconds} s: at least 1 s")
        if not steps:
            raise ValueError("a script names at least one rhythm")
        self._rhythms = [rhythm for rhythm, _ in steps]
        self.beats = not BEATLESS.issuperset(self._rhythms)
        self._edges = [0.0, *accumulate(seconds for _, seconds in steps)]

    @classmethod
    def parse(cls, text: str) -> "Script":
        """A script from text such as `sinus:60,vt:9,asystole` (seconds; 30 if not given)."""
        steps = []
        for word in text.split(","):
            rhythm, _, seconds = word.strip().partition(":")
            steps.append((rhythm, float(seconds) if seconds else DEFAULT_SECONDS))
        return cls(steps)

    def at(self, time: float) -> Segment:
        """The segment that `time` (seconds, from 0) lies in."""
        count, total = len(self._rhythms), self._edges[-1]
        round_ = math.floor(time / total)
        index = min(bisect_right(self._edges, time - round_ * total) - 1, count - 1)
        base = round_ * total
        start, end = base + self._edges[index], base + self._edges[index + 1]
        return Segment(self._rhythms[index], start, end, round_ * count + index)

    def within(self, start: float, end: float) -> Iterator[Segment]:
        """The segments between two times, in order."""
        segment = self.at(start)
        while segment.start < end:
            yield segment
            # The middle of the next one: its edge itself may round to either side.
            segment = self.at(segment.end + 0.5)


class Planner:
    """Lays out the beats of one heart.

    Args:
        script: which rhythm when.
        dice: the heart's own randomness.
    """

    def __init__(self, script: Script, dice: np.random.Generator) -> None:
        self._script = script
        self._dice = dice
        self._rate = float(dice.uniform(62.0, 84.0))
        self._phases = dice.uniform(0.0, 2 * math.pi, 2)
        self._last = Beat(0.0, 60.0 / self._rate, "N")

    def next(self) -> Beat:
        """The beat after the last one; at infinity if the script has none."""
        if not self._script.beats:
            return Beat(math.inf, 1.0, "N")
        segment = self._script.at(self._last.time)
        if segment.rhythm in BEATLESS:
            beat = self._resume(segment)
        else:
            rr, kind = self._interval(segment.rhythm)
            beat = self._enter(segment, Beat(self._last.time + rr, rr, kind))
        self._last = beat
        return beat

    def _enter(self, segment: Segment, beat: Beat) -> Beat:
        """If the beat falls into another rhythm, that one's rule decides, not before its start."""
        landing = self._script.at(beat.time)
        if landing.number == segment.number:
            return beat
        if landing.rhythm in BEATLESS:
            return self._resume(landing)
        rr, kind = self._interval(landing.rhythm)
        time = max(self._last.time + rr, landing.start)
        return Beat(time, time - self._last.time, kind)

    def _resume(self, segment: Segment) -> Beat:
        while segment.rhythm in BEATLESS:
            time = segment.end + RECOVERY_SECONDS
            segment = self._script.at(time)
        return Beat(time, *self._interval(segment.rhythm))

    def _interval(self, rhythm: str) -> tuple[float, str]:
        """RR to the next beat and its kind."""
        if rhythm == "vt":
            return 60.0 / RHYTHMS["vt"] * (1 + 0.02 * self._spread()), "V"
        if rhythm == "af":
            # A log-normal spread of a quarter, without memory: irregularly irregular.
            return max(60.0 / RHYTHMS["af"] * math.exp(0.25 * self._spread()), 0.35), "A"
        basic = self._sinus(RHYTHMS[rhythm] or self._rate)
        if rhythm in {"pvcs", "bigeminy"}:
            return self._ectopy(basic, 1.0 if rhythm == "bigeminy" else 0.2)
        return basic, "N"

    def _ectopy(self, basic: float, share: float) -> tuple[float, str]:
        """A premature ventricular beat with probability `share`, then a compensatory pause."""
        if self._last.kind == "V":
            return (2 - COUPLING) * basic, "N"
        return (COUPLING * basic, "V") if self._dice.random() < share else (basic, "N")

    def _sinus(self, rate: float) -> float:
        """A sinus interval with the paper's two modulations; more of respiration than of Mayer."""
        time, (mayer, respiration) = 2 * math.pi * self._last.time, self._phases
        wave = 0.02 * math.sin(MAYER_HZ * time + mayer)
        wave += 0.03 * math.sin(RESPIRATION_HZ * time + respiration)
        return 60.0 / rate * (1 + wave + 0.005 * self._spread())

    def _spread(self) -> float:
        """A standard normal number, without its tails."""
        return float(np.clip(self._dice.standard_normal(), -2.5, 2.5))
