"""The training table: measurements and verdicts of the Chapman-Shaoxing database, and its parts.

"Abnormal" is everybody who is not (in sinus rhythm, SR, and without any finding, NONE): a sinus
bradycardia, tachycardia or irregularity counts as abnormal, whatever a physician would do about it.
"""

import csv
import hashlib
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ecg.errors import ModelError
from inference.intervals.inputs import COUNT, INPUTS, REQUIRED

FILE: Final = Path("chapman") / "diagnostics.csv"
NORMAL: Final = ("SR", "NONE")
HELD_OUT_PERCENT: Final = 15
"""People, chosen by a hash of their file's name, never trained on or used for a choice."""
GENDERS: Final = {"FEMALE": 0.0, "MALE": 1.0}

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Table(NamedTuple):
    """n people: `values` (n, COUNT) in the order of INPUTS, `abnormal` and `held_out` (n,)."""

    values: Floats
    abnormal: Flags
    held_out: Flags

    def part(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "Table":
        """Some of the people."""
        return Table(self.values[chosen], self.abnormal[chosen], self.held_out[chosen])


def read(path: Path) -> Table:
    """Read the table; ModelError when it is missing or lacks a column."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            people = list(csv.DictReader(file))
    except OSError as error:
        raise ModelError("data_missing", f"{path}: {error.strerror}") from error
    lacking = {"FileName", "Rhythm", "Beat", *(one.column for one in INPUTS)} - set(people[0])
    if lacking:
        raise ModelError("data_missing", f"{path} lacks {', '.join(sorted(lacking))}")
    values = [[_value(person[one.column]) for one in INPUTS] for person in people]
    abnormal = [(person["Rhythm"], person["Beat"]) != NORMAL for person in people]
    held_out = [is_held_out(person["FileName"]) for person in people]
    return Table(np.array(values), np.array(abnormal), np.array(held_out))


def is_held_out(name: str) -> bool:
    """Whether this person's file belongs to the test set, now and in any later edition."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 100 < HELD_OUT_PERCENT


def data_hash(path: Path) -> str:
    """SHA-256 (hex) of the table's file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def folds(abnormal: Flags, count: int, seed: int) -> npt.NDArray[np.intp]:
    """Fold number (n,) of each person; each fold has its share of normal and abnormal ones."""
    rng = np.random.default_rng(seed)
    result = np.empty(len(abnormal), np.intp)
    for verdict in (False, True):
        people = rng.permutation(np.flatnonzero(abnormal == verdict))
        result[people] = np.arange(len(people)) % count
    return result


def with_gaps(table: Table, copies: int, seed: int) -> Table:
    """`copies` of everybody, with measurements taken away (NaN) so that any subset is learnt.

    A third is left whole, a seventh keeps only what is required, of the others each keeps a
    share of its own.
    """
    rng = np.random.default_rng(seed)
    many = table.part(np.tile(np.arange(len(table.values)), copies))
    count = len(many.values)
    kind = rng.choice(3, count, p=(0.35, 0.15, 0.5))
    kept = rng.random((count, COUNT)) < rng.random((count, 1))
    kept[kind == 0] = True
    kept[kind == 1] = np.arange(COUNT) < len(REQUIRED)
    return many._replace(values=np.where(kept, many.values, np.nan))


def only(values: Floats, count: int) -> Floats:
    """The first `count` measurements of each row; the others taken away."""
    return np.where(np.arange(COUNT) < count, values, np.nan)


def _value(cell: str) -> float:
    return GENDERS[cell] if cell in GENDERS else float(cell)
