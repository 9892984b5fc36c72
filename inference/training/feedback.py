"""Training rows from feedback: beats whose class people corrected, with the signal kept for them.

The signal goes through the same rooms as every training record. Only what nobody can mistake is
taken: our own beat within 150 ms of the one that was judged. Corrected patients are trained on and
never judged: they are no fold of the cross-validation and stand in no figure.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ecg.errors import ModelError
from ecg.messages import Strip
from inference import features
from inference.evaluation.annotations import window_samples
from inference.training.beats import Patient
from inference.training.harvest import harvest
from inference.training.records import LEFT_OUT, hold
from stream.engine.arrive import microvolts
from stream.store import Feedback, FeedbackFilter, Store, StoreError

GROUP: Final = "feedback"
LABELS: Final = {"N": 0, "S": 1, "V": 2, "artefact": 0}
"""Classes that are trained; an artefact is N as every detection without an annotation (`label`)."""
MOST: Final = 100_000
"""Beats read at once; the store keeps fewer."""


class Judged(NamedTuple):
    """A beat that somebody judged, and the signal that it ends."""

    said: Feedback
    strip: Strip


def read(place: str) -> list[Judged]:
    """All judged beats with signal of a store, the oldest first; the last word on a beat counts.

    Args:
        place: SQLAlchemy URL of the store, or the folder of an installation.

    Raises:
        ModelError: there is no such store, or it cannot be read.
    """
    where = place if "://" in place else Path(place) / "store.db"
    if isinstance(where, Path) and not where.is_file():
        raise ModelError("feedback_missing", f"{where} is not there")
    try:
        with Store(where) as store:
            found = store.feedback.find(FeedbackFilter(about="beat", limit=MOST))
            last = {(one.patient, one.session, one.sample): one for one in reversed(found)}
            strips = [(one, store.feedback.strip(one.id)) for one in last.values()]
    except StoreError as error:
        raise ModelError("feedback_missing", f"{place}: {error}") from error
    return [Judged(one, strip) for one, strip in strips if strip is not None]


def patients(judged: Iterable[Judged]) -> list[Patient]:
    """Training rows by patient; those of whom no beat can be used are absent."""
    rows: dict[str, list[npt.NDArray[np.float32]]] = defaultdict(list)
    labels: dict[str, list[int]] = defaultdict(list)
    for said, strip in judged:
        label = LABELS.get(said.label, LEFT_OUT)
        row = None if label == LEFT_OUT else _row(said, strip)
        if row is not None:
            rows[said.patient].append(row)
            labels[said.patient].append(label)
    return [
        Patient(name, GROUP, np.concatenate(rows[name]), np.array(labels[name], np.int8))
        for name in sorted(rows)
    ]


def digest(before: str, corrected: Sequence[Patient]) -> str:
    """SHA-256 (hex) of the data hash `before` and of what feedback adds; `before` if nothing."""
    if not corrected:
        return before
    found = hashlib.sha256(before.encode())
    for one in corrected:
        found.update(one.name.encode() + one.inputs.tobytes() + one.labels.tobytes())
    return found.hexdigest()


def summary(corrected: Sequence[Patient]) -> str:
    """A line for the model card, empty if there is no feedback."""
    if not corrected:
        return ""
    beats = sum(len(one.labels) for one in corrected)
    return f"- Feedback: {beats} beats of {len(corrected)} patients, trained on, never judged.\n"


def _row(said: Feedback, strip: Strip) -> npt.NDArray[np.float32] | None:
    """The model's input (1, INPUT) at the judged beat; None if we find none there."""
    rate = strip.blocks[0].rate
    start, signal = _signal(strip)
    found = harvest(signal, rate)
    if not len(found.at):
        return None
    distance = np.abs(found.at + start - said.sample)
    nearest = int(distance.argmin())
    if distance[nearest] > window_samples(rate):
        return None
    at = slice(nearest, nearest + 1)
    return features.transform(found.windows[at], found.context[at])


def _signal(strip: Strip) -> tuple[int, npt.NDArray[np.float64]]:
    """First sample and microvolts of the analysed lead; a missing sample repeats the one before."""
    start, end = strip.blocks[0].first, strip.blocks[-1].end
    signal = np.full(end - start, np.nan)
    for block in strip.blocks:
        signal[block.first - start : block.end - start] = microvolts(block, lead=0)
    return start, hold(signal)
