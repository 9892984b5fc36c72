"""What the engine says of a file, kept for the result: beats on disk, the rest counted and folded."""

import math
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import msgspec
import numpy as np

from client.records import Record
from ecg.conditions import CATALOGUE
from ecg.messages import Alarm, Beat, Vitals
from ecg.types import CLASSES, Priority
from stream.engine.events import Event
from stream.engine.trends import Minute, Trends
from stream.uploads import (
    ALARMS,
    BEAT,
    BEATS,
    MOST_LISTED,
    Condition,
    HeartRate,
    Kinds,
    TrendMinute,
)

_FLUSH: Final = 4096
"""Beats that wait to be written."""


class Recorder:
    """Takes the events of one file in order; its files are complete when it is left.

    Attributes:
        counts: beats by class.
        alarms: the first MOST_LISTED, as they ended; `alarms_total` of all.
    """

    def __init__(self, record: Record, folder: Path) -> None:
        self.counts = dict.fromkeys((str(name) for name in CLASSES), 0)
        self.alarms: list[Condition] = []
        self.alarms_total = 0
        self._rate = record.rate
        self._end = len(record)
        self._trends = Trends()
        self._kinds: dict[str, tuple[int, float]] = {}
        self._open: dict[str, Alarm] = {}
        self._waiting = np.zeros(_FLUSH, BEAT)
        self._count = 0
        self._beats: IO[bytes] = (folder / BEATS).open("wb")
        self._lines: IO[bytes] = (folder / ALARMS).open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for alarm in list(self._open.values()):
            self._close(alarm)
        self._flush()
        self._beats.close()
        self._lines.close()

    def add(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, Beat):
            self._beat(event)
        elif isinstance(event, Vitals):
            self._trends.add(event)
        elif isinstance(event, Alarm):
            self._alarm(event)

    # ── Beats ─────────────────────────────────────────────────────────────────────────────────

    def _beat(self, beat: Beat) -> None:
        self._trends.add(beat)
        self.counts[beat.label.value] += 1
        self._waiting[self._count] = (
            beat.sample,
            CLASSES.index(beat.label),
            beat.probabilities,
            math.nan if beat.rr is None else beat.rr,
            beat.quality,
        )
        self._count += 1
        if self._count == _FLUSH:
            self._flush()

    def _flush(self) -> None:
        self._beats.write(self._waiting[: self._count].tobytes())
        self._count = 0

    # ── Alarms ────────────────────────────────────────────────────────────────────────────────

    def _alarm(self, alarm: Alarm) -> None:
        """Keep what an alarm became; it is over when its condition is, whatever people would do."""
        before = self._open.pop(alarm.id, None)
        if before is None and alarm.phase != "start":
            return  # latched: its condition was over before
        if before is not None:
            alarm = msgspec.structs.replace(alarm, priority=max(before.priority, alarm.priority))
        if alarm.state in {"latched", "ended"}:
            self._close(alarm)
        else:
            self._open[alarm.id] = alarm

    def _close(self, alarm: Alarm) -> None:
        end = self._end if alarm.ended_sample is None else alarm.ended_sample
        condition = Condition(
            id=alarm.id,
            kind=alarm.kind,
            text=alarm.text,
            priority=alarm.priority.name.lower(),
            technical=CATALOGUE[alarm.kind].technical,
            onset_sample=alarm.onset_sample,
            onset_time=round(alarm.onset_sample / self._rate, 3),
            end_sample=end,
            end_time=round(end / self._rate, 3),
            value=alarm.value,
            limit=alarm.limit,
            measure=alarm.measure,
            suppressed_by=alarm.suppressed_by,
        )
        self._lines.write(msgspec.json.encode(condition) + b"\n")
        self.alarms_total += 1
        if len(self.alarms) < MOST_LISTED:
            self.alarms.append(condition)
        count, seconds = self._kinds.get(alarm.kind, (0, 0.0))
        lasted = (end - alarm.onset_sample) / self._rate
        self._kinds[alarm.kind] = (count + 1, seconds + lasted)

    def kinds(self) -> tuple[Kinds, ...]:
        """Conditions by kind, the most urgent first."""
        found = sorted(self._kinds, key=lambda name: (-CATALOGUE[name].priority, name))
        return tuple(
            Kinds(
                kind=name,
                text=CATALOGUE[name].text,
                priority=Priority(CATALOGUE[name].priority).name.lower(),
                technical=CATALOGUE[name].technical,
                count=self._kinds[name][0],
                seconds=round(self._kinds[name][1], 3),
            )
            for name in found
        )

    # ── Trends ────────────────────────────────────────────────────────────────────────────────

    def trend(self) -> tuple[TrendMinute, ...]:
        """Every minute with data; call it once, after the last event."""
        for patient in list(self._trends.running):
            self._trends.finish(patient)
        return tuple(_minute(minute) for _, minute in self._trends.take())


def _minute(minute: Minute) -> TrendMinute:
    rate = None
    if minute.rates:
        mean = minute.rate_sum / minute.rates
        rate = HeartRate(round(mean, 1), round(minute.rate_min, 1), round(minute.rate_max, 1))
    return TrendMinute(
        minute.minute, rate, minute.beats, minute.v_beats, minute.s_beats, minute.seconds
    )


def overall(trend: tuple[TrendMinute, ...]) -> HeartRate | None:
    """The heart rate of all minutes together, each by its seconds."""
    known = [(minute.heart_rate, minute.seconds) for minute in trend if minute.heart_rate]
    if not known:
        return None
    weight = sum(seconds for _, seconds in known)
    return HeartRate(
        mean=round(sum(rate.mean * seconds for rate, seconds in known) / weight, 1),
        low=min(rate.low for rate, _ in known),
        high=max(rate.high for rate, _ in known),
    )
