"""Two hundred patients for the cluster's tests: what they send, and what is worth comparing of it."""

import asyncio
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from house import Watcher

from client.records import Record, open_record
from client.rhythms import Script
from client.simulator import RATE, UV_PER_LSB, Bed
from ecg import messages as m
from ecg import wire
from ecg.types import Lead
from stream.log import Entry, Log, Topic

PATIENTS = 200
SECONDS = 82
AT = 64
"""Second of the stream at which a cluster is disturbed: the first tachycardia's alarm is latched and
acknowledged, the second one is active, and the fibrillation, by its alarm's onset, lasts for 55 s."""
ACKNOWLEDGED = 30
"""Second up to which the first tachycardia's alarm must be acknowledged, while it is active."""
SPEEDS = (3.0, 2.0)
"""Times real time, before and from AT."""
SCRIPTS = {
    "vt": "sinus:15,vt:18,sinus:24,vt:20,sinus:13",
    "af": "af:90",
}
CLOCKED = {
    "ALARMS_PAUSED",
    "ANALYSIS_LAG",
    "LEARNING",
    "MODEL_FAIL",
    "NOT_MONITORED",
    "NO_DATA",
}
"""Kinds that speak of the equipment and the wall clock: a disturbed cluster may well raise them."""


def ward(data: Path) -> dict[str, Record]:
    """Patients by name: two with a script, all others somewhere in records of mitdb."""
    found = {name: scripted(name, script) for name, script in SCRIPTS.items()}
    records = [open_record(path.with_suffix(""), [0]) for path in sorted(data.glob("mitdb/*.dat"))]
    rng = np.random.default_rng(5)
    for number in range(PATIENTS - len(found)):
        record = records[number % len(records)]
        size = round(SECONDS * record.rate)
        begin = int(rng.integers(0, len(record) - size))
        samples = record.samples[begin : begin + size]
        found[f"r{number}"] = replace(record, samples=samples)
    return found


def scripted(name: str, script: str) -> Record:
    """The signal of a script as a record."""
    bed = Bed(1, 1, Script.parse(script))
    samples = np.concatenate([bed.next().samples for _ in range(SECONDS)])
    return Record(name, RATE, (Lead.II,), ("II",), (UV_PER_LSB,), samples, (), ())


class Feed:
    """Sends everybody's signal, a block a second, as devices on Kafka do.

    Attributes:
        sent: when the log had taken each second of the stream.
        gates: seconds before which the stream waits until the test is so far.
    """

    def __init__(self, log: Log, ward: Mapping[str, Record], prefix: str) -> None:
        self.sent: list[float] = []
        self.gates = {second: asyncio.Event() for second in (ACKNOWLEDGED, AT)}
        self._log = log
        self._ward = ward
        self._prefix = prefix

    async def run(self) -> None:
        """All seconds at speed; what a broker does not take at once is late, not lost."""
        clock = asyncio.get_running_loop().time
        due = clock()
        for second in range(SECONDS):
            if second in self.gates:
                await self.gates[second].wait()
            due = max(due, clock())
            await asyncio.sleep(due - clock())
            due += 1 / SPEEDS[second >= AT]
            entries = [
                Entry(self._prefix + name, wire.pack(self._block(name, record, second)))
                for name, record in self._ward.items()
            ]
            await self._log.append(Topic.SAMPLES, entries)
            self.sent.append(time.time())
        ends = [
            m.Goodbye(patient=self._prefix + name, session="s", end=len(record.samples))
            for name, record in self._ward.items()
        ]
        await self._log.append(Topic.SAMPLES, [Entry(e.patient, wire.pack(e)) for e in ends])

    def _block(self, name: str, record: Record, second: int) -> m.Block:
        begin, end = round(second * record.rate), round((second + 1) * record.rate)
        return m.Block(
            patient=self._prefix + name,
            session="s",
            seq=second,
            first=begin,
            rate=record.rate,
            leads=record.leads[:1],
            uv_per_lsb=record.uv_per_lsb[:1],
            payload=record.samples[begin:end, 0].astype("<i2").tobytes(),
        )


class View:
    """What a watcher was told of alarms and commands, taken in as it comes."""

    def __init__(self, watcher: Watcher) -> None:
        self.done: set[str] = set()
        self._watcher = watcher
        self._at = 0
        self._alarms: dict[str, m.Alarm] = {}

    def look(self) -> None:
        """Take in what is new."""
        for event in self._watcher.events[self._at :]:
            if isinstance(event, m.CommandDone):
                self.done.add(event.id)
            elif isinstance(event, m.Alarm):
                known = self._alarms.get(event.id, event)
                self._alarms[event.id] = max(known, event, key=lambda alarm: alarm.update_no)
        self._at = len(self._watcher.events)

    def alarms(self, patient: str, kind: str) -> list[m.Alarm]:
        """The last updates of a patient's alarms of a kind, in the order of their onsets."""
        self.look()
        found = [a for a in self._alarms.values() if (a.patient, a.kind) == (patient, kind)]
        return sorted(found, key=lambda alarm: alarm.onset_sample)


def lateness(
    watcher: Watcher, feed: Feed, ward: Mapping[str, Record], prefix: str
) -> dict[bytes, float]:
    """From the sample that decided an alarm to the subscriber, in s, of each alarm."""
    first: dict[bytes, float] = {}
    for event, at in zip(watcher.events, watcher.times, strict=True):
        if isinstance(event, m.Alarm) and is_compared(event, prefix):
            rate = ward[event.patient.removeprefix(prefix)].rate
            second = min(math.ceil(event.detected_sample / rate), SECONDS) - 1
            first.setdefault(timeless(event, prefix), at - feed.sent[second])
    return first


def is_compared(event: Any, prefix: str) -> bool:
    """A beat, or an alarm that began or grew worse, of a run."""
    if isinstance(event, m.Alarm) and (
        event.phase not in {"start", "escalate"} or event.kind in CLOCKED
    ):
        return False
    return isinstance(event, m.Beat | m.Alarm) and event.patient.startswith(prefix)


def outcome(events: Iterable[Any], prefix: str) -> set[bytes]:
    """Beats and alarms of a run, each as bytes, wall-clock fields aside."""
    return {timeless(event, prefix) for event in events if is_compared(event, prefix)}


def timeless(event: m.Beat | m.Alarm, prefix: str) -> bytes:
    """An event without its run's name and what a wall clock says."""
    patient = event.patient.removeprefix(prefix)
    if isinstance(event, m.Beat):
        return wire.pack(msgspec.structs.replace(event, patient=patient, time=0.0))
    return wire.pack(
        msgspec.structs.replace(
            event,
            id=event.id.removeprefix(prefix),
            patient=patient,
            onset_time=0.0,
            detected_time=0.0,
            published_at=None,
        )
    )
