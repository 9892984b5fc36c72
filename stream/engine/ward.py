"""Pipeline and alarm book together: records of the log in, everything that is to be published out.

Pure: time comes with the records. At most one block of a patient is pushed at a time, and what it
brought is told to the book at the time at which it arrived; so the transitions depend on the
log alone, not on how many records were polled together, and a replay repeats them exactly.
"""

from collections.abc import Container, Iterable, Iterator
from functools import partial
from typing import Final

import msgspec

from ecg.messages import Beat, Block, Command, Goodbye, Hello, Vitals
from stream.engine.alarms import Book, Context, Settings, answer
from stream.engine.checkpoint import Checkpoint, read
from stream.engine.events import Event, published
from stream.engine.greetings import Greetings
from stream.engine.intake import Arrived, batches, patient_of
from stream.engine.marks import Marks
from stream.engine.outcome import Changed, Closed, HeartRate, Opened, Outcome
from stream.engine.pipeline import Classifier, Pipeline
from stream.engine.quarantine import Quarantine
from stream.engine.report import without_intervals
from stream.engine.roll import Roll
from stream.engine.streams import MOST_LEADS, context_of
from stream.engine.trends import Trends
from stream.engine.trouble import Trouble
from stream.engine.unseen import OF_SIGNAL, Unseen

MAX_PATIENTS: Final = 10_000
"""Patients of one ward, by default: memory is bounded, whatever names devices make up."""

Signal = tuple[Block | Goodbye, float]
"""A record that the pipeline takes."""


class Ward:
    """The patients of one partition: signal in, beats, vitals and alarms out.

    Args:
        classifier: names the beats.
        lead: position of the lead that is heard if it can be.
        leads: how many are analysed, 1 or 2.
        most: patients at once; records of others are refused.
        settings: of the alarm book.

    Attributes:
        roll: who is here, and how many records were refused.
        quarantine: who is left out of the analysis, since it failed.
        failure: of the model; who sends hears of it here, who is silent is for the caller to tell.
        unseen: of whom the book is to be told after a replay, by `reconcile`.
        fresh: patients to be saved soon: whose HELLO came, or who were left out, since the set was
            emptied.
    """

    def __init__(
        self,
        classifier: Classifier,
        lead: int = 0,
        *,
        leads: int = MOST_LEADS,
        most: int = MAX_PATIENTS,
        settings: Settings | None = None,
    ) -> None:
        self._like = partial(Ward, classifier, lead, leads=leads, most=most, settings=settings)
        self.pipeline = Pipeline(classifier, lead, leads)
        self.book = Book(settings)
        self.quarantine = Quarantine(self.book)
        self.trends = Trends()
        self.roll = Roll(most, self._idle, self._leave)
        self.fresh: set[str] = set()
        self._marks = Marks()
        self.unseen = Unseen()
        self._greetings = Greetings()
        self.failure = Trouble("MODEL_FAIL", self.book)

    # ── Stimuli ───────────────────────────────────────────────────────────────────────────────

    def push(self, records: Iterable[Arrived], *, live: bool = True) -> list[Event]:
        """Take records of the sample log, in its order.

        Args:
            records: with their times of arrival.
            live: False to bring the engine to a place that the book has seen already: nothing is
                told to the book, and nothing is to be published.

        Returns:
            What happened, in order of time for each patient.
        """
        events: list[Event] = []
        for batch in self.batches(records):
            came = self._greet(batch)
            signal = [(r, now) for r, now in came if self.quarantine.admits(r, now)]
            times = {record.patient: now for record, now in signal}
            outcomes = self.pipeline.push(signal)
            if live:
                events += self._arrived(came, times)
            for outcome in outcomes:
                events += self._tell(outcome, times[outcome.patient], live=live)
            if live:
                events += published(self.quarantine.analysed(signal))
                events += self._judge_model(signal)
        return events

    def leave_out(self, patient: str, now: float, session: str = "") -> None:
        """The analysis of a patient raised: drop what is left of it, skip records for a while.

        `session` is of the record that was pushed alone, empty if it was none.
        """
        self.quarantine.leave_out(patient, now, self.pipeline.stream(patient), session)
        self.pipeline.forget(patient)
        self._marks.forget(patient)
        self.unseen.forget(patient)
        self.fresh.add(patient)

    def batches(self, records: Iterable[Arrived]) -> Iterator[list[Arrived]]:
        """Cut records into batches with at most one of each patient, keeping each one's order."""
        return batches(r for r in records if self.roll.admits(patient_of(r[0])))

    def reconcile(self, patient: str, now: float) -> list[Event]:
        """After a replay that the book did not see: tell it what holds in a stream, and what does not."""
        events: list[Event] = []
        held = self.unseen.take(patient)
        shown = {a.kind for a in self.book.alarms(patient) if a.ended_sample is None}
        for kind in sorted(shown & OF_SIGNAL - held.keys()):
            events += published(self.book.fault(patient, kind, now, on=False))
        for kind in sorted(held.keys() - shown):
            events += self._change(held[kind], now)
        return events

    def command(self, command: Command, now: float) -> list[Event]:
        """Carry out what a person asked."""
        if not self.roll.admits(command.patient):
            return published([answer(command, now, "ward_full")])
        self.roll.changed()
        return published(self.book.command(command, now))

    def tick(self, now: float) -> list[Event]:
        """Time has passed: decide what fell due. `book.next_deadline()` says when to call."""
        return published(self.book.tick(now))

    def decide(self, patient: str, now: float) -> list[Event]:
        """Decide what fell due of one patient: `tick` for those who are `book.overdue`."""
        return published(self.book.decide(patient, now))

    def emptied(self) -> "Ward":
        """One like this, with nobody in it."""
        return self._like()

    # ── State ─────────────────────────────────────────────────────────────────────────────────

    def save(self, patient: str) -> bytes:
        """One patient's engine state; the book's is `book.dump`."""
        known = self.pipeline.stream(patient) is not None
        state = Checkpoint(
            stream=self.pipeline.save(patient) if known else b"",
            beats=self._marks.save(patient),
            minute=self.trends.running.get(patient),
            hello=self._greetings.waiting(patient),
            failed=self.quarantine.save(patient),
        )
        return msgspec.msgpack.encode(state)

    def restore(self, patient: str, data: bytes) -> None:
        """Put back what `save` gave.

        Raises:
            ValueError: not from this version of the engine.
        """
        checkpoint = read(data)
        if checkpoint.stream:
            self.pipeline.restore(checkpoint.stream)
        self.roll.add(patient)
        self._marks.restore(patient, checkpoint.beats)
        if checkpoint.minute is not None:
            self.trends.running[patient] = checkpoint.minute
        if checkpoint.hello is not None:
            self._greetings.keep(checkpoint.hello)
        if checkpoint.failed is not None:
            self.quarantine.restore(patient, checkpoint.failed)

    def recall(self, patient: str, data: bytes) -> None:
        """Put back what `book.dump` gave.

        Raises:
            ValueError: it was not that.
        """
        try:
            self.book.load(patient, data)
        except msgspec.DecodeError as error:
            raise ValueError(f"an alarm book that cannot be read: {error}") from None
        self.roll.add(patient)
        self.failure.recall(patient)
        self.quarantine.recall(patient)

    def forget(self, patient: str) -> None:
        """Drop a patient's stream; the book goes on."""
        self.pipeline.forget(patient)
        self._marks.forget(patient)
        self.unseen.forget(patient)
        self.quarantine.forget(patient)
        self._greetings.forget(patient)
        self.trends.finish(patient)
        self.roll.changed()
        if patient not in self.book.patients():
            self.roll.remove(patient)

    # ── Inside ────────────────────────────────────────────────────────────────────────────────

    def _greet(self, batch: list[Arrived]) -> list[Signal]:
        """Keep what HELLOs say; returns the records of signal."""
        signal: list[Signal] = []
        for record, now in batch:
            if isinstance(record, Hello):
                self._greetings.keep(record)
                self.fresh.add(record.patient.id)
            else:
                signal.append((record, now))
        return signal

    def _idle(self, patient: str) -> bool:
        """Whether nobody would miss a patient: no stream, nothing shown, in no bed."""
        return self.pipeline.stream(patient) is None and self.book.idle(patient)

    def _leave(self, patient: str) -> None:
        """Make room for somebody else."""
        self.forget(patient)
        self.book.forget(patient)

    def _arrived(self, came: list[Signal], analysed: Container[str]) -> list[Event]:
        """Tell the book of records, of those that are analysed and those that are not."""
        events: list[Event] = []
        for record, now in came:
            if record.patient not in analysed:
                events += published(self.quarantine.skipped(record, now))
            elif isinstance(record, Block):
                place = (record.patient, record.session, record.end)
                events += published(self.book.arrived(*place, now, record.seconds))
        return events

    def _tell(self, outcome: Outcome, now: float, *, live: bool) -> list[Event]:
        """Remember what an outcome is evidence of, and tell the book."""
        if isinstance(outcome, Beat):
            self._marks.add(outcome)
        if isinstance(outcome, Beat | Vitals):
            self.trends.add(outcome)
        if isinstance(outcome, Changed):
            self.unseen.changed(outcome)
        if live:
            return self._told(outcome, now)
        if isinstance(outcome, Opened):
            self.unseen.opened(outcome.patient)
        return []

    def _told(self, outcome: Outcome, now: float) -> list[Event]:
        """What an outcome gives to publish, of itself and by the book."""
        match outcome:
            case Vitals():
                paced = self.book.is_paced(outcome.patient)
                vitals = without_intervals(outcome) if paced else outcome
                return [vitals, *self._vitals(outcome, now)]
            case HeartRate():
                return self._heart_rate(outcome, now)
            case Changed():
                return self._change(outcome, now)
            case Opened():
                return self._opened(outcome, now)
            case Closed():
                return published(self.book.goodbye(outcome.patient, outcome.session, now))
        return [outcome]

    def _opened(self, opened: Opened, now: float) -> list[Event]:
        """A session begins; its HELLO, where there was one, says for whom the limits are."""
        profile = self._greetings.take(opened.patient, opened.session)
        return published(self.book.session(self._context(opened), now, profile=profile))

    def _vitals(self, vitals: Vitals, now: float) -> list[Event]:
        context, numbers = self._context(vitals), (vitals.heart_rate, vitals.v_per_minute)
        return published(self.book.vitals(context, vitals.sample, *numbers, now))

    def _heart_rate(self, outcome: HeartRate, now: float) -> list[Event]:
        if not self.book.exceeds(outcome.patient, outcome.heart_rate):
            return []
        context = self._context(outcome)
        return published(self.book.heart_rate(context, outcome.sample, outcome.heart_rate, now))

    def _change(self, changed: Changed, now: float) -> list[Event]:
        context = self._context(changed)
        evidence = self._marks.evidence(changed.patient, changed.change, self.pipeline.model_id)
        return published(self.book.change(context, changed.change, now, evidence=evidence))

    def _judge_model(self, batch: list[Signal]) -> list[Event]:
        """The model fails, or works again: whoever sends is told."""
        failure = self.pipeline.failure
        if failure is None:
            return []
        return [
            event
            for record, now in batch
            if isinstance(record, Block)
            for event in self.failure.tell(record.patient, now, lasts=failure != "")
        ]

    def _context(self, outcome: Vitals | HeartRate | Changed | Opened) -> Context:
        stream = self.pipeline.stream(outcome.patient, outcome.session)
        assert stream is not None
        return context_of(stream, stream.names[0] if isinstance(outcome, Opened) else outcome.lead)
