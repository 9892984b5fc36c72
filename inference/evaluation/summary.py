"""Figures out of counts: per record, gross, mean per record and patient, bootstrap intervals."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecg.types import CLASSES
from inference.evaluation.ec57 import LABELS
from inference.evaluation.records import RecordResult
from inference.evaluation.runs import KINDS, RunMatrices, found_of

COUNTS: Final = (
    *("qrs_tp", "qrs_fn", "qrs_fp"),
    *("v_tp", "v_fn", "v_fp", "v_tn"),
    *("s_tp", "s_fn", "s_fp"),
    *("right", "judged"),
)
"""What a matrix is reduced to; every figure is a ratio of sums of these."""

RATIOS: Final = {
    "qrs_se": (("qrs_tp",), ("qrs_tp", "qrs_fn")),
    "qrs_ppv": (("qrs_tp",), ("qrs_tp", "qrs_fp")),
    "qrs_der": (("qrs_fn", "qrs_fp"), ("qrs_tp", "qrs_fn")),
    "v_se": (("v_tp",), ("v_tp", "v_fn")),
    "v_ppv": (("v_tp",), ("v_tp", "v_fp")),
    "v_fpr": (("v_fp",), ("v_fp", "v_tn")),
    "v_f1": (("v_tp", "v_tp"), ("v_tp", "v_tp", "v_fn", "v_fp")),
    "s_se": (("s_tp",), ("s_tp", "s_fn")),
    "s_ppv": (("s_tp",), ("s_tp", "s_fp")),
    "s_f1": (("s_tp", "s_tp"), ("s_tp", "s_tp", "s_fn", "s_fp")),
    "accuracy": (("right",), ("judged",)),
}
"""Numerator and denominator of each figure, both sums of counts.

`accuracy` is of N, S, V: right ones among all reference beats of these classes, missed ones
included, and all false detections.
"""

DETECTION: Final = ("qrs_se", "qrs_ppv", "qrs_der")
"""Figures that count paced records too."""

REPLICATES: Final = 2000
"""Bootstrap samples: the 2.5 % point then rests on 50 of them."""


def counts(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts in the order of COUNTS from a matrix (EC57 4.3.3), as bxb sums them.

    F and Q called V, and Q called S, are not false; F called S is. What is no V and not called
    so is a true negative, false detections included.
    """
    row = {label: i for i, label in enumerate(LABELS)}
    beats = len(CLASSES)
    n, s, v, f = row["N"], row["S"], row["V"], row["F"]
    none = [row["O"], row["X"]]
    v_rows, s_rows = [n, s, *none], [n, v, f, *none]
    not_v = [label for label in range(beats) if label != v]
    right = matrix[n, n] + matrix[s, s] + matrix[v, v]
    judged = matrix[[n, s, v]].sum() + matrix[none][:, :beats].sum()
    values = (
        matrix[:beats, :beats].sum(),
        matrix[:beats, none].sum(),
        matrix[none, :beats].sum(),
        *(matrix[v, v], matrix[v].sum() - matrix[v, v]),
        *(matrix[v_rows, v].sum(), matrix[np.ix_([*not_v, *none], not_v)].sum()),
        *(matrix[s, s], matrix[s].sum() - matrix[s, s], matrix[s_rows, s].sum()),
        *(right, judged),
    )
    return np.array(values, np.int64)


def figures(sums: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Every figure of RATIOS from counts (…, len(COUNTS)); NaN where there is nothing to judge."""
    column = {name: sums[..., i] for i, name in enumerate(COUNTS)}
    return {
        name: _ratio(_sum(column, top), _sum(column, bottom))
        for name, (top, bottom) in RATIOS.items()
    }


def _sum(column: dict[str, NDArray[np.int64]], names: tuple[str, ...]) -> NDArray[np.int64]:
    total: NDArray[np.int64] = np.sum([column[name] for name in names], axis=0)
    return total


def _ratio(top: NDArray[np.int64], bottom: NDArray[np.int64]) -> NDArray[np.float64]:
    out = np.full(np.shape(top), np.nan)
    np.divide(top, bottom, out=out, where=np.asarray(bottom) > 0)
    return out


def table(results: Sequence[RecordResult], *, other: bool = False) -> NDArray[np.int64]:
    """Counts of each record (records, len(COUNTS)); class counts of paced records are 0."""
    keep = np.array([name.startswith("qrs") for name in COUNTS])
    rows = []
    for result in results:
        row = counts((result.other if other else result.comparison).matrix)
        rows.append(row if result.classified else np.where(keep, row, 0))
    return np.array(rows, np.int64).reshape(-1, len(COUNTS))


def by_patient(results: Sequence[RecordResult], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum the rows of each patient."""
    names = sorted({result.patient for result in results})
    out = np.zeros((len(names), rows.shape[1]), np.int64)
    for result, row in zip(results, rows, strict=True):
        out[names.index(result.patient)] += row
    return out


def mean(rows: NDArray[np.int64]) -> dict[str, float]:
    """Mean of each figure over the rows where it exists (EC57's average), NaN where in none."""
    out = {}
    for name, values in figures(rows).items():
        known = values[~np.isnan(values)]
        out[name] = float(known.mean()) if len(known) else float("nan")
    return out


def bootstrap(
    patients: NDArray[np.int64], seed: int, replicates: int = REPLICATES
) -> dict[str, tuple[float, float]]:
    """95 % percentile interval of each gross figure, patients drawn with replacement.

    Beats of one patient are not independent, so the patient is what is drawn (Efron 1979).

    Args:
        patients: counts (patients, len(COUNTS)).
        seed: of the generator; the same seed gives the same interval.
        replicates: number of draws.
    """
    generator = np.random.default_rng(seed)
    size = len(patients)
    weights = generator.multinomial(size, np.full(size, 1 / size), replicates)
    out = {}
    for name, values in figures(weights @ patients).items():
        known = values[~np.isnan(values)]
        low, high = np.percentile(known, (2.5, 97.5)) if len(known) else (np.nan, np.nan)
        out[name] = (float(low), float(high))
    return out


def gross(rows: NDArray[np.int64]) -> dict[str, float]:
    """Each figure of all rows together."""
    return {name: float(value) for name, value in figures(rows.sum(axis=0)).items()}


def fiducial(results: Sequence[RecordResult]) -> dict[str, float]:
    """Offset and spread in ms of detection minus reference over all pairs.

    `sd_ms` is the spread around each record's own mean, pooled over its beats: a constant offset
    is a matter of convention, jitter is not.
    """
    sets = [r.comparison.offsets * 1e3 for r in results if len(r.comparison.offsets)]
    if not sets:
        return dict.fromkeys(("mean_ms", "sd_ms", "worst_sd_ms"), float("nan"))
    centred = np.concatenate([offsets - offsets.mean() for offsets in sets])
    return {
        "mean_ms": float(np.concatenate(sets).mean()),
        "sd_ms": float(np.sqrt(np.square(centred).mean())),
        "worst_sd_ms": float(max(offsets.std() for offsets in sets)),
    }


def run_counts(matrices: Sequence[RunMatrices]) -> dict[str, Any]:
    """Found and all runs of each kind, both ways, over the records, and the summed matrices."""
    sensitivity = sum((m.sensitivity for m in matrices), np.zeros((7, 7), np.int64))
    predictivity = sum((m.predictivity for m in matrices), np.zeros((7, 7), np.int64))
    out: dict[str, Any] = {}
    for kind in KINDS:
        found, actual = found_of(sensitivity, kind)
        true, called = found_of(predictivity, kind)
        out[kind] = {"found": found, "actual": actual, "true": true, "called": called}
    both = {"sensitivity": sensitivity.tolist(), "predictivity": predictivity.tolist()}
    return out | {"matrices": both}
