"""The live table of `beatwire watch`: one line for each patient, as text. Pure."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from ecg import messages as m
from ecg.types import Priority

LAST_BEATS: Final = 24
"""Beats shown: 20 s at 72 /min."""

STALE_SECONDS: Final = 3.0
"""Vitals come each second; a heart rate older than three of them is no longer shown as one."""

COLOURS: Final = {
    Priority.HIGH: "\x1b[97;41m",
    Priority.MEDIUM: "\x1b[30;43m",
    Priority.LOW: "\x1b[30;46m",
    Priority.INFORMATION: "",
}
"""Red, yellow and cyan, as IEC 60601-1-8 has them."""

RESET: Final = "\x1b[0m"
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
        if alarm.state == "ended":
            alarms.pop(alarm.id, None)
        else:
            alarms[alarm.id] = alarm

    def _row(self, patient: str) -> Row:
        return self._rows.setdefault(patient, Row())

    def lines(self, now: float, width: int, height: int) -> list[str]:
        """The table, at most `height` lines of `width` characters, urgent patients first."""
        rows = sorted(self._rows.items(), key=lambda item: (-_urgency(item[1]), item[0]))
        shown = rows[: max(height - 2, 1)]
        rest = f", {len(rows) - len(shown)} more patients" if len(shown) < len(rows) else ""
        foot = f"{self.events} events{rest} {self._note}"
        body = [_line(name, row, now, width) for name, row in shown]
        return [HEADER[:width], *body, _clean(foot)[:width]]


def _urgency(row: Row) -> int:
    return max((alarm.priority for alarm in row.alarms.values()), default=-1)


def _line(name: str, row: Row, now: float, width: int) -> str:
    vitals = row.vitals if now - row.vitals_at <= STALE_SECONDS else None
    rate = vitals.heart_rate if vitals else None
    hr = "--" if rate is None else f"{rate:.0f}"
    corrected = vitals.qtc_fridericia_ms if vitals else None
    qtc = "--" if corrected is None else f"{corrected:.0f}"
    rhythm = vitals.rhythm if vitals else ""
    beats = "".join(row.beats)
    head = f"{_clean(name)[:16]:16} {hr:>4} {qtc:>4} {_clean(rhythm)[:10]:10} {beats:{LAST_BEATS}} "
    return head[:width] + _alarms(row, width - len(head))


def _alarms(row: Row, width: int) -> str:
    """The alarms that fit, the most urgent first, in their colours."""
    text = ""
    for alarm in sorted(row.alarms.values(), key=lambda a: (-a.priority, a.onset_time)):
        label = f" {_clean(alarm.text)}{'' if alarm.state == 'active' else f' ({alarm.state})'} "
        width -= len(label)
        if width < 0:
            break
        colour = COLOURS[alarm.priority] if alarm.state == "active" else ""
        text += f"{colour}{label}{RESET}" if colour else label
    return text


def _clean(text: str) -> str:
    """Without control characters: what comes over the wire must not steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
