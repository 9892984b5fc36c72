"""EC57 figures of a model for its card: own detected beats, bxb's matching, e, j, n as N."""

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inference.bundle import BeatManifest, Bundle
from inference.classifier import BeatClassifier
from inference.evaluation.annotations import Beats, spans
from inference.evaluation.ec57 import LABELS, compare
from inference.evaluation.summary import counts, figures
from inference.training.harvest import Found, harvest
from inference.training.records import Record

WANTED = ("v_f1", "v_se", "v_ppv", "s_f1", "s_se", "s_ppv", "qrs_se", "qrs_ppv", "accuracy")


class Judged(NamedTuple):
    """A record and the inputs at our own detected beats."""

    record: Record
    found: Found


class Classified(NamedTuple):
    """A record, R of our own detected beats in device samples, and the classes they were given."""

    record: Record
    at: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int8]


def judged(record: Record) -> Judged:
    """Stream `record` through the signal rooms."""
    return Judged(record, harvest(record.signal, record.rate))


def measure(records: Sequence[Judged], classify: BeatClassifier) -> dict[str, float]:
    """Gross figures WANTED in per cent, with the exported model as it is served."""
    return score(
        Classified(record, found.at, classify(found.windows, found.context)[0])
        for record, found in records
    )


def score(records: Iterable[Classified]) -> dict[str, float]:
    """Gross figures WANTED in per cent."""
    total = np.zeros((len(LABELS), len(LABELS)), np.int64)
    for record, at, classes in records:
        ours = Beats(np.rint(at).astype(np.int64), classes, spans([]), spans([]))
        total += compare(record.truth, ours, record.rate).matrix
    values = figures(counts(total))
    return {name: round(100 * float(values[name]), 2) for name in WANTED}


def latency(made: Bundle[BeatManifest], found: Found, beats: int = 2000) -> float:
    """99th percentile (ms) of classifying one beat, features included, on this machine."""
    classify = BeatClassifier(made)
    windows, context = found.windows[:beats], found.context[:beats]
    spent = []
    for k in range(len(windows)):
        start = time.perf_counter()
        classify(windows[k : k + 1], context[k : k + 1])
        spent.append(time.perf_counter() - start)
    return 1e3 * float(np.percentile(spent, 99))
