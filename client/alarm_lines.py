"""The alarms of `beatwire watch`: when, who, what, judged against what, seen by whom. Pure.

One a line; what has no room in it goes on in the next, since it may say what to do.
"""

import textwrap
import time
from collections.abc import Iterable, Sequence
from typing import Final

from ecg.conditions import CATALOGUE
from ecg.messages import Alarm
from ecg.types import Priority

MARKS: Final = ("", "*", "**", "***")
"""Priorities for those who do not see colours, as on the page; equipment is `!!`."""

COLOURS: Final = {
    Priority.HIGH: "\x1b[97;41m",
    Priority.MEDIUM: "\x1b[30;43m",
    Priority.LOW: "\x1b[30;46m",
    Priority.INFORMATION: "",
}
"""Red, yellow and cyan, as IEC 60601-1-8 has them."""

RESET: Final = "\x1b[0m"
MOST_NAME, MOST_PLACE = 16, 12
"""Characters of a patient's name and of a place that are shown."""

INDENT: Final = " " * 9
"""Of what goes on in the next line: below the patient, so that a column of times is a list of alarms."""


def sounds(alarm: Alarm) -> bool:
    """Whether it is to be heard: nobody has seen, paused or covered it."""
    waits = alarm.state in {"active", "latched"}
    return waits and not alarm.silenced and alarm.priority > Priority.INFORMATION


def shown(alarms: Iterable[Alarm]) -> list[Alarm]:
    """Those not covered by a higher one of their chain: what sounds, then the urgent, then the new."""
    uncovered = [alarm for alarm in alarms if not alarm.suppressed_by]
    return sorted(uncovered, key=lambda a: (-sounds(a), -a.priority, -a.onset_time, a.id))


def painted(alarm: Alarm, text: str) -> str:
    """`text` in the colour of its priority, as long as the condition holds or nobody has seen it."""
    holds = alarm.state == "active" or sounds(alarm)
    colour = COLOURS[alarm.priority] if holds else ""
    return f"{colour}{text}{RESET}" if colour else text


def alarm_lines(alarms: Sequence[Alarm], width: int, height: int) -> tuple[list[str], int]:
    """A header and the alarms, each whole, in at most `height` lines of `width` characters.

    Returns:
        The lines, none if not even one alarm has room, and how many alarms they tell.
    """
    names = [clean(alarm.patient)[:MOST_NAME] for alarm in alarms]
    places = [clean(f"{alarm.unit} {alarm.bed}".strip())[:MOST_PLACE] for alarm in alarms]
    name_width, place_width = max(map(len, [*names, "PATIENT"])), max(map(len, [*places, "BED"]))
    header = f"{'SINCE':8} {'PATIENT':{name_width}} {'BED':{place_width}}  ALARM"
    heads = [
        f"{clock(alarm.onset_time)} {name:{name_width}} {place:{place_width}} "
        for alarm, name, place in zip(alarms, names, places, strict=True)
    ]
    lines, told = [header[:width]], 0
    for alarm, head in zip(alarms, heads, strict=True):
        more = _lines(alarm, head, width)
        if len(lines) + len(more) > height:
            break
        lines += more
        told += 1
    return (lines, told) if told else ([], 0)


def _lines(alarm: Alarm, head: str, width: int) -> list[str]:
    """One alarm; its name stands in one piece, and goes to the next line if it has no room."""
    name = f" {marks(alarm)} {clean(alarm.text)} "
    above = []
    if len(head) + len(name) > width:
        above, head = [head[:width]], INDENT
        name = name[: max(width - len(head), 0)]
    words = ", ".join(filter(None, (judged(alarm), standing(alarm))))
    taken = len(head) + len(name)
    room = max(width, len(INDENT) + 2)
    begun = f"{'.' * taken} {clean(words)}"  # so that words are told apart where the name ends
    first, *rest = textwrap.wrap(begun, room, subsequent_indent=f"{INDENT} ")
    return [*above, head[:width] + painted(alarm, name) + first[taken:], *rest]


def marks(alarm: Alarm) -> str:
    """`***`, `**`, `*`, or `!!` for what is about the equipment."""
    kind = CATALOGUE.get(alarm.kind)
    return "!!" if kind is not None and kind.technical else MARKS[alarm.priority]


def judged(alarm: Alarm) -> str:
    """`171 /min, limit 100`, if a number was judged."""
    if alarm.value is None:
        return ""
    limit = "" if alarm.limit is None else f", limit {alarm.limit:.0f}"
    value = f"{alarm.value:.1f}" if alarm.measure == "s" else f"{alarm.value:.0f}"
    return f"{value} {alarm.measure}{limit}"


def standing(alarm: Alarm) -> str:
    """What has become of it, in words."""
    seen = ""
    if alarm.acknowledged_by and alarm.acknowledged_at is not None:
        seen = f"seen by {alarm.acknowledged_by} {clock(alarm.acknowledged_at)}"
    if alarm.state == "latched":
        over = "" if alarm.ended_time is None else f" {clock(alarm.ended_time)}"
        return f"over{over}, acknowledge to clear{seen and f' ({seen})'}"
    if alarm.state == "acknowledged":
        return seen
    if alarm.kind == "ALARMS_PAUSED":
        return f"until {clock(alarm.onset_time + (alarm.value or 0.0))}"
    again = "again" if "realarm" in alarm.flags else ""
    silent = "silent" if alarm.silenced and alarm.priority > Priority.INFORMATION else ""
    return ", ".join(filter(None, (again, silent)))


def clock(seconds: float) -> str:
    """Local time of day of seconds since 1970."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def clean(text: str) -> str:
    """Without control characters: what comes over the wire must not steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
