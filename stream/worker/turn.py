"""One turn of the worker without its I/O: records and commands in, what is to be written out."""

from collections.abc import Iterable, Sequence

from ecg.messages import (
    Acknowledge,
    Admit,
    Alarm,
    Discharge,
    PauseAudio,
    SetLimits,
    Strip,
)
from stream.engine.ward import Arrived, Event, Greeted, Ward, published
from stream.log import Topic
from stream.store import Checkpoint
from stream.worker import strips
from stream.worker.journal import Turn
from stream.worker.schedule import Schedule
from stream.worker.strips import Wanted

AnyCommand = Acknowledge | PauseAudio | SetLimits | Admit | Discharge


class Shift:
    """A worker's turns, one after the other: what it knows between them.

    Args:
        ward: engine and alarm book.
        engine: version written into checkpoints.
        every: stream seconds between two checkpoints of a patient.
    """

    def __init__(self, ward: Ward, engine: str, every: float) -> None:
        self.ward = ward
        self.wanted: dict[str, Wanted] = {}
        self.now = 0.0
        self._engine = engine
        self._schedule = Schedule(every)

    def samples(self, arrivals: Sequence[Arrived | Greeted], *, live: bool = True) -> list[Event]:
        """Push records of the sample log; remember which alarms want a strip."""
        if arrivals:
            self.now = max(self.now, arrivals[-1][1])
        events = self.ward.push(arrivals, live=live)
        for event in events:
            if isinstance(event, Alarm) and event.phase == "start":
                self.want(event)
        return events

    def command(self, command: AnyCommand, now: float) -> list[Event]:
        """Carry out a command, no earlier than what is known already."""
        self.now = max(self.now, now)
        return self.ward.command(command, self.now)

    def tick(self, now: float) -> list[Event]:
        """Let time pass, when no record waits."""
        self.now = max(self.now, now)
        return self.ward.tick(self.now)

    def want(self, alarm: Alarm) -> None:
        """An alarm wants its strip."""
        stream = self.ward.pipeline.stream(alarm.patient)
        strip = strips.wanted(alarm, stream.arrival.rate) if stream else None
        if strip is not None:
            self.wanted[strip.alarm] = strip

    def due_strips(self) -> list[Wanted]:
        """Strips whose signal is complete; they are wanted no longer."""
        found = [
            strip
            for strip in self.wanted.values()
            if strips.due([strip], self.ward.pipeline.stream(strip.patient))
        ]
        for strip in found:
            del self.wanted[strip.alarm]
        return found

    def strip(self, wanted: Wanted, strip: Strip) -> list[Event]:
        """The signal around an alarm is there."""
        return published(self.ward.book.strip(wanted.patient, wanted.alarm, strip))

    def fault(self, kind: str, *, on: bool) -> list[Event]:
        """A trouble of the worker's own, for every patient present."""
        return [
            event
            for patient in self.ward.pipeline.patients
            for event in published(self.ward.book.fault(patient, kind, self.now, on=on))
        ]

    def close(self, events: list[Event], told: Iterable[str], positions: dict[str, int]) -> Turn:
        """Put together what this turn writes.

        Args:
            events: all that happened.
            told: patients of whom records or commands came.
            positions: next offsets, by topic.
        """
        patients = set(told)
        touched = patients | {event.patient for event in events}
        position = positions.get(Topic.SAMPLES, 0)
        streams = [s for p in sorted(patients) if (s := self.ward.pipeline.stream(p)) is not None]
        save = [s.patient for s in streams if self._schedule.heard(s, self.now)]
        moved, dropped = self._schedule.silent(self.now)
        save += self._schedule.unsaved(self.now)
        for patient in dropped:
            self.ward.forget(patient)
        return Turn(
            events=events,
            books={p: self.ward.book.dump(p) for p in touched if p in self.ward.book.patients()},
            checkpoints=[Checkpoint(p, self._engine, position, self.ward.save(p)) for p in save],
            moved=moved,
            dropped=dropped,
            minutes=self.ward.trends.take(),
            positions=positions,
        )
