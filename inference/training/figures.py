"""EC57 figures of a model for its card: own detected beats, bxb's matching, e, j, n as N."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from inference.bundle import BeatManifest, Bundle
from inference.classifier import BeatClassifier
from inference.evaluation.annotations import Beats, spans
from inference.evaluation.ec57 import LABELS, compare
from inference.evaluation.records import DS2
from inference.evaluation.summary import counts, figures
from inference.training.harvest import Found, harvest
from inference.training.records import Record, read

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


Tests = dict[str, list[Judged]]
"""Records by the name of their set."""


def tests(data: Path) -> Tests:
    """Records for the card's figures, none of which was trained on."""
    ds2 = [judged(read(data / "mitdb" / name)) for name in tqdm(DS2, desc="mitdb DS2")]
    without = [one for one in ds2 if one.record.name != "232"]
    return {"mitdb DS2": ds2, "mitdb DS2 without 232": without}


def judge(made: Bundle[BeatManifest], records: Tests) -> dict[str, dict[str, float]]:
    """Figures WANTED of a bundle for each set."""
    classify = BeatClassifier(made)
    return {name: measure(members, classify) for name, members in records.items()}


def variant(name: str, made: Bundle[BeatManifest], records: Tests) -> str:
    """Size, p99 of one beat and figures of a variant of a model, as the card has them."""
    found = judge(made, records)
    parts = [f"{key} V {f['v_f1']:.1f} S {f['s_f1']:.1f}" for key, f in found.items()]
    p99 = latency(made, next(iter(records.values()))[0].found)
    return f"{name} {len(made.model) / 1000:.1f} KB, {p99:.3f} ms, {', '.join(parts)}"


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
