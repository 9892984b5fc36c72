"""Beat sequences for tests of the room `rhythm`: written as sentences, played hop by hop."""

from dataclasses import dataclass, field

import numpy as np

from ecg.types import HOP, RATE
from stream.engine import rhythm

CLASSES = "NSVFQ"
EDGES = {rhythm.SET: "set", rhythm.CLEAR: "clear", rhythm.ONCE: "once"}


@dataclass
class Beats:
    """Beats in time order: `say("NNV", rr)` appends beats, each `rr` seconds after the last."""

    now: float = 0.0
    beats: list[tuple[float, int]] = field(default_factory=list)

    def say(self, classes: str, rr: float | list[float] = 0.8) -> "Beats":
        intervals = rr if isinstance(rr, list) else [rr] * len(classes)
        for label, interval in zip(classes, intervals, strict=True):
            self.now += interval
            self.beats.append((self.now, CLASSES.index(label)))
        return self


@dataclass
class Told:
    """One change, in seconds."""

    kind: str
    edge: str
    onset: float
    at: float
    value: float


class Player:
    """Plays beats into one record of the bank; what the hops say is set by the test."""

    def __init__(self) -> None:
        self.bank = np.zeros(1, rhythm.STATE)
        self.state = self.bank[0]
        rhythm.init(self.state)
        self.horizon = 0
        self.out = np.zeros(rhythm.MAX_CHANGES, rhythm.CHANGE)
        self.vital = np.zeros(1, rhythm.VITALS)
        self.told: list[Told] = []
        self.rates: list[tuple[float, float]] = []
        self.confidence = 0.95
        self.quality = 0.95
        self.p_evidence = -1.0
        self.towers = False
        self.noisy = False
        self.silence = 0
        self.looks: dict[str, tuple[float, float, bool, float]] = {}
        self.wide = (0.0, 0.0)  # from when (s) and at which rate a chain of wide beats is on

    def play(self, beats, until, *, valid=True, fibrillation=False, skip=False) -> "Player":
        """Advance to `until` seconds; `skip` jumps there in one step, as over a gap."""
        waiting = [b for b in beats.beats if self.horizon <= b[0] * RATE < until * RATE]
        while self.horizon < round(until * RATE):
            self.horizon = round(until * RATE) if skip else self.horizon + HOP
            while waiting and waiting[0][0] * RATE < self.horizon:
                at, label = waiting.pop(0)
                *looks, v = self.looks.get(CLASSES[label], (0.85, 1.0, False, 0.0))
                rhythm.look(self.state, *looks, self.towers, v)
                rhythm.beat(self.state, at * RATE, label, self.confidence, self.quality)
            self._hop(valid, fibrillation)
        return self

    def _hop(self, valid, fibrillation) -> None:
        rhythm.noise(self.state, self.noisy, self.silence)
        since, rate = self.wide
        rhythm.wide(self.state, since * RATE, rate if self.horizon > since * RATE else 0.0)
        count = rhythm.advance(
            self.state, self.horizon, valid, fibrillation, self.p_evidence, self.out
        )
        self.told += [
            Told(
                rhythm.KINDS[row["kind"]],
                EDGES[int(row["phase"])],
                int(row["onset"]) / RATE,
                int(row["at"]) / RATE,
                float(row["value"]),
            )
            for row in self.out[:count]
        ]
        if self.horizon % RATE == 0:
            self.rates.append((self.horizon / RATE, self.vitals()["heart_rate"]))

    def gap(self, start, end) -> None:
        rhythm.gap(self.state, round(start * RATE), round(end * RATE))

    def vitals(self):
        rhythm.vitals(self.state, self.vital[0])
        row = self.vital[0]
        return {name: float(row[name]) for name in self.vital.dtype.names} | {
            "rhythm": rhythm.RHYTHMS[row["rhythm"]]
        }

    def edges(self, *kinds) -> list[tuple[str, str]]:
        return [(t.kind, t.edge) for t in self.told if not kinds or t.kind in kinds]

    def first(self, kind, edge="set") -> Told:
        return next(t for t in self.told if (t.kind, t.edge) == (kind, edge))


def played(beats, until=None, **settings) -> Player:
    """Everything from the start to `until`, or to a second after the last beat."""
    return Player().play(beats, until if until is not None else beats.now + 1.0, **settings)
