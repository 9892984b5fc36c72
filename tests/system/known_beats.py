"""Patients whose every beat is known, as records to stream: what happens, and when it is to be told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from client.ecg_model import Beat, Heart
from client.records import Record, open_record, read_annotations
from client.simulator import RATE, UV_PER_LSB
from ecg.types import Lead

SECONDS = 33
"""Of every patient's signal."""
LIMITS = (60.0, 100.0)
"""Low and high heart rate of those whose rate steps (ALARMS.md)."""
PHASES = (0.0, 0.3, 0.7)
"""Seconds by which like patients are apart: vitals are judged once a second."""


@dataclass(frozen=True)
class Patient:
    """A record, and what a subscriber must be told of it.

    Attributes:
        record: named as the patient.
        moments: seconds of the record, from each of which the time to alarm counts.
        kinds: of alarms that tell it, each of `moments` by a first publication of its own.
    """

    record: Record
    moments: tuple[float, ...]
    kinds: frozenset[str]


def arrest(phase: float) -> Patient:
    """Sinus rhythm, a flat line of about 7 s, sinus rhythm; it counts from the last QRS."""
    before, after = train(0.5 + phase, 14.5, 75), train(21.0, SECONDS, 75)
    record = drawn(f"arrest-{phase:g}", [*before, *after])
    return Patient(record, (before[-1][0],), frozenset(["ASYSTOLE"]))


def step(phase: float, rate: float) -> Patient:
    """80 /min, then at once another rate; it counts from the last beat of the old one."""
    before = train(0.5 + phase, 15.0, 80)
    last = before[-1][0]
    record = drawn(f"to-{rate:g}-{phase:g}", [*before, *train(last + 60 / rate, SECONDS, rate)])
    kinds = ["HR_HIGH"] if rate > LIMITS[1] else ["HR_LOW", "EXTREME_BRADY"]
    return Patient(record, (last,), frozenset(kinds))


def tachycardia(name: str, rate: float, *spans: tuple[float, float]) -> Patient:
    """Sinus rhythm with ventricular tachycardias; each counts from its fifth beat."""
    beats, now, fifths = [], 0.5, []
    for start, end in spans:
        run = train(start, end, rate, "V")
        beats += [*train(now, start - 0.4, 75), *run]
        now = run[-1][0] + 1.0
        fifths.append(run[4][0])
    return Patient(
        drawn(name, [*beats, *train(now, SECONDS, 75)]), tuple(fifths), frozenset(["VTACH"])
    )


def annotated(path: Path, start: float) -> Patient:
    """A part of a real record; it counts from the fifth beat of each run of V at 100 /min or more."""
    record, (lower, upper) = open_record(path, [0]), (start, start + SECONDS)
    notes = read_annotations(path)
    beats = [
        (sample / record.rate - lower, symbol)
        for sample, symbol in zip(notes.samples, notes.symbols, strict=True)
        if symbol in "NLRBAaJSVrFejnE/fQ" and lower <= sample / record.rate < upper
    ]
    fifths = tuple(
        beats[i][0]
        for i in range(5, len(beats))
        if [symbol == "V" for _, symbol in beats[i - 5 : i + 1]] == [False] + [True] * 5
        and 4 * 60 / (beats[i][0] - beats[i - 4][0]) >= 100.0
    )
    part = record.samples[round(lower * record.rate) : round(upper * record.rate)]
    return Patient(
        replace(record, samples=part, gaps=(), lead_off=()), fifths, frozenset(["VTACH"])
    )


def train(start: float, end: float, rate: float, kind: str = "N") -> list[tuple[float, str]]:
    """Beats of one kind at a steady rate, times in seconds."""
    return [(float(at), kind) for at in np.arange(start, end, 60 / rate)]


def drawn(name: str, beats: Sequence[tuple[float, str]]) -> Record:
    """The signal of these beats, with 5 µV of noise."""
    intervals = np.diff([time for time, _ in beats], prepend=beats[0][0] - 0.8)
    hearts = [
        Beat(time, float(rr), kind) for (time, kind), rr in zip(beats, intervals, strict=True)
    ]
    millivolts = Heart(RATE).advance(0, SECONDS * RATE, hearts)
    millivolts += np.random.default_rng(3).normal(0.0, 0.005, len(millivolts))
    samples = np.rint(millivolts * 1000 / UV_PER_LSB).astype(np.int16)[:, None]
    return Record(name, RATE, (Lead.II,), ("II",), (UV_PER_LSB,), samples, (), ())
