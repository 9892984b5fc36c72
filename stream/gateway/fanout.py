"""Who gets which event, and what waits for each subscriber. Pure.

Alarms, beats, vitals and the like are never dropped: they stand in the log, so a subscriber for
whom too many wait reads on from there (subscribe.py), and one that stays full is closed and resumes
after its cursor. Waveform is best effort: the oldest is dropped, and a Gap says which samples.
"""

from collections import deque
from collections.abc import Iterable
from functools import cached_property
from typing import Final

from ecg import messages as m
from ecg import wire
from ecg.errors import WireError

ALARMS, BEATS, VITALS, WAVEFORM = 1, 2, 4, 8
CHANNELS: Final = {"alarms": ALARMS, "beats": BEATS, "vitals": VITALS, "waveform": WAVEFORM}

CHANNEL_OF: Final[dict[type, int]] = {
    m.Alarm: ALARMS,
    m.CommandDone: ALARMS,  # what was done is visible to every viewer
    m.Beat: BEATS,
    m.Vitals: VITALS,
    m.Gap: BEATS | WAVEFORM,  # where samples are missing, there are no beats either
    m.Block: WAVEFORM,
}

MAX_PATIENTS: Final = 65_536
"""Patients whose unit is known, and audiences that are: those of whom nothing came for longest are
forgotten first. About 10 MB; a patient's next vitals tell the unit again."""


class Delivery:
    """One event on its way to many: encoded once in each form that is asked for."""

    def __init__(self, message: m.Snapshot | m.Event | m.Heartbeat | m.Problem) -> None:
        self.message = message

    @property
    def cursor(self) -> str:
        """Where to resume after it; empty for what stands in no event log."""
        return self.message.cursor if isinstance(self.message, m.Event) else ""

    @cached_property
    def packed(self) -> bytes:
        """As MessagePack."""
        return wire.pack(self.message)

    @cached_property
    def text(self) -> str:
        """As JSON."""
        return wire.to_json(self.message).decode()


class Interest:
    """What one subscriber asked for: channels, patients and units.

    Raises:
        WireError: there is no such channel.
    """

    def __init__(self, asked: m.Subscribe) -> None:
        """Take channels, patients and units; neither patients nor units: everyone."""
        self.mask = _mask(asked.channels)
        self._patients = frozenset(asked.patients)
        self._units = frozenset(asked.units)

    @property
    def named(self) -> frozenset[str] | None:
        """The patients it is limited to; None when it may be about anybody."""
        return self._patients if self._patients and not self._units else None

    def wants(self, channel: int, patient: str, unit: str) -> bool:
        """Whether an event of this channel and patient is meant for it."""
        if not self.mask & channel:
            return False
        everyone = not self._patients and not self._units
        return everyone or patient in self._patients or unit in self._units


class Subscription(Interest):
    """What one subscriber asked for, and what waits for it.

    Attributes:
        receiver: the alarm receiver that it declared itself to be, empty for none.
        overrun: there was no room for an event; nothing is queued any more until `reset`.
    """

    def __init__(self, asked: m.Subscribe, limit: int) -> None:
        """Begin with nothing waiting.

        Args:
            asked: what its subscriber wants.
            limit: messages that may wait, of waveform and of all else.

        Raises:
            WireError: there is no such channel.
        """
        super().__init__(asked)
        self.receiver = asked.receiver
        self._limit = limit
        self._events: deque[Delivery] = deque()
        self._waves: deque[tuple[m.Block, Delivery]] = deque()
        self._gaps: dict[tuple[str, str], tuple[int, int]] = {}
        self.overrun = False

    def put(self, delivery: Delivery) -> None:
        """An event waits; the first for which there is no room, and all after it, do not."""
        self.overrun = self.overrun or len(self._events) >= self._limit
        if not self.overrun:
            self._events.append(delivery)

    def reset(self) -> None:
        """Its subscriber reads on from the log: the queue starts anew."""
        self._events.clear()
        self.overrun = False

    def put_wave(self, block: m.Block, delivery: Delivery) -> int:
        """A piece of waveform waits; gives how many older ones had to go for it, 0 or 1."""
        self._waves.append((block, delivery))
        if len(self._waves) <= self._limit:
            return 0
        self._drop(self._waves.popleft()[0])
        return 1

    def take(self) -> Delivery | None:
        """What to send next: events, then gaps, then waveform; None when nothing waits."""
        if self._events:
            return self._events.popleft()
        if self._gaps:
            (patient, session), (first, end) = self._gaps.popitem()
            gap = m.Gap(patient=patient, session=session, first=first, end=end)
            return Delivery(m.Event(cursor="", event=gap))
        return self._waves.popleft()[1] if self._waves else None

    def _drop(self, block: m.Block) -> None:
        key = (block.patient, block.session)
        first, end = self._gaps.get(key, (block.first, block.end))
        self._gaps[key] = (min(first, block.first), max(end, block.end))


def _mask(channels: Iterable[str]) -> int:
    mask = 0
    for name in channels:
        if name not in CHANNELS:
            text = f"there is no channel {name!r}"
            raise WireError("unknown_channel", text, field="channels", limit=", ".join(CHANNELS))
        mask |= CHANNELS[name]
    return mask


class Fanout:
    """All subscriptions of the process, and who is meant by what."""

    def __init__(self) -> None:
        self._subscriptions: dict[Subscription, None] = {}
        self._audiences: dict[tuple[int, str], tuple[Subscription, ...]] = {}
        self._units: dict[str, str] = {}
        self.mask = 0

    def add(self, subscription: Subscription) -> None:
        """It is live from now on."""
        self._subscriptions[subscription] = None
        self._changed()

    def remove(self, subscription: Subscription) -> None:
        """It is gone."""
        self._subscriptions.pop(subscription, None)
        self._changed()

    def place(self, patient: str, unit: str) -> None:
        """The patient lies in this unit, as the last vitals or alarm said."""
        if not unit:
            return
        if self._units.pop(patient, "") != unit:
            self._audiences.clear()
        self._units[patient] = unit  # as the newest
        if len(self._units) > MAX_PATIENTS:
            del self._units[next(iter(self._units))]

    def unit(self, patient: str) -> str:
        """The patient's unit, empty when it is not known."""
        return self._units.get(patient, "")

    def audience(self, channel: int, patient: str) -> tuple[Subscription, ...]:
        """Whom an event is meant for."""
        if not self.mask & channel:
            return ()
        key = (channel, patient)
        found = self._audiences.get(key)
        if found is None:
            unit = self.unit(patient)
            found = tuple(s for s in self._subscriptions if s.wants(channel, patient, unit))
            if len(self._audiences) >= MAX_PATIENTS:
                self._audiences.clear()
            self._audiences[key] = found
        return found

    def _changed(self) -> None:
        self._audiences.clear()
        self.mask = 0
        for subscription in self._subscriptions:
            self.mask |= subscription.mask
