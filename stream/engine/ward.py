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
    Alarm,
    Beat,
    Block,
    Command,
    CommandDone,
    Evidence,
    EvidenceBeat,
    Gap,
    Goodbye,
    Hello,
    Vitals,
)
from stream.engine.alarms import Book, Context, Done, Instruction, Publish
from stream.engine.outcome import Changed, Closed, Opened, Outcome
from stream.engine.pipeline import Classifier, Pipeline
from stream.engine.streams import Stream
from stream.engine.trends import Minute, Trends

EVIDENCE_BEATS: Final = 12
"""Beats that an alarm shows as its evidence."""

GREETED: Final = 10_000
"""Devices that may have said HELLO without having sent a block."""

Arrived = tuple[Block | Goodbye, float]
"""A record of the sample log and when it arrived, seconds since 1970."""

Greeted = tuple[Hello, float]
"""The same for a HELLO."""

Event = Beat | Vitals | Gap | Alarm | CommandDone
"""What is published."""

BeatMarks = deque[EvidenceBeat]


class Checkpoint(msgspec.Struct, array_like=True):
    """One patient, without the book (whose state is kept with each transition)."""

    stream: bytes
    beats: list[EvidenceBeat]
    minute: Minute | None


class Ward:
    """The patients of one partition: signal in, beats, vitals and alarms out.

    Args:
        classifier: names the beats.
        lead: position of the analysed lead.
    """

    def __init__(self, classifier: Classifier, lead: int = 0) -> None:
        self.pipeline = Pipeline(classifier, lead)
        self.book = Book()
        self.trends = Trends()
        self._beats: dict[str, BeatMarks] = {}
        self._greeted: dict[tuple[str, str], Hello] = {}
        self._failed = ""

    # ── Stimuli ───────────────────────────────────────────────────────────────────────────────

    def push(self, records: Iterable[Arrived | Greeted], *, live: bool = True) -> list[Event]:
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
            times = {record.patient: now for record, now in batch}
            outcomes = self.pipeline.push(batch)
            if live:
                for record, now in batch:
                    events += self._arrived(record, now)
            for outcome in outcomes:
                events += self._tell(outcome, times[outcome.patient], live=live)
            if live:
                events += self._failure(times)
        return events

    def batches(self, records: Iterable[Arrived | Greeted]) -> Iterator[list[Arrived]]:
        """Cut records into batches with at most one of each patient, keeping each one's order."""
        waiting: dict[str, deque[Arrived]] = {}
        for record, now in self._greet(records):
            waiting.setdefault(record.patient, deque()).append((record, now))
        while waiting:
            yield [queue.popleft() for queue in waiting.values()]
            waiting = {patient: queue for patient, queue in waiting.items() if queue}

    def command(self, command: Command, now: float) -> list[Event]:
        """Carry out what a person asked."""
        return published(self.book.command(command, now))

    def tick(self, now: float) -> list[Event]:
        """Time has passed: decide what fell due. `book.next_deadline()` says when to call."""
        return published(self.book.tick(now))

    # ── State ─────────────────────────────────────────────────────────────────────────────────

    def save(self, patient: str) -> bytes:
        """One patient's engine state; the book's is `book.dump`."""
        beats = list(self._beats.get(patient, ()))
        minute = self.trends.running.get(patient)
        return msgspec.msgpack.encode(Checkpoint(self.pipeline.save(patient), beats, minute))

    def restore(self, patient: str, data: bytes) -> None:
        """Put back what `save` gave.

        Raises:
            ValueError: not from this version of the engine.
        """
        try:
            checkpoint = msgspec.msgpack.decode(data, type=Checkpoint)
        except msgspec.DecodeError as error:
            raise ValueError(f"a checkpoint that cannot be read: {error}") from None
        self.pipeline.restore(checkpoint.stream)
        self._beats[patient] = deque(checkpoint.beats, EVIDENCE_BEATS)
        if checkpoint.minute is not None:
            self.trends.running[patient] = checkpoint.minute

    def forget(self, patient: str) -> None:
        """Drop a patient's stream; the book goes on."""
        self.pipeline.forget(patient)
        self._beats.pop(patient, None)
        self.trends.running.pop(patient, None)

    # ── Inside ────────────────────────────────────────────────────────────────────────────────

    def _greet(self, records: Iterable[Arrived | Greeted]) -> Iterator[Arrived]:
        """Keep what a HELLO says of a patient until the session's first block opens it."""
        for record, now in records:
            if isinstance(record, Block | Goodbye):
                yield record, now
            elif len(self._greeted) < GREETED:
                self._greeted[record.patient.id, record.session] = record

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
            return [outcome, *self._vitals(outcome, now)]
        if isinstance(outcome, Changed):
            return self._change(outcome, now)
        if isinstance(outcome, Opened):
            return self._opened(outcome, now)
        assert isinstance(outcome, Closed)
        return published(self.book.goodbye(outcome.patient, outcome.session, now))

    def _opened(self, opened: Opened, now: float) -> list[Event]:
        """A session begins; its HELLO, where there was one, says for whom the limits are."""
        hello = self._greeted.pop((opened.patient, opened.session), None)
        profile = hello.patient if hello is not None else None
        return published(self.book.session(self._context(opened.patient), now, profile=profile))

    def _vitals(self, vitals: Vitals, now: float) -> list[Event]:
        context = self._context(vitals.patient)
        return published(
            self.book.vitals(context, vitals.sample, vitals.heart_rate, vitals.v_per_minute, now)
        )

    def _change(self, changed: Changed, now: float) -> list[Event]:
        context = self._context(changed.patient)
        evidence = self._evidence(changed.patient, changed.change)
        return published(self.book.change(context, changed.change, now, evidence=evidence))

    def _failure(self, times: dict[str, float]) -> list[Event]:
        """The model began to fail, or works again: everybody present is told."""
        if self.pipeline.failure == self._failed:
            return []
        self._failed = self.pipeline.failure
        now = max(times.values())
        return [
            event
            for patient in self.pipeline.patients
            for event in published(
                self.book.fault(patient, "MODEL_FAIL", now, on=bool(self._failed))
            )
        ]

    def _context(self, patient: str) -> Context:
        return context_of(self._stream(patient))

    def _stream(self, patient: str) -> Stream:
        stream = self.pipeline.stream(patient)
        assert stream is not None
        return stream

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


def context_of(stream: Stream) -> Context:
    """What the book needs to know of a stream."""
    return Context(
        patient=stream.patient,
        session=stream.session,
        rate=stream.arrival.fitted or stream.arrival.rate,
        origin=stream.time(0),
        unit=stream.unit,
        bed=stream.bed,
        lead=stream.lead_name,
        flags=stream.flags,
    )


def published(instructions: list[Instruction]) -> list[Event]:
    """The messages in the book's instructions."""
    events: list[Event] = []
    for instruction in instructions:
        if isinstance(instruction, Publish):
            events.append(instruction.alarm)
        elif isinstance(instruction, Done):
            events.append(instruction.done)
    return events
