"""Which records are evaluated, whose they are, and what each comparison gives."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.evaluation.annotations import (
    BXB,
    PAPERS,
    Annotations,
    Beats,
    EvaluationError,
    beats,
    load,
)
from inference.evaluation.ec57 import Comparison, compare
from inference.evaluation.runs import ALONE, RXR, Labels, RunMatrices, compare_runs, labels

DS1: Final = (
    "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122",
    "124", "201", "203", "205", "207", "208", "209", "215", "220", "223", "230",
)  # fmt: skip
"""mitdb records for training and every choice (de Chazal 2004)."""

DS2: Final = (
    "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210",
    "212", "213", "214", "219", "221", "222", "228", "231", "232", "233", "234",
)  # fmt: skip
"""mitdb records for the final figure only (de Chazal 2004)."""

PACED: Final = ("102", "104", "107", "217")
"""mitdb records of paced patients: detection only, left out of every figure of a class."""

_PATIENTS: Final = {"202": "201"}
"""mitdb 201 and 202 are one patient (its directory); every other record is a patient's only one."""

SETS: Final = {"DS1": DS1, "DS2": DS2}


@dataclass(frozen=True)
class RecordResult:
    """What one record's comparison gave.

    Attributes:
        record: its name.
        patient: records of one patient share it.
        classified: whether the figures of classes count it (paced ones do not).
        comparison: the beats, classes mapped as asked.
        other: the same with the other mapping of e, j, n.
        runs: couplets and runs, ventricular and supraventricular, in both readings of `runs`.
    """

    record: str
    patient: str
    classified: bool
    comparison: Comparison
    other: Comparison
    runs: Mapping[str, RunMatrices]


def choose(folder: Path, extension: str, wanted: Sequence[str]) -> list[str]:
    """Names of the records to evaluate: of a set (DS1, DS2), listed ones, or all in the folder.

    Raises:
        EvaluationError: a wanted record has no annotation file, or there is none at all.
    """
    here = sorted(path.stem for path in folder.glob(f"*.{extension}"))
    if not here:
        raise EvaluationError(f"{folder}: no annotation file ends in .{extension}")
    if list(wanted) == ["all"]:
        return here
    names = [name for item in wanted for name in SETS.get(item, (item,))]
    missing = sorted(set(names) - set(here))
    if missing:
        raise EvaluationError(f"{folder}: no .{extension} file of {', '.join(missing)}")
    return list(dict.fromkeys(names))


def sampling_rate(reference: Path, *files: Annotations) -> float:
    """The common rate in Hz of the files, as they say themselves or the reference's header does.

    Raises:
        EvaluationError: nothing says it, or the files differ.
    """
    header = reference.with_name(reference.name + ".hea")
    said = {file.rate for file in files if file.rate is not None}
    if header.is_file():
        said.add(_header_number(header, 2))
    if len(said) != 1:
        what = f"differ: {sorted(said)} Hz" if said else "say no sampling rate"
        raise EvaluationError(f"{reference}: the annotation files and the header {what}")
    return said.pop()


def length(reference: Path) -> float:
    """Seconds of the record, from its header.

    Raises:
        EvaluationError: there is no header, or it does not say it.
    """
    header = reference.with_name(reference.name + ".hea")
    if not header.is_file():
        raise EvaluationError(f"{header}: there is no such header")
    return _header_number(header, 3) / _header_number(header, 2)


def _header_number(header: Path, word: int) -> float:
    """Word 2 (sampling frequency) or 3 (samples) of a WFDB header's first line, header(5)."""
    lines = header.read_text(encoding="ascii", errors="replace").splitlines()
    words = next((line.split() for line in lines if line and not line.startswith("#")), [])
    try:
        value = float(words[word].split("/")[0].split("(")[0])
    except (IndexError, ValueError):
        value = math.nan
    if not 0 < value < math.inf:
        what = "sampling frequency" if word == 2 else "number of samples"
        raise EvaluationError(f"{header}: the first line holds no {what}")
    return value


def evaluate_record(
    name: str, folder: Path, extension: str, reference: Path, *, ej_as_n: bool
) -> RecordResult:
    """Compare one record's annotation file with the reference's `.atr`."""
    truth, judged = load(reference / name, "atr"), load(folder / name, extension)
    rate = sampling_rate(reference / name, truth, judged)
    first, second = (PAPERS, BXB) if ej_as_n else (BXB, PAPERS)
    annotated, found = beats(truth, rate, first), beats(judged, rate, first)
    return RecordResult(
        record=name,
        patient=_PATIENTS.get(name, name),
        classified=name not in PACED,
        comparison=compare(annotated, found, rate),
        other=compare(beats(truth, rate, second), beats(judged, rate, second), rate),
        runs=_runs(labels(truth, first), labels(judged, first), annotated, found, rate),
    )


def _runs(
    truth: Labels, judged: Labels, annotated: Beats, found: Beats, rate: float
) -> dict[str, RunMatrices]:
    plain = truth.outside(annotated), judged.outside(annotated, found)
    alone = {name: compare_runs(*plain, rate, target) for name, target in ALONE.items()}
    rxr = {name: compare_runs(truth, judged, rate, target) for name, target in RXR.items()}
    return alone | rxr
