"""DELIVERY_FAIL: a declared alarm receiver does not confirm what it was given. Pure.

A subscriber that names itself a receiver (SUBSCRIBE) answers for the alarms of its patients. Rule:

- Every update of an alarm that sounds (active or latched, not silenced, low or higher; a strip that
  follows is no news) is to be confirmed, from the moment at which the gateway learns of it, whether
  the receiver is connected or not.
- What is not confirmed within CONFIRM_SECONDS raises DELIVERY_FAIL, one for each receiver and
  patient. It ends when the receiver has confirmed that patient's alarms, or they sound no longer:
  ended, acknowledged, silenced.
- A receiver that loses its connection stays a receiver for AWAY_SECONDS. One that closes in order,
  with nothing left to confirm, ceases to be one at once.

DELIVERY_FAIL itself need not be confirmed: two receivers that are both gone would report each other.
"""

from typing import Final

import msgspec

from ecg import messages as m
from ecg.conditions import CATALOGUE
from ecg.types import Priority
from stream.gateway import monitor
from stream.gateway.fanout import ALARMS, Interest

CONFIRM_SECONDS: Final = 5.0
"""Time to confirm: half of the ten seconds that an alarm may take from onset to a person, and long
enough for a reconnect after a Wi-Fi roaming of 2–3 s."""
AWAY_SECONDS: Final = 600.0
"""A receiver that was lost is missed for so long; by then somebody has been told, or left it so."""
MAX_RECEIVERS: Final = 256
MAX_WAITING: Final = 4096
"""Alarms that one receiver owes an answer for. One more is not counted: it fails as it is."""
MAX_SETTLED: Final = 4096
"""Alarms of which a receiver's last answer is known: a worker that crashed repeats its last 10 s,
and the receiver, who has seen them, does not confirm them again."""

KIND: Final = CATALOGUE["DELIVERY_FAIL"]


class Waiting(msgspec.Struct):
    """An alarm that is to be confirmed.

    Attributes:
        alarm: its latest update.
        unit: where the patient lies.
        since: when the oldest update that is not confirmed came.
        latest: when the latest one came.
    """

    alarm: m.Alarm
    unit: str
    since: float
    latest: float


class Receiver:
    """One alarm receiver, connected or away.

    Attributes:
        interest: whose alarms it receives.
        connection: its newest connection.
        away_since: when that was lost, None while it stands.
        waiting: what it owes an answer for, by alarm id.
        failing: the DELIVERY_FAIL that stands, by patient.
    """

    def __init__(self, interest: Interest, connection: int) -> None:
        self.interest = interest
        self.connection = connection
        self.away_since: float | None = None
        self.waiting: dict[str, Waiting] = {}
        self.failing: dict[str, m.Alarm] = {}
        self._settled: dict[str, int] = {}

    def join(self, interest: Interest, connection: int) -> None:
        """It is here, maybe again, and may have come for other patients than before."""
        self.interest, self.connection, self.away_since = interest, connection, None
        self.waiting = {
            name: waiting
            for name, waiting in self.waiting.items()
            if interest.wants(ALARMS, waiting.alarm.patient, waiting.unit)
        }

    def leave(self, now: float, *, clean: bool) -> None:
        """Its connection has ended; `clean`: it said so itself."""
        forget = clean and not self.waiting
        self.away_since = now - AWAY_SECONDS if forget else now

    def alarm(self, alarm: m.Alarm, unit: str, now: float) -> None:
        """An update of an alarm is given to it, or would be if it were here."""
        if alarm.strip is not None and sounds(alarm):
            return
        waiting = self.waiting.get(alarm.id)
        known = waiting.alarm.update_no if waiting else self._settled.get(alarm.id, -1)
        if alarm.update_no <= known:
            return
        if not sounds(alarm):
            self._settle(alarm.id, alarm.update_no)
        elif waiting is not None:
            waiting.alarm, waiting.latest = alarm, now
        elif len(self.waiting) < MAX_WAITING:
            self.waiting[alarm.id] = Waiting(alarm, unit, now, now)

    def confirm(self, alarm: str, update_no: int) -> None:
        """It has taken the alarm in, up to this update."""
        waiting = self.waiting.get(alarm)
        if waiting is None:
            return
        if update_no >= waiting.alarm.update_no:
            self._settle(alarm, waiting.alarm.update_no)
        elif update_no > self._settled.get(alarm, -1):
            self._remember(alarm, update_no)
            waiting.since = waiting.latest

    def judge(self, name: str, now: float, wall: float) -> list[m.Alarm]:
        """The alarms about it that start or end now."""
        overdue: dict[str, Waiting] = {}
        for waiting in self.waiting.values():
            if now - waiting.since >= CONFIRM_SECONDS:
                overdue.setdefault(waiting.alarm.patient, waiting)
        over = [patient for patient in self.failing if patient not in overdue]
        ends = [ended(self.failing.pop(patient), wall) for patient in over]
        started = [
            _started(waiting.alarm, name, wall - (now - waiting.since), wall)
            for patient, waiting in overdue.items()
            if patient not in self.failing
        ]
        self.failing |= {alarm.patient: alarm for alarm in started}
        return ends + started

    def told_over(self, alarm: m.Alarm) -> None:
        """Another gateway has ended its failure: so it is if it has gone there, else it is judged anew."""
        failing = self.failing.get(alarm.patient)
        if failing is None or failing.id != alarm.id:
            return
        del self.failing[alarm.patient]
        if self.away_since is not None:
            for name in [n for n, w in self.waiting.items() if w.alarm.patient == alarm.patient]:
                self._settle(name, self.waiting[name].alarm.update_no)

    def is_gone(self, now: float) -> bool:
        """Whether it has been away for so long that nobody expects it any more."""
        return self.away_since is not None and now - self.away_since >= AWAY_SECONDS

    def _settle(self, alarm: str, update_no: int) -> None:
        self.waiting.pop(alarm, None)
        self._remember(alarm, update_no)

    def _remember(self, alarm: str, update_no: int) -> None:
        self._settled.pop(alarm, None)  # so that it is the newest again
        self._settled[alarm] = update_no
        if len(self._settled) > MAX_SETTLED:
            del self._settled[next(iter(self._settled))]


class Delivery:
    """All receivers. `now` never goes back; `wall` is seconds since 1970."""

    def __init__(self) -> None:
        self._receivers: dict[str, Receiver] = {}

    @property
    def count(self) -> int:
        """Receivers that are here, or are missed."""
        return len(self._receivers)

    def join(self, asked: m.Subscribe, connection: int) -> bool:
        """A connection declares itself a receiver; False when there are too many.

        The newest connection of a name is the one that counts.
        """
        known = self._receivers.get(asked.receiver)
        if known is not None:
            known.join(Interest(asked), connection)
        elif len(self._receivers) < MAX_RECEIVERS:
            self._receivers[asked.receiver] = Receiver(Interest(asked), connection)
        else:
            return False
        return True

    def leave(self, name: str, connection: int, now: float, *, clean: bool) -> None:
        """A receiver's connection has ended; nothing happens if another one has taken over."""
        receiver = self._receivers.get(name)
        if receiver is not None and receiver.connection == connection:
            receiver.leave(now, clean=clean)

    def alarm(self, alarm: m.Alarm, unit: str, now: float) -> None:
        """An update of an alarm goes out to everyone."""
        if alarm.kind == KIND.name:
            return
        for receiver in self._receivers.values():
            if receiver.interest.wants(ALARMS, alarm.patient, unit):
                receiver.alarm(alarm, unit, now)

    def snapshot(self, name: str, alarms: tuple[m.Alarm, ...], now: float) -> None:
        """A receiver gets the alarms that stand."""
        receiver = self._receivers.get(name)
        if receiver is not None:
            for alarm in alarms:
                if alarm.kind != KIND.name:
                    receiver.alarm(alarm, alarm.unit, now)

    def confirm(self, name: str, message: m.Confirm) -> None:
        """A receiver has taken alarms in."""
        receiver = self._receivers.get(name)
        if receiver is not None:
            for taken in message.alarms:
                receiver.confirm(taken.alarm, taken.update_no)

    def settled(self, name: str, patient: str) -> bool:
        """Whether a receiver is here and owes no answer for a patient's alarms."""
        receiver = self._receivers.get(name)
        if receiver is None or receiver.away_since is not None:
            return False
        return all(waiting.alarm.patient != patient for waiting in receiver.waiting.values())

    def told_over(self, alarm: m.Alarm) -> None:
        """Another gateway has ended an alarm; it may be one of ours."""
        receiver = self._receivers.get(receiver_of(alarm))
        if receiver is not None:
            receiver.told_over(alarm)

    def standing(self, but: str = "") -> list[m.Alarm]:
        """The alarms that stand now, but for those about one receiver."""
        return [
            alarm
            for name, receiver in self._receivers.items()
            if not but or name != but
            for alarm in receiver.failing.values()
        ]

    def tick(self, now: float, wall: float) -> list[tuple[str, m.Alarm]]:
        """Judge every receiver; gives the alarms that start or end, each with whom it is about."""
        changes = []
        for name, receiver in list(self._receivers.items()):
            if receiver.is_gone(now):
                receiver.waiting.clear()
                del self._receivers[name]
            changes += [(name, alarm) for alarm in receiver.judge(name, now, wall)]
        return changes


def sounds(alarm: m.Alarm) -> bool:
    """Whether it is to be heard, so that somebody must have taken it in."""
    standing = alarm.state in {"active", "latched"}
    return standing and not alarm.silenced and alarm.priority >= Priority.LOW


def _started(about: m.Alarm, receiver: str, since: float, wall: float) -> m.Alarm:
    """The alarm that tells of an alarm; the time in its id tells two failures apart."""
    rule = f"{receiver} did not confirm {about.kind} ({about.id}) within {CONFIRM_SECONDS:g} s"
    return m.Alarm(
        id=f"{about.id}:{KIND.name}:{receiver}:{round(wall * 1000)}",
        update_no=0,
        phase="start",
        state="active",
        patient=about.patient,
        session=about.session,
        kind=KIND.name,
        priority=KIND.priority,
        text=f"{KIND.text}: {receiver}",
        code=KIND.code,
        onset_sample=about.onset_sample,
        onset_time=since,
        detected_sample=about.detected_sample,
        detected_time=wall,
        evidence=m.Evidence(rule),
        flags=about.flags,
        unit=about.unit,
        bed=about.bed,
        published_at=wall,
    )


def receiver_of(alarm: m.Alarm) -> str:
    """The receiver that a DELIVERY_FAIL is about, empty for any other alarm, or if no gateway named it."""
    parts = alarm.id.rsplit(":", 2)
    return parts[1] if alarm.kind == KIND.name and len(parts) == 3 else ""


def ended(alarm: m.Alarm, wall: float) -> m.Alarm:
    """The alarm's last update."""
    return monitor.ended(alarm, alarm.detected_sample, wall)
