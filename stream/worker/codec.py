"""Events as log entries: which topic, which key, and the id that makes a repetition harmless."""

import msgspec

from ecg import messages as m
from ecg import wire
from stream.engine.alarms.state import NEVER, PatientState
from stream.engine.events import Event
from stream.log import Entry, Topic
from stream.store import Bed, Pending, pack_book


def kept_book(position: int, book: bytes) -> bytes:
    """A patient's alarm book (`Book.dump`) for the store, with what others may know of the bed."""
    state = msgspec.msgpack.decode(book, type=PatientState)
    limits = state.limits
    streams = state.arrived != NEVER
    bed = Bed(state.profile, state.unit, state.bed, limits.low, limits.high, limits.pvc, streams)
    return pack_book(position, book, bed)


def topic(event: Event) -> Topic:
    """Alarms have a topic of their own; everything else is an event."""
    return Topic.ALARMS if isinstance(event, m.Alarm) else Topic.EVENTS


def entry(event: Event) -> Entry:
    """The event as the log takes it."""
    return Entry(event.patient, wire.pack(event), event_id(event))


def refusal(rejected: m.Rejected) -> Entry:
    """A refused record as the log takes it; its place is its id."""
    place = f"{rejected.topic}:{rejected.partition}:{rejected.offset}"
    return Entry(rejected.key, wire.pack(rejected), place)


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


def leaving(pending: Pending, now: float) -> Entry:
    """A row of the outbox as the log takes it at time `now`; an alarm says that it leaves now."""
    value = pending.value
    if pending.topic == Topic.ALARMS:
        alarm = wire.events.decode(value)
        value = wire.pack(msgspec.structs.replace(alarm, published_at=now))
    return Entry(pending.key, value, pending.id)
