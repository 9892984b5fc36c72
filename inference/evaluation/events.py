"""The event lines that `beatwire annotate --events` writes, read back as raised alarms.

One JSON object per line: `record`, `kind`, `phase`, `priority`, `sample`, `time` (seconds from the
record's start), `state` of an alarm, and `id` where a line belongs to an alarm that another line opened.
Phases of alarms are start, update, escalate, end; of conditions (before the alarm book's chains and
time-outs) set, clear, once. An alarm that is latched has ended here: its condition has.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ecg.types import Priority
from inference.evaluation.annotations import EvaluationError

ALARM_PHASES: Final = ("start", "update", "escalate", "end")
CONDITION_PHASES: Final = ("set", "clear", "once")


@dataclass(frozen=True)
class Event:
    """One line: what became of an alarm or a condition, and when in seconds."""

    record: str
    kind: str
    phase: str
    priority: Priority
    time: float
    key: str
    latched: bool = False

    @property
    def is_condition(self) -> bool:
        """Whether the line tells of a condition, not of an alarm."""
        return self.phase in CONDITION_PHASES


@dataclass(frozen=True)
class Raised:
    """One alarm or condition from its start to its end (inf where the file does not say it)."""

    record: str
    kind: str
    priority: Priority
    start: float
    end: float
    escalated: bool


def read_events(folder: Path) -> dict[str, list[Event]]:
    """Every line of every `*.jsonl` file of the folder, by record, in time order.

    Raises:
        EvaluationError: there is no such file, or a line is malformed (file, line and field).
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise EvaluationError(f"{folder}: no .jsonl file of events")
    out = defaultdict(list)
    for file in files:
        for event in _lines(file):
            out[event.record].append(event)
    return {record: sorted(events, key=lambda e: e.time) for record, events in out.items()}


def _lines(file: Path) -> Iterator[Event]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _event(line, f"{file}:{number}")


def _event(line: str, where: str) -> Event:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise EvaluationError(f"{where}: no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise EvaluationError(f"{where}: not an object")
    kind, phase = _text(fields, "kind", where), _text(fields, "phase", where)
    if phase not in ALARM_PHASES + CONDITION_PHASES:
        raise EvaluationError(f"{where}: phase: {phase!r} is unknown")
    return Event(
        record=_text(fields, "record", where),
        kind=kind,
        phase=phase,
        priority=_priority(fields.get("priority"), where),
        time=_time(fields.get("time"), where),
        key=str(fields.get("id") or kind),
        latched=fields.get("state") == "latched",
    )


def _text(fields: Mapping[str, Any], name: str, where: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise EvaluationError(f"{where}: {name}: {value!r} is no name")
    return value


def _priority(value: Any, where: str) -> Priority:
    try:
        return Priority[value.upper()] if isinstance(value, str) else Priority(value)
    except (KeyError, ValueError):
        raise EvaluationError(f"{where}: priority: {value!r} is unknown") from None


def _time(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise EvaluationError(f"{where}: time: {value!r} is no time in seconds")
    return float(value)


def raised(events: Iterable[Event]) -> list[Raised]:
    """Put starts and ends of one record together, in order of their start.

    An escalation to another kind ends what it came from and starts that kind; one to another
    priority changes nothing here.
    """
    active: dict[str, Raised] = {}
    out: list[Raised] = []
    for event in events:
        before = active.get(event.key)
        if event.latched or event.phase in {"end", "clear"}:
            out += _ended(active.pop(event.key, None), event.time)
        elif event.phase != "update" and (before is None or _renews(before, event)):
            out += _ended(before, event.time)
            active[event.key] = _started(event)
        if event.phase == "once":
            out += _ended(active.pop(event.key), event.time)
    return sorted([*out, *active.values()], key=lambda r: r.start)


def _renews(before: Raised, event: Event) -> bool:
    return event.phase in {"start", "set", "once"} or event.kind != before.kind


def _started(event: Event) -> Raised:
    escalated = event.phase == "escalate"
    return Raised(event.record, event.kind, event.priority, event.time, math.inf, escalated)


def _ended(what: Raised | None, at: float) -> list[Raised]:
    if what is None:
        return []
    return [Raised(what.record, what.kind, what.priority, what.start, at, what.escalated)]
