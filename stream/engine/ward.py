"""Pipeline and alarm book together: records of the log in, everything that is to be published out.

Pure: time comes with the records. At most one block of a patient is pushed at a time, and what it
brought is told to the book at the time at which it arrived; so the transitions depend on the
log alone, not on how many records were polled together, and a replay repeats them exactly.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from ecg.conditions import CATALOGUE, Change
from ecg.messages import (
    Beat,
    Block,
    Command,
    Evidence,
    EvidenceBeat,
    Gap,
    Goodbye,
    Hello,
    Vitals,
)
from stream.engine.alarms import Book, Context, Settings
from stream.engine.events import Event, published, refusal
from stream.engine.intake import Arrived, batches, patient_of
from stream.engine.outcome import Changed, Closed, Opened, Outcome
from stream.engine.pipeline import Classifier, Pipeline
from stream.engine.report import without_intervals
from stream.engine.roll import Roll
from stream.engine.streams import MOST_LEADS, Stream
from stream.engine.trends import Minute, Trends
from stream.engine.trouble import Trouble

EVIDENCE_BEATS: Final = 12
"""Beats that an alarm shows as its evidence."""

MAX_PATIENTS: Final = 10_000
"""Patients of one ward, by default: memory is bounded, whatever names devices make up."""

Signal = tuple[Block | Goodbye, float]
"""A record that the pipeline takes."""

BeatMarks = deque[EvidenceBeat]


class Checkpoint(msgspec.Struct, array_like=True):
    """One patient, without the book; `hello` waits for the first block of its session."""

    stream: bytes
    beats: list[EvidenceBeat]
    minute: Minute | None
    hello: Hello | None = None


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
        greeted: patients whose HELLO came since the set was emptied.
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
        self.pipeline = Pipeline(classifier, lead, leads)
        self.book = Book(settings)
        self.trends = Trends()
        self.roll = Roll(most, self._idle, self._leave)
        self.greeted: set[str] = set()
        self._beats: dict[str, BeatMarks] = {}
        self._greeted: dict[str, Hello] = {}
        self._failure = Trouble("MODEL_FAIL", self.book)

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
            signal = self._greet(batch)
            times = {record.patient: now for record, now in signal}
            outcomes = self.pipeline.push(signal)
            if live:
                for record, now in signal:
                    events += self._arrived(record, now)
            for outcome in outcomes:
                events += self._tell(outcome, times[outcome.patient], live=live)
            if live:
                events += self._judge_model(signal)
        return events

    def batches(self, records: Iterable[Arrived]) -> Iterator[list[Arrived]]:
        """Cut records into batches with at most one of each patient, keeping each one's order."""
        return batches(r for r in records if self.roll.admits(patient_of(r[0])))

    def command(self, command: Command, now: float) -> list[Event]:
        """Carry out what a person asked."""
        if not self.roll.admits(command.patient):
            return [refusal(command, now, "ward_full")]
        self.roll.changed()
        return published(self.book.command(command, now))

    def tick(self, now: float) -> list[Event]:
        """Time has passed: decide what fell due. `book.next_deadline()` says when to call."""
        return published(self.book.tick(now))

    # ── State ─────────────────────────────────────────────────────────────────────────────────

    def save(self, patient: str) -> bytes:
        """One patient's engine state; the book's is `book.dump`."""
        known = self.pipeline.stream(patient) is not None
        state = Checkpoint(
            stream=self.pipeline.save(patient) if known else b"",
            beats=list(self._beats.get(patient, ())),
            minute=self.trends.running.get(patient),
            hello=self._greeted.get(patient),
        )
        return msgspec.msgpack.encode(state)

    def restore(self, patient: str, data: bytes) -> None:
        """Put back what `save` gave.

        Raises:
            ValueError: not from this version of the engine.
        """
        try:
            checkpoint = msgspec.msgpack.decode(data, type=Checkpoint)
        except msgspec.DecodeError as error:
            raise ValueError(f"a checkpoint that cannot be read: {error}") from None
        if checkpoint.stream:
            self.pipeline.restore(checkpoint.stream)
        self.roll.add(patient)
        self._beats[patient] = deque(checkpoint.beats, EVIDENCE_BEATS)
        if checkpoint.minute is not None:
            self.trends.running[patient] = checkpoint.minute
        if checkpoint.hello is not None:
            self._greeted[patient] = checkpoint.hello

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
        self._failure.recall(patient)

    def forget(self, patient: str) -> None:
        """Drop a patient's stream; the book goes on."""
        self.pipeline.forget(patient)
        self._beats.pop(patient, None)
        self._greeted.pop(patient, None)
        self.trends.finish(patient)
        self.roll.changed()
        if patient not in self.book.patients():
            self.roll.remove(patient)

    # ── Inside ────────────────────────────────────────────────────────────────────────────────

    def _greet(self, batch: list[Arrived]) -> list[Signal]:
        """Keep what a HELLO says of a patient until the session's first block opens it."""
        signal: list[Signal] = []
        for record, now in batch:
            if isinstance(record, Hello):
                self._greeted[record.patient.id] = record
                self.greeted.add(record.patient.id)
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

    def _arrived(self, record: Block | Goodbye, now: float) -> list[Event]:
        if not isinstance(record, Block):
            return []
        return published(self.book.arrived(record.patient, record.session, record.end, now))

    def _tell(self, outcome: Outcome, now: float, *, live: bool) -> list[Event]:
        """Remember what an outcome is evidence of, and tell the book."""
        if isinstance(outcome, Beat):
            self._remember(outcome)
        if isinstance(outcome, Beat | Vitals):
            self.trends.add(outcome)
        if not live:
            return []
        if isinstance(outcome, Beat | Gap):
            return [outcome]
        if isinstance(outcome, Vitals):
            vitals = without_intervals(outcome) if self.book.is_paced(outcome.patient) else outcome
            return [vitals, *self._vitals(outcome, now)]
        if isinstance(outcome, Changed):
            return self._change(outcome, now)
        if isinstance(outcome, Opened):
            return self._opened(outcome, now)
        assert isinstance(outcome, Closed)
        return published(self.book.goodbye(outcome.patient, outcome.session, now))

    def _opened(self, opened: Opened, now: float) -> list[Event]:
        """A session begins; its HELLO, where there was one, says for whom the limits are."""
        hello = self._greeted.get(opened.patient)
        profile = None
        if hello is not None and hello.session == opened.session:
            profile = self._greeted.pop(opened.patient).patient
        return published(self.book.session(self._context(opened), now, profile=profile))

    def _vitals(self, vitals: Vitals, now: float) -> list[Event]:
        context = self._context(vitals)
        return published(
            self.book.vitals(context, vitals.sample, vitals.heart_rate, vitals.v_per_minute, now)
        )

    def _change(self, changed: Changed, now: float) -> list[Event]:
        context = self._context(changed)
        evidence = self._evidence(changed.patient, changed.change)
        return published(self.book.change(context, changed.change, now, evidence=evidence))

    def _judge_model(self, batch: list[Signal]) -> list[Event]:
        """The model fails, or works again: everybody who sends is told."""
        failure = self.pipeline.failure
        if failure is None or not batch:
            return []
        present = {record.patient: now for record, now in batch if isinstance(record, Block)}
        latest = max(now for _, now in batch)
        return published(self._failure.tell(present, latest, lasts=failure != ""))

    def _context(self, outcome: Vitals | Changed | Opened) -> Context:
        stream = self.pipeline.stream(outcome.patient, outcome.session)
        assert stream is not None
        return context_of(stream, stream.names[0] if isinstance(outcome, Opened) else outcome.lead)

    def _remember(self, beat: Beat) -> None:
        marks = self._beats.setdefault(beat.patient, deque(maxlen=EVIDENCE_BEATS))
        marks.append(EvidenceBeat(beat.sample, beat.label, max(beat.probabilities)))

    def _evidence(self, patient: str, change: Change) -> Evidence:
        """The rule and the beats from just before the onset to the decision."""
        beats = [b for b in self._beats.get(patient, ()) if b.sample <= change.at]
        return Evidence(
            rule=CATALOGUE[change.kind].rule,
            beats=tuple(beats),
            model=self.pipeline.model_id,
        )


def context_of(stream: Stream, lead: str) -> Context:
    """What the book needs to know of a stream, and of the lead that a condition was found in."""
    return Context(
        patient=stream.patient,
        session=stream.session,
        rate=stream.arrival.fitted or stream.arrival.rate,
        origin=stream.time(0),
        unit=stream.unit,
        bed=stream.bed,
        lead=lead,
        flags=stream.flags,
    )
