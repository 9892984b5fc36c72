"""DELIVERY_FAIL alarms that outlive the gateway that raised them. Pure.

Only that gateway knows what the receiver owes. But nobody owes an answer for a patient of whom no
alarm sounds, and who has come to another gateway and confirmed all that sounds there owes nothing
either. Rule: when that has been so for ORPHAN_SECONDS and the alarm still stands, its gateway is
gone, or the receiver has left it for another one, and whoever notices ends it in its place. Several
gateways may: its id and update number are the same. A gateway that lives and knows better raises it anew.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from ecg import messages as m
from stream.gateway import delivery

ORPHAN_SECONDS: Final = 3.0
"""A gateway that lives has looked several times by then, and its word has come through the log."""


class Failing(msgspec.Struct):
    """A DELIVERY_FAIL of another gateway; `idle`: since when nobody can owe it an answer."""

    alarm: m.Alarm
    idle: float | None = None


class Undelivered:
    """The DELIVERY_FAIL of other gateways, and which alarms sound."""

    def __init__(self) -> None:
        self._failing: dict[str, Failing] = {}
        self._sounding: dict[str, set[str]] = {}

    def add(self, alarm: m.Alarm) -> None:
        """Another gateway has raised an alarm."""
        if alarm.kind == delivery.KIND.name:
            self._failing[alarm.id] = Failing(alarm)

    def remove(self, alarm: m.Alarm) -> None:
        """It has ended, or is looked after."""
        self._failing.pop(alarm.id, None)

    def heard(self, alarm: m.Alarm) -> None:
        """A worker has said what became of an alarm."""
        sounding = self._sounding.setdefault(alarm.patient, set())
        (sounding.add if delivery.sounds(alarm) else sounding.discard)(alarm.id)
        if not sounding:
            del self._sounding[alarm.patient]

    def tick(self, now: float, wall: float, settled: Callable[[str, str], bool]) -> list[m.Alarm]:
        """The ends of those that nobody has ended in time.

        Args:
            now: on the loop's clock.
            wall: seconds since 1970.
            settled: whether a receiver is here and owes nothing of a patient.
        """
        ends = []
        for failing in self._failing.values():
            alarm = failing.alarm
            sounds = alarm.patient in self._sounding
            if sounds and not settled(delivery.receiver_of(alarm), alarm.patient):
                failing.idle = None
            elif failing.idle is None:
                failing.idle = now
            elif now - failing.idle >= ORPHAN_SECONDS:
                ends.append(delivery.ended(alarm, wall))
        return ends
