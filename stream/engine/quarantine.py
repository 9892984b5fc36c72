"""Who is left out of the analysis, and until when: a patient who made a room or the alarm book raise.

A bug of ours in one patient's stream must not stop the others. The patient is left out, has the
alarm ANALYSIS_FAIL, and begins anew after a while, or with the next session; each further failure
makes the while longer, since each costs everybody a replay. Times are those at which the log took the
records, so that a replay repeats it.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from ecg.messages import Block, Goodbye
from stream.engine.alarms import Book, Instruction
from stream.engine.streams import RETIRED, Stream

KIND: Final = "ANALYSIS_FAIL"

FIRST_SECONDS: Final = 10.0
"""Left out after a first failure, and at least: a burst of whatever it was is over by then."""
MOST_SECONDS: Final = 160.0
"""At most: it doubles with each failure."""
FORGOTTEN_SECONDS: Final = 3600.0
"""A failure after so long without one is a first one again."""

Record = Block | Goodbye


class Failed(msgspec.Struct, array_like=True):
    """A patient whose analysis has failed; plain data, part of the checkpoint.

    Attributes:
        session: the live one when it failed.
        retired: sessions that are never live again, newest last.
        at: when it failed last, seconds since 1970.
        times: how often it failed.
        out: whether the patient is left out still.
    """

    session: str
    retired: tuple[str, ...]
    at: float
    times: int = 1
    out: bool = True

    @property
    def seconds(self) -> float:
        """How long the patient is left out."""
        return min(FIRST_SECONDS * 2.0 ** (self.times - 1), MOST_SECONDS)


class Quarantine:
    """The patients whose analysis has failed.

    Args:
        book: told of it.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._failed: dict[str, Failed] = {}
        self._told: set[str] = set()

    def __contains__(self, patient: str) -> bool:
        failed = self._failed.get(patient)
        return failed is not None and failed.out

    def seconds(self, patient: str) -> float:
        """How long a patient who is left out will be so, from the failure on."""
        return self._failed[patient].seconds

    def leave_out(self, patient: str, now: float, stream: Stream | None, session: str = "") -> None:
        """The analysis failed; `stream` is what is live, if any, `session` of the record, if there was one."""
        before = self._failed.get(patient)
        repeated = before is not None and now - before.at < FORGOTTEN_SECONDS
        known = before.session if before else ""
        self._failed[patient] = Failed(
            session=stream.session if stream else session or known,
            retired=_retired(before.retired if before else (), *(stream.retired if stream else ())),
            at=now,
            times=before.times + 1 if before and repeated else 1,
        )

    def admits(self, record: Record, now: float) -> bool:
        """Whether a record is to be analysed; the first one that is puts its patient back."""
        failed = self._failed.get(record.patient)
        if failed is None:
            return True
        if record.session in failed.retired:
            return False
        if not failed.out:
            return True
        another = record.session != failed.session
        until = failed.at + (FIRST_SECONDS if another else failed.seconds)
        if isinstance(record, Goodbye) or now < until:
            return False
        if another:
            failed.retired = _retired(failed.retired, failed.session)
        failed.session, failed.out = record.session, False
        return True

    def skipped(self, record: Record, now: float) -> list[Instruction]:
        """A record was not analysed: the book hears that it came, and that its patient is left out."""
        patient, session = record.patient, record.session
        if isinstance(record, Goodbye):
            return self._book.goodbye(patient, session, now)
        if patient not in self:
            return []
        self._told.add(patient)
        return [
            *self._book.arrived(patient, session, record.end, now, record.seconds),
            *self._book.analysis(patient, now, goes_on=False),
        ]

    def begun_anew(self, patient: str, now: float) -> list[Instruction]:
        """The book itself failed: it cannot go on from what it remembers of the patient."""
        self._told.add(patient)
        return self._book.begin_anew(patient, now)

    def analysed(self, records: Iterable[tuple[Record, float]]) -> list[Instruction]:
        """Records went well: whose patient had been left out is back."""
        if not self._told:
            return []
        back = [(record.patient, now) for record, now in records if record.patient in self._told]
        self._told.difference_update(patient for patient, _ in back)
        return [
            instruction
            for patient, now in back
            for instruction in self._book.analysis(patient, now, goes_on=True)
        ]

    def recall(self, patient: str) -> None:
        """The book has taken back a patient's alarms; the one of a failure may stand."""
        if any(alarm.kind == KIND for alarm in self._book.alarms(patient)):
            self._told.add(patient)

    def save(self, patient: str) -> Failed | None:
        """What is remembered of a patient."""
        return self._failed.get(patient)

    def restore(self, patient: str, failed: Failed) -> None:
        """Put back what `save` gave."""
        self._failed[patient] = failed

    def forget(self, patient: str) -> None:
        """The patient has left."""
        self._failed.pop(patient, None)
        self._told.discard(patient)


def _retired(before: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *more)))[-RETIRED:]
