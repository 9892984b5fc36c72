"""The rules of the alarm book over one patient: how an alarm starts, changes, latches and ends.

    state          becomes          when
    ────────────── ──────────────── ─────────────────────────────────────────────────────────
    –              active           its condition is set, or happened once
    active         acknowledged     someone acknowledges it: silent, but shown
    active, ack.   latched          the condition ends, and the kind latches (high priority)
    active, ack.   ended            the condition ends, and it has been shown for 6 s
    latched        ended            someone acknowledges it
    acknowledged   active           it is high, and still holds after the time of the re-alarm
    any            active           it escalates (NSVT to VTACH, technical ones by time)

`Ledger` is one stimulus at work on one patient: it changes the state and collects instructions.
After each stimulus `settle` derives what depends on all alarms together (suppression, sound) and
publishes what that changed.
"""

from typing import Any, Final

import msgspec

from ecg.conditions import CATALOGUE, Edge, suppresses
from ecg.messages import Alarm
from ecg.types import Priority
from stream.engine.alarms.news import News, alarm_id, alarm_of
from stream.engine.alarms.state import (
    NEVER,
    Entry,
    Instruction,
    PatientState,
    Publish,
    Settings,
)

ESCALATES: Final = {"VTACH": "NSVT"}
"""A condition that takes over the alarm of a lesser one with the same onset, and keeps its id."""

SILENT: Final = frozenset(["ARTIFACT"])
"""Kinds that show but never sound (ALARMS.md)."""

REPEAT: Final = "repeat"
"""Flag of an alarm that is silent, since one of its kind sounded a short while ago."""

REALARM: Final = "realarm"
"""Flag of an alarm that was acknowledged and sounds again, since it still holds."""


class Ledger:
    """One stimulus at time `now` on one patient's state."""

    def __init__(self, state: PatientState, settings: Settings, now: float) -> None:
        """Work on `state`, which is changed."""
        self.state = state
        self.settings = settings
        self.now = now
        self.out: list[Instruction] = []

    # ── What happens to a condition ──────────────────────────────────────────────────────────

    def start(self, news: News, *, holding: bool) -> None:
        """A condition is set (`holding`) or happened once: raise an alarm, or escalate one."""
        if holding and self._take_over(news):
            return
        self._make_room(news.kind)
        alarm = self._revived(news) or alarm_of(self.state, news)
        entry = Entry(alarm, holding, shows_until=self.now + self._show(news.kind))
        self._time_out(entry)
        kind = CATALOGUE[news.kind]
        if kind.raised_after is not None:
            entry.rises_at = news.onset_time + kind.raised_after
        self._break_pause(kind.priority)
        self.state.entries.append(entry)
        self.publish(entry, "start" if alarm.update_no == 0 else "update", state="active")

    def clear(self, entry: Entry, sample: int, time: float | None = None) -> None:
        """The condition is over: the alarm latches, or shows on for a moment, or ends.

        Args:
            entry: the alarm.
            sample: where that was decided.
            time: of that sample; None for now.
        """
        entry.holding = False
        over: dict[str, Any] = {
            "ended_sample": sample,
            "ended_time": self.now if time is None else time,
        }
        if entry.latched:
            self.publish(entry, "update", state="latched", **over)
            self._bound_latched(entry.alarm.kind)
            return
        entry.alarm = msgspec.structs.replace(entry.alarm, **over)
        if self.now >= entry.shows_until:
            self.end(entry)

    def end(self, entry: Entry, *, flag: str = "") -> None:
        """The alarm goes; it lingers a moment for its strip."""
        alarm = entry.alarm
        self.state.entries.remove(entry)
        flags = (*alarm.flags, flag) if flag else alarm.flags
        sample, time = alarm.ended_sample, alarm.ended_time
        if sample is None:
            sample, time = self.state.sample, self.now
            if not entry.holding:  # it happened once, and was over when it was told
                sample, time = alarm.detected_sample, alarm.detected_time
        over: dict[str, Any] = {"ended_sample": sample, "ended_time": time}
        self.publish(entry, "end", state="ended", flags=flags, **over)
        lingering = (self.now + self.settings.linger, entry.alarm)
        self.state.ended = [*self.state.ended, lingering][-self.settings.lingering :]

    def acknowledge(self, entry: Entry, by: str, note: str) -> None:
        """Someone has seen it: a holding alarm is silenced, any other ends."""
        seen = {"acknowledged_by": by, "acknowledged_at": self.now, "note": note}
        if entry.holding:
            entry.acknowledged = True
            entry.realarm_at = self._realarm_at(entry.alarm.priority)
            self.publish(entry, "update", state="acknowledged", **seen)
        else:
            entry.alarm = msgspec.structs.replace(entry.alarm, **seen)
            self.end(entry)

    def escalate(self, entry: Entry, **changes: Any) -> None:
        """It has become worse: it sounds again, whoever had acknowledged the lesser alarm."""
        self._unquiet(entry)
        entry.rises_at = NEVER
        self._break_pause(changes["priority"])
        self._unsee(entry, "escalate", **changes)
        entry.escalated = entry.alarm.update_no

    def realarm(self, entry: Entry) -> None:
        """Someone saw it long ago and it still holds: it sounds again, to be acknowledged anew."""
        flags = entry.alarm.flags
        self._unsee(entry, "update", flags=flags if REALARM in flags else (*flags, REALARM))

    def _unsee(self, entry: Entry, phase: str, **changes: Any) -> None:
        """Nobody has seen it as it is now; the audit trail keeps who had seen it before."""
        entry.acknowledged = False
        entry.realarm_at = NEVER
        nobody = {"acknowledged_by": "", "acknowledged_at": None, "note": ""}
        self.publish(entry, phase, state="active", **nobody, **changes)

    def review(self, news: News, edge: Edge) -> list[Instruction]:
        """What happened in backfill, for the record only: one message, ended and silent."""
        if edge == Edge.CLEAR:
            return []
        alarm = msgspec.structs.replace(
            alarm_of(self.state, news),
            update_no=1,
            state="ended",
            silenced=True,
            ended_sample=news.at,
            ended_time=news.at_time,
        )
        return [Publish(alarm)]

    def settle(self) -> list[Instruction]:
        """Publish what the stimulus changed in the other alarms, and hand over everything."""
        for entry in self.state.entries:
            suppressed_by, silenced = self._derive(entry)
            if (entry.alarm.suppressed_by, entry.alarm.silenced) != (suppressed_by, silenced):
                self.publish(entry, "update")
        return self.out

    def publish(self, entry: Entry, phase: str, **changes: Any) -> None:
        """Make the alarm's next state."""
        entry.alarm = msgspec.structs.replace(
            entry.alarm, update_no=entry.alarm.update_no + 1, phase=phase, **changes
        )
        suppressed_by, silenced = self._derive(entry)
        entry.alarm = msgspec.structs.replace(
            entry.alarm, suppressed_by=suppressed_by, silenced=silenced
        )
        self.out.append(Publish(entry.alarm))

    # ── Rules ────────────────────────────────────────────────────────────────────────────────

    def _derive(self, entry: Entry) -> tuple[str, bool]:
        """Which kind suppresses this alarm, and whether it is silent."""
        suppressed_by = "" if entry.latched else self._suppressor(entry)
        silent = entry.alarm.kind in SILENT or entry.alarm.priority == Priority.INFORMATION
        quiet = entry.acknowledged or entry.quiet_until > self.now
        paused = self.state.paused_until > self.now
        ended = entry.alarm.state == "ended"
        return suppressed_by, silent or quiet or paused or ended or suppressed_by != ""

    def _suppressor(self, entry: Entry) -> str:
        """A higher alarm of its chain: one that holds, or, for what is over, one that held then.

        The beat after a pause says that one was missed; who was told of the pause knows.
        """
        alarm = entry.alarm
        for other in self.state.entries:
            covers = other.holding or (not entry.holding and _held_at(other.alarm, alarm))
            if covers and suppresses(other.alarm.kind, alarm.kind):
                return other.alarm.kind
        return "" if entry.holding else alarm.suppressed_by

    def _take_over(self, news: News) -> bool:
        """A run that was NSVT is now VTACH: the same alarm, escalated."""
        lesser = ESCALATES.get(news.kind)
        for entry in self.state.entries:
            alarm = entry.alarm
            if alarm.kind == lesser and (alarm.session, alarm.onset_sample) == (
                self.state.session,
                news.onset,
            ):
                entry.holding = True
                kind = CATALOGUE[news.kind]
                what = {"kind": kind.name, "text": kind.text, "code": kind.code}
                evidence = {"value": news.value, "evidence": news.evidence or alarm.evidence}
                decided = {"detected_sample": news.at, "detected_time": news.at_time}
                holds = {"ended_sample": None, "ended_time": None}
                self.escalate(entry, priority=kind.priority, **what, **evidence, **decided, **holds)
                return True
        return False

    def _make_room(self, kind: str) -> None:
        """A new alarm of a kind replaces one that only shows on, and ends one that still held."""
        for entry in [e for e in self.state.entries if e.alarm.kind == kind]:
            if entry.holding:
                self.clear(entry, self.state.sample)
            if entry in self.state.entries and not entry.latched:
                self.end(entry)

    def _bound_latched(self, kind: str) -> None:
        latched = [e for e in self.state.entries if e.latched and e.alarm.kind == kind]
        if len(latched) > self.settings.latched:
            self.end(latched[0], flag="superseded")

    def _time_out(self, entry: Entry) -> None:
        """A medium or low alarm that repeats within its time-out shows without sound."""
        alarm = entry.alarm
        level = self._level(alarm.priority)
        if level == 0.0:
            return
        until = self.state.timeouts.get(alarm.kind, 0.0)
        _, silenced = self._derive(entry)
        if until > self.now:
            entry.quiet_until = until
            entry.alarm = msgspec.structs.replace(alarm, flags=(*alarm.flags, REPEAT))
        elif not silenced:
            self.state.timeouts[alarm.kind] = self.now + level

    def time_out_over(self, entry: Entry) -> None:
        """The time-out is over and the condition still holds: it sounds, once in a time-out."""
        self._unquiet(entry)
        self.state.timeouts[entry.alarm.kind] = self.now + self._level(entry.alarm.priority)

    def _unquiet(self, entry: Entry) -> None:
        """No time-out keeps it silent any more, and no flag says so."""
        entry.quiet_until = 0.0
        flags = tuple(flag for flag in entry.alarm.flags if flag != REPEAT)
        entry.alarm = msgspec.structs.replace(entry.alarm, flags=flags)

    def _level(self, priority: Priority) -> float:
        if priority == Priority.MEDIUM:
            return self.settings.first_level
        return self.settings.second_level if priority == Priority.LOW else 0.0

    def _realarm_at(self, priority: Priority) -> float:
        """When an alarm that is acknowledged now sounds again."""
        after = self.settings.realarm
        return self.now + after if priority == Priority.HIGH and after > 0.0 else NEVER

    def _break_pause(self, priority: Priority) -> None:
        """An audio pause ends for an alarm above what it paused, and for every high one."""
        if self.state.paused_until <= self.now:
            return
        if priority == Priority.HIGH or priority > self.state.pause_base:
            self.end_pause()

    def end_pause(self) -> None:
        """Sound is back."""
        self.state.paused_until = 0.0
        for entry in [e for e in self.state.entries if e.alarm.kind == "ALARMS_PAUSED"]:
            self.end(entry)

    def _show(self, kind: str) -> float:
        return 0.0 if CATALOGUE[kind].technical else self.settings.show

    def _revived(self, news: News) -> Alarm | None:
        """The same alarm, ended a moment ago at the same sample, goes on."""
        name = alarm_id(self.state, news)
        for place, (_, alarm) in enumerate(self.state.ended):
            if alarm.id == name:
                del self.state.ended[place]
                return msgspec.structs.replace(alarm, ended_sample=None, ended_time=None)
        return None


def _held_at(higher: Alarm, lower: Alarm) -> bool:
    """Whether the condition of one alarm, now over, still held when that of the other began."""
    over = higher.ended_sample
    return over is not None and higher.session == lower.session and lower.onset_sample < over
