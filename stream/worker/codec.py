"""Events as log entries: which topic, which key, and the id that makes a repetition harmless."""

from ecg import messages as m
from ecg import wire
from stream.engine.ward import Event
from stream.log import Entry, Topic


def topic(event: Event) -> Topic:
    """Alarms have a topic of their own; everything else is an event."""
    return Topic.ALARMS if isinstance(event, m.Alarm) else Topic.EVENTS


def entry(event: Event) -> Entry:
    """The event as the log takes it."""
    return Entry(event.patient, wire.pack(event), event_id(event))


def event_id(event: Event) -> str:
    """Deterministic: the same samples and commands give the same ids."""
    if isinstance(event, m.Alarm):
        return f"{event.id}#{event.update_no}"
    if isinstance(event, m.CommandDone):
        return f"done:{event.id}"
    if isinstance(event, m.Gap):
        return f"{event.patient}:{event.session}:gap:{event.first}"
    kind = "beat" if isinstance(event, m.Beat) else "vitals"
    return f"{event.patient}:{event.session}:{kind}:{event.sample}"
