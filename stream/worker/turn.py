"""One turn of the worker without its I/O: records and commands in, what is to be written out."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from ecg.messages import Alarm, CommandDone, Hello, Strip, Vitals
from stream.engine.events import Event, published
from stream.engine.intake import Arrived
from stream.engine.trouble import Trouble
from stream.engine.ward import Ward
from stream.log import Topic
from stream.store import Checkpoint
from stream.worker import codec, strips
from stream.worker.journal import Turn
from stream.worker.reading import AnyCommand
from stream.worker.schedule import Schedule
from stream.worker.strips import Wanted

_log = logging.getLogger("beatwire.worker")


class AnalysisError(Exception):
    """A room raised: what the shift knows of anybody is worth nothing any more."""


class Shift:
    """A worker's turns, one after the other: what it knows between them.

    Attributes:
        careful: whether records are pushed one by one, so that a patient who makes a room raise is
            found and left out, and nobody else notices. Commands and deadlines are rare enough to be
            taken so always.

    Args:
        ward: engine and alarm book.
        engine: version written into checkpoints.
        every: stream seconds between two checkpoints of a patient.
    """

    def __init__(self, ward: Ward, engine: str, every: float) -> None:
        self.ward = ward
        self.careful = False
        self.wanted: dict[str, Wanted] = {}
        self.now = 0.0
        self._engine = engine
        self._schedule = Schedule(every)
        self._lag = Trouble("ANALYSIS_LAG", ward.book)

    # ── Stimuli ───────────────────────────────────────────────────────────────────────────────

    def samples(self, arrivals: Sequence[Arrived], *, live: bool = True) -> list[Event]:
        """Push records of the sample log; remember which alarms want a strip.

        Raises:
            AnalysisError: a room raised, and the shift is not careful.
        """
        if arrivals:
            self.now = max(self.now, arrivals[-1][1])
        if self.careful:
            events = [e for arrived in arrivals for e in self._alone(arrived, live=live)]
        else:
            events = self._together(arrivals, live=live)
        if live and self.ward.pipeline.failure == "":
            events += self._over(self.ward.failure)
        for event in events:
            if isinstance(event, Alarm) and event.phase == "start":
                self.want(event)
        return [self._placed(event) if isinstance(event, Vitals) else event for event in events]

    def _placed(self, vitals: Vitals) -> Vitals:
        """Vitals from where their patient was admitted to: by them gateways know who lies in a unit."""
        place = self.ward.book.place(vitals.patient)
        if place is None:
            return vitals
        return msgspec.structs.replace(vitals, unit=place.unit, bed=place.bed)

    def _together(self, arrivals: Sequence[Arrived], *, live: bool) -> list[Event]:
        try:
            return self.ward.push(arrivals, live=live)
        except Exception as error:
            _log.exception("the analysis failed; once more, patient by patient")
            raise AnalysisError from error

    def _alone(self, arrived: Arrived, *, live: bool) -> list[Event]:
        """Push one record; who makes a room raise is left out for a while."""
        record, now = arrived
        push = partial(self.ward.push, [arrived], live=live)
        if isinstance(record, Hello):
            return push()
        due = self._decide(record.patient, now) if live else []
        told = self._tried(record.patient, push)
        if told is None:
            self._leave_out(record.patient, now, record.session)
            told = self._tried(record.patient, push)  # skipped now, which is told
        return due + (self._begun_anew(record.patient, now) if told is None else told)

    def command(self, command: AnyCommand, now: float, taken: str = "") -> list[Event]:
        """Carry out a command, no earlier than what is known already; one that raises is refused.

        `taken` says who has the bed that an admission is about: it is refused, too.
        """
        self.now = max(self.now, now)
        due = self._decide(command.patient, self.now)
        if taken and self.ward.roll.admits(command.patient):
            self.ward.roll.changed()
            refused = self.ward.book.refuse(command, self.now, "occupied", taken)
            return due + published(refused)
        told = self._tried(command.patient, partial(self.ward.command, command, self.now))
        if told is None:
            told = published(self.ward.book.refuse(command, self.now, "command_failed"))
        return due + told

    def tick(self, now: float) -> list[Event]:
        """Let time pass, when no record waits."""
        self.now = max(self.now, now)
        overdue = self.ward.book.overdue(self.now)
        return [event for patient in overdue for event in self._decide(patient, self.now)]

    def _decide(self, patient: str, now: float) -> list[Event]:
        """Decide what fell due of a patient; who makes the book raise is left out from then on."""
        events: list[Event] = []
        while (due := self.ward.book.deadline(patient)) <= now:
            events += self._told_book(patient, partial(self.ward.decide, patient, due), due)
        return events

    def _told_book(
        self, patient: str, stimulus: Callable[[], list[Event]], now: float
    ) -> list[Event]:
        """What a stimulus of the alarm book alone gives; if it raises, its patient is left out."""
        told = self._tried(patient, stimulus)
        if told is None:
            self._leave_out(patient, now)
            told = self._begun_anew(patient, now)
        return told

    def _tried(self, patient: str, stimulus: Callable[[], list[Event]]) -> list[Event] | None:
        """What a stimulus of one patient gives; None if it raises: the book was not told then."""
        book = self.ward.book
        before = book.dump(patient) if patient in book.patients() else None
        try:
            return stimulus()
        except Exception as error:  # noqa: BLE001 - whatever it is, others must go on
            again = self.careful  # the trace was told when all were pushed together
            _log.error("%s: the analysis failed: %r", patient, error, exc_info=not again)
        if before is None:
            book.forget(patient)
        else:
            book.load(patient, before)
        return None

    def _begun_anew(self, patient: str, now: float) -> list[Event]:
        """The book of a patient who is left out cannot go on from where it is."""
        return published(self.ward.quarantine.begun_anew(patient, now))

    def _leave_out(self, patient: str, now: float, session: str = "") -> None:
        self.ward.leave_out(patient, now, session)
        _log.error("%s: left out for %.0f s", patient, self.ward.quarantine.seconds(patient))

    def lag(self, present: Mapping[str, float], *, late: bool, waited: float) -> list[Event]:
        """ANALYSIS_LAG for everybody who sends while what they sent has waited for long.

        Args:
            present: of whom something was analysed just now, and when it had come.
            late: whether it was long.
            waited: how long the newest of it had waited, in s; the alarm says so.
        """
        if not late:
            return self._over(self._lag)
        events: list[Event] = []
        for patient, now in present.items():
            if patient not in self.ward.quarantine:  # of whom nothing is analysed, late or not
                tell = partial(self._lag.tell, patient, now, lasts=True, value=round(waited, 1))
                events += self._told_book(patient, tell, now)
        return events

    def _over(self, trouble: Trouble) -> list[Event]:
        """A trouble is over: whoever was told of it and does not know yet."""
        events: list[Event] = []
        for patient in trouble.told:
            tell = partial(trouble.tell, patient, self.now, lasts=False)
            events += self._told_book(patient, tell, self.now)
        return events

    # ── Strips ────────────────────────────────────────────────────────────────────────────────

    def want(self, alarm: Alarm) -> None:
        """An alarm wants its strip."""
        stream = self.ward.pipeline.stream(alarm.patient)
        strip = strips.wanted(alarm, stream.arrival.rate) if stream else None
        if strip is not None:
            self.wanted[strip.alarm] = strip

    def due_strips(self) -> list[Wanted]:
        """Strips whose signal is complete; they are wanted no longer."""
        stream = self.ward.pipeline.stream
        found = [
            strip for strip in self.wanted.values() if strips.due(strip, stream(strip.patient))
        ]
        for strip in found:
            del self.wanted[strip.alarm]
        return found

    def strip(self, wanted: Wanted, strip: Strip) -> list[Event]:
        """The signal around an alarm is there."""
        return published(self.ward.book.strip(wanted.patient, wanted.alarm, strip))

    # ── Taking over ───────────────────────────────────────────────────────────────────────────

    def restore(self, checkpoint: Checkpoint, now: float) -> bool:
        """Take over a patient's engine state; False when it is of another engine."""
        if checkpoint.engine != self._engine:
            return False
        try:
            self.ward.restore(checkpoint.patient, checkpoint.blob)
        except ValueError:
            return False
        stream = self.ward.pipeline.stream(checkpoint.patient)
        self._schedule.restored(checkpoint.patient, stream, now)
        return True

    def recall(self, patient: str, book: bytes) -> None:
        """Take over a patient's alarm book.

        Raises:
            ValueError: it cannot be read.
        """
        self.ward.recall(patient, book)
        self._lag.recall(patient)

    def replayed(self, patients: set[str], now: float) -> list[Event]:
        """Everything up to the present position was pushed again; what of it the book had not seen."""
        self.ward.trends.take()  # complete minutes were kept when they were first complete
        self.ward.fresh.clear()
        for patient in sorted(patients):
            self._schedule.replayed(patient, now)
        events: list[Event] = []
        for patient in self.ward.unseen.patients():
            reconcile = partial(self.ward.reconcile, patient, self.now)
            events += self._told_book(patient, reconcile, self.now)
        return events

    # ── The end of a turn ─────────────────────────────────────────────────────────────────────

    def close(
        self,
        events: list[Event],
        told: set[str],
        positions: dict[str, int],
        *,
        leaving: bool = False,
    ) -> Turn:
        """Put together what this turn writes.

        A book is kept with every transition, and with every checkpoint; what it learns beside
        (that data came, the numbers that are judged against limits) is learned again from the
        records since.

        Args:
            events: all that happened.
            told: patients of whom records came.
            positions: next offsets, by topic.
            leaving: whether this is the last turn: then every state is kept that is not yet, so
                that the next owner has nothing to replay.
        """
        position = positions.get(Topic.SAMPLES, 0)
        save = self._to_save(told)
        moved, dropped = self._schedule.silent(self.now, leaving=leaving)
        save |= dict.fromkeys(self._schedule.unsaved(math.inf if leaving else self.now))
        for patient in dropped:
            self.ward.forget(patient)
        changed = {e.patient: None for e in events if isinstance(e, Alarm | CommandDone)}
        book = self.ward.book
        kept = [patient for patient in save | changed if patient in book.patients()]
        return Turn(
            events=events,
            books={p: codec.kept_book(position, book.dump(p)) for p in kept},
            checkpoints=[Checkpoint(p, self._engine, position, self.ward.save(p)) for p in save],
            moved=moved,
            dropped=dropped,
            minutes=self.ward.trends.take(),
            positions=positions,
        )

    def _to_save(self, told: set[str]) -> dict[str, None]:
        """Those of `told` whose checkpoint is due."""
        fresh, self.ward.fresh = self.ward.fresh, set()
        found: dict[str, None] = {}
        for patient in sorted(told | fresh):
            stream = self.ward.pipeline.stream(patient)
            known = stream is not None or patient in self.ward.quarantine
            if not known and patient not in fresh:
                continue
            if self._schedule.heard(patient, stream, self.now) or patient in fresh:
                found[patient] = None
        return found
