"""NOT_MONITORED alarms that outlive the gateway that raised them. Pure.

Whoever raised one ends it with the patient's next vitals. Rule: when a worker has published anything
of the patient after the alarm (vitals, or NO_DATA for one who sends no more), and it still stands
ORPHAN_SECONDS later, its gateway is gone, and whoever notices ends it in its place. Several
gateways may: its id and update number are the same.
"""

from typing import Final

import msgspec

from ecg import messages as m
from stream.gateway import monitor

ORPHAN_SECONDS: Final = 3.0
"""A gateway that lives has looked several times by then, and its word has come through the log."""


class Orphan(msgspec.Struct):
    """An alarm of another gateway, which may be gone.

    Attributes:
        alarm: as it stands.
        time_ms: when the log took it.
        analysed: when, on the loop's clock, a worker was first seen to be back; None if it is not.
    """

    alarm: m.Alarm
    time_ms: int
    analysed: float | None = None


class Orphans:
    """The NOT_MONITORED of other gateways, by patient."""

    def __init__(self) -> None:
        self._patients: dict[str, dict[str, Orphan]] = {}

    @property
    def patients(self) -> tuple[str, ...]:
        """Whose vitals would tell that an alarm is over."""
        return tuple(self._patients)

    def add(self, alarm: m.Alarm, time_ms: int) -> None:
        """Another gateway has raised an alarm; the log took it at `time_ms`."""
        if alarm.kind == monitor.KIND.name:
            self._patients.setdefault(alarm.patient, {})[alarm.id] = Orphan(alarm, time_ms)

    def remove(self, alarm: m.Alarm) -> None:
        """It has ended, or is looked after."""
        standing = self._patients.get(alarm.patient, {})
        standing.pop(alarm.id, None)
        if not standing:
            self._patients.pop(alarm.patient, None)

    def analysed(self, patient: str, time_ms: int, now: float) -> None:
        """A worker has published something of a patient; the log took it at `time_ms`."""
        for orphan in self._patients.get(patient, {}).values():
            if orphan.analysed is None and time_ms > orphan.time_ms:
                orphan.analysed = now

    def tick(self, now: float, wall: float) -> list[m.Alarm]:
        """The ends of those that nobody has ended in time."""
        return [
            monitor.ended(orphan.alarm, None, wall)
            for standing in self._patients.values()
            for orphan in standing.values()
            if orphan.analysed is not None and now - orphan.analysed >= ORPHAN_SECONDS
        ]
