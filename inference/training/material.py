"""Training material: patients, their second leads, their beats in other rhythms, strips, as rows."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from tqdm import tqdm

from inference import features
from inference.evaluation.annotations import Beats, spans
from inference.training import rhythms, strips
from inference.training.beats import RETIMED, SECOND, Patient
from inference.training.harvest import harvest
from inference.training.records import LEFT_OUT, Record, label, read, read_signal
from inference.training.rhythms import Floats

RHYTHMS: Final = ("fibrillation", "supraventricular", "supraventricular", "sinus")
"""Rhythms a patient is played in; a strip is played in one of them, in turn."""
LONG: Final = 600.0
"""Seconds played of a record."""
SHORT: Final = 200.0
"""Seconds played of a strip."""
SEED: Final = 7
"""Of the rhythms: material is the same for every seed of a training."""
THIN: Final = 4
"""Of a record's many N beats every fourth is trained on, with four times the weight."""


def patient(path: Path) -> Patient:
    """Rows of a record, and of the same signal upside down (not labelled)."""
    record = read(path)
    found = harvest(record.signal, record.rate)
    mirror = harvest(-record.signal, record.rate)
    return Patient(
        path.name,
        path.parent.name,
        features.transform(found.windows, found.context),
        label(found.at, record),
        features.transform(mirror.windows[::THIN], mirror.context[::THIN]),
        at=found.at,
    )


def more(
    training: Sequence[Path], chosen: Sequence[tuple[Path, str]], spare: Sequence[Path]
) -> list[Patient]:
    """Strips, second leads, and the beats of patients and of spare strips in other rhythms."""
    af = sequences(chosen)
    out = [strips.patient(*item) for item in tqdm(chosen, unit="strip", desc="stream")]
    out.extend(second_lead(path) for path in tqdm(training, unit="record", desc="stream"))
    for path in tqdm(training, unit="record", desc="retime"):
        out.extend(retimed(read(path), af))
    for place, path in enumerate(tqdm(spare, unit="strip", desc="retime")):
        out.extend(retimed_strip(path, place, af))
    return [one for one in out if one is not None]


def second_lead(path: Path) -> Patient:
    """Rows of a record's second lead, at the beats that the detector finds there."""
    return _rows(read(path, lead=1), SECOND)


def sequences(chosen: Sequence[tuple[Path, str]]) -> list[Floats]:
    """RR (s) as found in the AF strips, those of 20 at least."""
    out = []
    for path, kind in chosen:
        if kind == "A":
            rate, signal = read_signal(path)
            rr = np.diff(harvest(signal, rate).at) / rate
            out.append(rr[(rr > 0.25) & (rr < 2.0)])
    return [rr for rr in out if len(rr) >= 20]


def retimed(record: Record, af: Sequence[Floats]) -> list[Patient]:
    """A record's beats in every rhythm; none where it has too few."""
    played = [_play(record, kind, LONG, af, [SEED, k]) for k, kind in enumerate(RHYTHMS)]
    return [_rows(one, RETIMED) for one in played if one is not None]


def retimed_strip(path: Path, place: int, af: Sequence[Floats]) -> list[Patient]:
    """A normal strip's beats, taken as N, in one rhythm."""
    rate, signal = read_signal(path)
    at = np.rint(harvest(signal, rate).at).astype(np.int64)
    if len(at) < rhythms.FEWEST:
        return []
    truth = Beats(at, np.zeros(len(at), np.int8), spans([]), spans([]))
    record = Record(path.name, rate, signal, truth)
    played = _play(record, RHYTHMS[place % len(RHYTHMS)], SHORT, af, [SEED, place])
    return [] if played is None else [_rows(played, RETIMED, strips.LEARNING)]


def _play(
    record: Record, kind: str, seconds: float, af: Sequence[Floats], seed: list[int]
) -> Record | None:
    digits = [int(c) for c in record.name if c.isdigit()]
    rng = np.random.default_rng(seed + digits)
    beats = rhythms.source(record, rng)
    if beats is None:
        return None
    if kind == "fibrillation":
        return rhythms.fibrillation(beats, af, seconds, rng)
    play: Callable[..., Record] = getattr(rhythms, kind)
    return play(beats, seconds, rng)


def _rows(record: Record, group: str, learning: int = 0) -> Patient:
    found = harvest(record.signal, record.rate)
    labels = label(found.at, record)
    labels[:learning] = LEFT_OUT
    inputs = features.transform(found.windows, found.context)
    return thin(Patient(record.name, group, inputs, labels, at=found.at))


def thin(one: Patient) -> Patient:
    """The patient with every THIN-th N beat, which counts for those left out, and all others."""
    normal = np.flatnonzero(one.labels == 0)
    keep = np.union1d(normal[::THIN], np.flatnonzero(one.labels > 0))
    counts = np.where(one.labels[keep] == 0, np.float32(THIN), np.float32(1))
    return one._replace(
        inputs=one.inputs[keep], labels=one.labels[keep], counts=counts, at=one.at[keep]
    )
