"""NOT_MONITORED: a patient sends, and nobody analyses. Pure.

A dead worker cannot report itself, so the gateway that the device talks to does: it sees the blocks
come in, and the worker's vitals come out of the event log once a second.

Rule: raised when the last vitals (or, before any, the first block) are older than VITALS_SECONDS
although more than BEHIND_SECONDS of signal have come that they do not cover; ends with the next
vitals, or when no block has come for GONE_SECONDS (then the patient is not sending any more, which
the worker reports as NO_DATA once it is back).
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from ecg import messages as m
from ecg.conditions import CATALOGUE

VITALS_SECONDS: Final = 3.0
"""Vitals come at 1 Hz: three are missing."""
BEHIND_SECONDS: Final = 2.0
"""The second that has just begun has no vitals yet, nor the beats of the last half one."""
HOLD_SECONDS: Final = 0.5
"""A block of 5 s is behind for the moment that its analysis takes."""
SENDING_SECONDS: Final = 6.0
"""A block may be 5 s long; a device that sent one within this time is sending."""
GONE_SECONDS: Final = 60.0
"""After that the patient is forgotten."""

KIND: Final = CATALOGUE["NOT_MONITORED"]


@dataclass(slots=True)
class Watch:
    """What is known of a patient who sends."""

    session: str
    unit: str
    bed: str
    sample: int
    rate: float
    seen: int
    """Sample up to which vitals speak."""
    analysed: float
    sent: float
    behind: float | None = None
    """Since when too much signal is without vitals, as far as `tick` saw."""
    alarm: m.Alarm | None = None


class Monitor:
    """Who sends, who is analysed. `now` never goes back; `wall` is seconds since 1970."""

    def __init__(self) -> None:
        self._watched: dict[str, Watch] = {}

    def block(self, block: m.Block, now: float) -> None:
        """A block has come from the patient's device; it says where the bed stands, too."""
        watch = self._watched.get(block.patient)
        if watch is None:
            self._watched[block.patient] = _watch(block, now)
            return
        if now - watch.sent > SENDING_SECONDS and watch.alarm is None:
            watch.analysed = now  # it had stopped: vitals of then say nothing about now
        if block.session != watch.session:
            watch.seen = block.first
        watch.session, watch.sample, watch.sent = block.session, block.end, now
        watch.unit, watch.bed = block.unit, block.bed

    def vitals(self, vitals: m.Vitals, now: float) -> None:
        """A worker has published vitals of a patient."""
        watch = self._watched.get(vitals.patient)
        if watch is not None:
            watch.analysed = now
            if vitals.session == watch.session:
                watch.seen = vitals.sample

    @property
    def count(self) -> int:
        """Patients who send, or did a moment ago."""
        return len(self._watched)

    @property
    def patients(self) -> tuple[str, ...]:
        """The same by name."""
        return tuple(self._watched)

    @property
    def active(self) -> tuple[m.Alarm, ...]:
        """The alarms that stand now."""
        return tuple(watch.alarm for watch in self._watched.values() if watch.alarm is not None)

    def tick(self, now: float, wall: float) -> list[m.Alarm]:
        """Judge everyone; gives the alarms that start or end now."""
        changes = []
        for patient, watch in list(self._watched.items()):
            alarm = self._judge(patient, watch, now, wall)
            if alarm is not None:
                changes.append(alarm)
            if now - watch.sent > GONE_SECONDS:
                del self._watched[patient]
        return changes

    def _judge(self, patient: str, watch: Watch, now: float, wall: float) -> m.Alarm | None:
        unseen = now - watch.analysed > VITALS_SECONDS
        if not _is_behind(watch, now):
            unseen = unseen and watch.alarm is not None
        if watch.alarm is None and unseen and now - watch.sent <= SENDING_SECONDS:
            watch.alarm = _started(patient, watch, wall, wall - (now - watch.analysed))
            return watch.alarm
        if watch.alarm is not None and (not unseen or now - watch.sent > GONE_SECONDS):
            over, watch.alarm = ended(watch.alarm, watch.sample, wall), None
            return over
        return None


def _watch(block: m.Block, now: float) -> Watch:
    """Of a patient whose first block this is."""
    return Watch(
        session=block.session,
        unit=block.unit,
        bed=block.bed,
        sample=block.end,
        rate=block.rate,
        seen=block.first,
        analysed=now,
        sent=now,
    )


def _is_behind(watch: Watch, now: float) -> bool:
    """Whether too much signal has been without vitals, for long enough."""
    if watch.sample - watch.seen <= BEHIND_SECONDS * watch.rate:
        watch.behind = None
        return False
    if watch.behind is None:
        watch.behind = now
    return now - watch.behind >= HOLD_SECONDS


def _started(patient: str, watch: Watch, wall: float, since: float) -> m.Alarm:
    return m.Alarm(
        # by what was analysed last, so that several gateways who see the same give it one name
        id=f"{patient}:{watch.session}:{KIND.name}:{watch.seen}",
        update_no=0,
        phase="start",
        state="active",
        patient=patient,
        session=watch.session,
        kind=KIND.name,
        priority=KIND.priority,
        text=KIND.text,
        code=KIND.code,
        onset_sample=watch.sample,
        onset_time=since,
        detected_sample=watch.sample,
        detected_time=wall,
        unit=watch.unit,
        bed=watch.bed,
        published_at=wall,
    )


def ended(alarm: m.Alarm, sample: int | None, wall: float) -> m.Alarm:
    """The alarm's last update; `sample`: up to which the patient had sent, if that is known."""
    return msgspec.structs.replace(
        alarm,
        update_no=1,
        phase="end",
        state="ended",
        ended_sample=sample,
        ended_time=wall,
        published_at=wall,
    )
