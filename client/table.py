"""The live table of `beatwire watch`: a line for each patient, then one for each alarm. Pure."""

import textwrap
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from client.alarm_lines import alarm_lines, clean, painted, shown
from ecg import messages as m

LAST_BEATS: Final = 24
"""Beats shown: 20 s at 72 /min."""

STALE_SECONDS: Final = 3.0
"""Vitals come each second; a heart rate older than three of them is no longer shown as one."""

NOTE_LINES: Final = 2
"""What the server refused may take so many lines."""

HEADER: Final = f"{'PATIENT':16} {'HR':>4} {'QTc':>4} {'RHYTHM':10} {'BEATS':{LAST_BEATS}} ALARMS"


@dataclass(slots=True)
class Row:
    """What is known of one patient."""

    vitals: m.Vitals | None = None
    vitals_at: float = 0.0
    beats: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_BEATS))
    alarms: dict[str, m.Alarm] = field(default_factory=dict)


class Table:
    """Takes events, gives lines.

    Attributes:
        events: how many were taken.
    """

    def __init__(self) -> None:
        self.events = 0
        self._rows: dict[str, Row] = {}
        self._note = ""

    def take(self, item: m.Snapshot | m.Event | m.Problem, now: float) -> None:
        """Note one item of a subscription; `now` in seconds, on any clock."""
        match item:
            case m.Snapshot():
                for row in self._rows.values():
                    row.alarms.clear()
                for alarm in item.alarms:
                    self._alarm(alarm)
            case m.Problem():
                self._note = f"{item.code}: {item.text}"
            case m.Event():
                self.events += 1
                self._event(item.event, now)

    def _event(self, event: m.Message, now: float) -> None:
        match event:
            case m.Beat():
                self._row(event.patient).beats.append(event.label)
            case m.Vitals():
                row = self._row(event.patient)
                row.vitals, row.vitals_at = event, now
            case m.Alarm():
                self._alarm(event)
            case m.Gap():
                self._row(event.patient).beats.append("·")

    def _alarm(self, alarm: m.Alarm) -> None:
        alarms = self._row(alarm.patient).alarms
        known = alarms.get(alarm.id)
        if known is not None and known.update_no > alarm.update_no:
            return  # a snapshot is a moment ahead of the events that follow it
        if alarm.state == "ended":
            alarms.pop(alarm.id, None)
        else:
            alarms[alarm.id] = alarm

    def _row(self, patient: str) -> Row:
        return self._rows.setdefault(patient, Row())

    def lines(self, now: float, width: int, height: int) -> list[str]:
        """The table, at most `height` lines of `width` characters: urgent patients first, then alarms.

        Where there is not room for all, the alarms get up to half of it.
        """
        rows = sorted(self._rows.items(), key=lambda item: (-_urgency(item[1]), item[0]))
        alarms = shown(alarm for row in self._rows.values() for alarm in row.alarms.values())
        note = textwrap.wrap(clean(self._note), width)[:NOTE_LINES]
        room = max(height - 2 - len(note), 1)
        body = [_line(name, row, now, width) for name, row in rows]
        below, listed = alarm_lines(alarms, width, max(room // 2, room - len(rows)))
        body = body[: max(room - len(below), 1)]
        rest = _more(len(rows) - len(body), "patient") + _more(len(alarms) - listed, "alarm")
        foot = f"{self.events} events{rest}"
        return [HEADER[:width], *body, *below, foot[:width], *note]


def _more(count: int, what: str) -> str:
    return f", {count} more {what}{'s' if count > 1 else ''}" if count else ""


def _urgency(row: Row) -> int:
    return max((alarm.priority for alarm in shown(row.alarms.values())), default=-1)


def _line(name: str, row: Row, now: float, width: int) -> str:
    vitals = row.vitals if now - row.vitals_at <= STALE_SECONDS else None
    rate = vitals.heart_rate if vitals else None
    hr = "--" if rate is None else f"{rate:.0f}"
    corrected = vitals.qtc_fridericia_ms if vitals else None
    qtc = "--" if corrected is None else f"{corrected:.0f}"
    rhythm = vitals.rhythm if vitals else ""
    beats = "".join(row.beats)
    head = f"{clean(name)[:16]:16} {hr:>4} {qtc:>4} {clean(rhythm)[:10]:10} {beats:{LAST_BEATS}} "
    return head[:width] + _alarms(row, width - len(head))


def _alarms(row: Row, width: int) -> str:
    """The alarms that fit, the most urgent first, in their colours."""
    text = ""
    for alarm in shown(row.alarms.values()):
        label = f" {clean(alarm.text)}{'' if alarm.state == 'active' else f' ({alarm.state})'} "
        width -= len(label)
        if width < 0:
            break
        text += painted(alarm, label)
    return text
