"""Score of the PhysioNet/CinC Challenge 2015: true and false bedside alarms of five kinds.

Each record ends with, or holds at 300 s, a monitor's alarm; the file ALARMS says its kind and
whether it was true. An alarm of that kind of ours that starts in the 20 s before 300 s confirms it. A
heart that had been too slow for minutes had its alarm then: counted apart, as *held*, are also alarms that
began before and whose condition still held in those 20 s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.evaluation.annotations import EvaluationError
from inference.evaluation.events import Raised

KINDS: Final = {
    "Asystole": "ASYSTOLE",
    "Bradycardia": "EXTREME_BRADY",
    "Tachycardia": "EXTREME_TACHY",
    "Ventricular_Flutter_Fib": "VFIB",
    "Ventricular_Tachycardia": "VTACH",
}
"""Our kind of each of the challenge's."""

ALARM_S: Final = 300.0
"""When the monitor alarmed."""

BEFORE_S: Final = 20.0
"""How long before it ours may start."""


@dataclass(frozen=True)
class Case:
    """One record: the monitor's alarm, whether it was true, whether ours confirms it, or held then."""

    record: str
    kind: str
    true: bool
    confirmed: bool
    held: bool


@dataclass(frozen=True)
class Tally:
    """Confirmed and rejected, true and false alarms."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def score(self) -> float | None:
        """100 (TP + TN) / (TP + TN + FP + 5 FN), the challenge's; None for no record."""
        whole = self.tp + self.tn + self.fp + 5 * self.fn
        return 100 * (self.tp + self.tn) / whole if whole else None


def read_alarms(file: Path) -> dict[str, tuple[str, bool]]:
    """Kind and truth of each record's alarm: lines of `record,kind,1` or `0`.

    Raises:
        EvaluationError: a line is malformed.
    """
    out = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        words = line.strip().split(",")
        if len(words) != 3 or words[1] not in KINDS or words[2] not in {"0", "1"}:
            raise EvaluationError(f"{file}:{number}: {line!r} is not record,kind,0 or 1")
        out[words[0]] = (words[1], words[2] == "1")
    return out


def cases(
    truth: Mapping[str, tuple[str, bool]],
    records: Sequence[str],
    alarms: Mapping[str, Iterable[Raised]],
) -> list[Case]:
    """Judge each record.

    Raises:
        EvaluationError: the challenge has no such record.
    """
    unknown = sorted(set(records) - set(truth))
    if unknown:
        raise EvaluationError(f"ALARMS: no line of {', '.join(unknown)}")
    return [_case(name, truth[name], alarms.get(name, ())) for name in records]


def _case(name: str, truth: tuple[str, bool], alarms: Iterable[Raised]) -> Case:
    since, kind = ALARM_S - BEFORE_S, KINDS[truth[0]]
    ours = [a for a in alarms if a.kind == kind and a.start <= ALARM_S and a.end >= since]
    return Case(name, *truth, confirmed=any(a.start >= since for a in ours), held=bool(ours))


def tally(found: Iterable[Case], *, held: bool = False) -> Tally:
    """Count the cases; with `held`, alarms that began before count as well."""
    pairs = [(case.true, case.held if held else case.confirmed) for case in found]
    return Tally(
        tp=pairs.count((True, True)),
        fp=pairs.count((False, True)),
        fn=pairs.count((True, False)),
        tn=pairs.count((False, False)),
    )
