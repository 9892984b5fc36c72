"""SIGKILL in the middle of a stream: nothing is lost, nothing comes twice, people's acts stand.

A synthetic patient has two ventricular tachycardias. The first one's alarm is acknowledged while it
is active and latches when it ends. In the second one, with a command just sent, roles are killed
and started again. Beats and alarms must equal those of the engine run undisturbed over the same
samples.
"""

import asyncio
import functools

import numpy as np
import pytest
from house import House, Watcher, beatwire

from client.records import Record
from client.replay import Options, replay
from client.rhythms import Script
from client.simulator import RATE, UV_PER_LSB, Bed
from ecg import messages as m
from ecg.types import Lead
from inference import bundle
from inference.classifier import BeatClassifier
from stream.offline import play

SCRIPT = "sinus:20,vt:12,sinus:30,vt:30,sinus:20"
SECONDS = 110
SPEED = 10.0
WATCHED = {"start", "escalate"}
CLOCKED = {"NO_DATA", "NOT_MONITORED", "ANALYSIS_LAG", "LEARNING"}
"""Kinds that speak of the equipment and the wall clock: a killed server may well raise them."""


def tachycardias(name: str) -> Record:
    """The patient's signal as a record."""
    bed = Bed(1, 1, Script.parse(SCRIPT))
    samples = np.concatenate([bed.next().samples for _ in range(SECONDS)])
    return Record(name, RATE, (Lead.II,), ("II",), (UV_PER_LSB,), samples, (), ())


def undisturbed(record: Record):
    """What the engine gives of `tachycardias` when nothing happens to it."""
    return _undisturbed(record.name)


@functools.cache
def _undisturbed(name: str):
    events = [event for _, event in play(tachycardias(name), BeatClassifier(bundle.load()))]
    return signature(events)


def signature(events):
    """Beats in order, and the set of alarms that were raised, wall-clock fields aside."""
    beats = [(b.sample, b.label, b.probabilities) for b in events if isinstance(b, m.Beat)]
    alarms = {
        (a.kind, a.onset_sample, a.phase, a.priority)
        for a in events
        if isinstance(a, m.Alarm) and a.phase in WATCHED and a.kind not in CLOCKED
    }
    return beats, alarms


async def disturb(house: House, record: Record, victims: tuple[str, ...]) -> Watcher:
    """Stream, acknowledge the first tachycardia, kill in the second one, start again."""
    async with Watcher(house.url) as watcher:
        stream = asyncio.create_task(replay([record], house.url, Options(speed=SPEED)))

        def active(count: int):
            found = {a.id for a in watcher.alarms("p", "VTACH")}
            return len(found) >= count

        await watcher.until(lambda: active(1), 60)
        first = watcher.alarms("p", "VTACH")[0].id
        act = {"by": "nurse", "note": "seen"}
        await asyncio.to_thread(house.post, f"/v1/alarms/{first}/acknowledge", act)
        await watcher.until(lambda: active(2), 60)
        second = next(a.id for a in watcher.alarms("p", "VTACH") if a.id != first)
        await asyncio.to_thread(house.post, f"/v1/alarms/{second}/acknowledge", act)
        house.kill(*victims)
        await asyncio.to_thread(house.start, *victims)
        await asyncio.wait_for(stream, 120)
        for alarm in (first, second):
            await watcher.until(lambda a=alarm: acknowledged(watcher, a), 30)
        await watcher.until(lambda: closed(watcher, record), 30)
        return watcher


def acknowledged(watcher: Watcher, alarm: str) -> bool:
    return any(a.id == alarm and a.acknowledged_by == "nurse" for a in watcher.alarms("p"))


def closed(watcher: Watcher, record: Record) -> bool:
    """The last beat has come: it is told with the device's goodbye."""
    last, *_ = undisturbed(record)[0][-1]
    return any(isinstance(e, m.Beat) and e.sample == last for e in watcher.events)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "victims", [("gateway",), ("worker",), ("gateway", "worker")], ids=["gateway", "worker", "both"]
)
def test_kill_in_a_tachycardia_loses_and_repeats_nothing(house: House, victims):
    """Killed with an active VTACH, a latched acknowledged one, a command in flight: all equal."""
    record = tachycardias("p")
    watcher = asyncio.run(disturb(house, record, victims))
    beats, alarms = signature(watcher.events)
    expected_beats, expected_alarms = undisturbed(record)
    assert {kind for kind, *_ in expected_alarms} >= {"VTACH"}
    assert beats[: len(expected_beats)] == expected_beats
    assert len(beats) == len(expected_beats)
    assert alarms == expected_alarms
    updates = [(a.id, a.update_no) for a in watcher.alarms("p")]
    assert len(updates) == len(set(updates))


@pytest.mark.timeout(120)
def test_a_silent_device_is_no_data_and_never_asystole(house: House):
    """A device that vanishes without a word raises NO_DATA; nothing is said about the heart."""

    async def run() -> Watcher:
        async with Watcher(house.url, ("alarms", "vitals")) as watcher:
            device = beatwire(
                "simulate",
                "--name",
                "demo",
                "--beds",
                1,
                "--script",
                "sinus:60",
                "--url",
                house.url,
            )
            await watcher.until(lambda: vitals(watcher) >= 8, 60)
            device.kill()
            device.wait()
            await watcher.until(lambda: watcher.alarms("demo-1", "NO_DATA"), 20)
            await watcher.until(
                lambda: any(a.priority == 2 for a in watcher.alarms("demo-1", "NO_DATA")), 20
            )
        return watcher

    def vitals(watcher: Watcher) -> int:
        return sum(isinstance(e, m.Vitals) for e in watcher.events)

    watcher = asyncio.run(run())
    kinds = {a.kind for a in watcher.alarms("demo-1")}
    assert kinds <= {"NO_DATA", "LEARNING"}
