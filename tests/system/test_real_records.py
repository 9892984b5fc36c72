"""Real records through a real server: every beat once, in order, as `annotate` gives it."""

import asyncio
import itertools
import math
import os

import pytest
from house import House, Watcher

from client.records import open_record
from client.replay import Options, replay
from ecg import messages as m
from inference import bundle
from inference.classifier import BeatClassifier
from stream.offline import play

SECONDS = float(os.environ.get("BEATWIRE_REPLAY_SECONDS", "400"))
"""Of each record; the benchmark plays them whole."""
RECORDS = ("208", "232", "100", "205")
V_RUNS = {"205": (299.0,)}
"""Seconds at which the annotations have a V run: 8 beats at 181 /min."""


def annotated(path, seconds=math.inf):
    """Beats and raised alarms of a record's first seconds, by the code of `annotate`."""
    record = open_record(path, [0])
    events = [
        event
        for now, event in itertools.takewhile(
            lambda pair: pair[0] <= seconds, play(record, BeatClassifier(bundle.load()))
        )
    ]
    beats = [(b.sample, b.label) for b in events if isinstance(b, m.Beat)]
    return beats, {raised(a) for a in events if isinstance(a, m.Alarm) and is_raised(a)}


def raised(alarm):
    return alarm.kind, alarm.onset_sample, alarm.phase, alarm.priority


def is_raised(alarm):
    """An alarm about the patient that began or became worse (not about data or the clock)."""
    return alarm.phase in {"start", "escalate"} and alarm.code is not None


async def stream(house, records, counts):
    """Replay with a subscriber attached; returns it once the last beats have come."""
    async with Watcher(house.url) as watcher:
        await asyncio.wait_for(replay(records, house.url, Options(speed=20, stop=SECONDS)), SECONDS)
        for name, count in counts.items():
            await watcher.until(lambda n=name, k=count: len(watcher.beats(n)) >= k, 20)
    return watcher


@pytest.mark.timeout(600)
def test_replay_of_real_records_equals_annotate(house: House, data_dir):
    """Four records at 20×: beats once, in order, with sample and class; V runs raise alarms."""
    paths = [data_dir / "mitdb" / name for name in RECORDS]
    records = [open_record(path, [0]) for path in paths]
    expected = {name: annotated(path, SECONDS) for name, path in zip(RECORDS, paths, strict=True)}
    watcher = asyncio.run(stream(house, records, {n: len(b) for n, (b, _) in expected.items()}))
    for name, (beats, alarms) in expected.items():
        got = [(b.sample, b.label) for b in watcher.beats(name)]
        assert got[: len(beats)] == beats
        assert len(got) - len(beats) <= 1  # the goodbye gives the last beat, annotate goes on
        assert alarms <= {raised(a) for a in watcher.alarms(name) if is_raised(a)}
    for name, onsets in V_RUNS.items():
        found = [a.onset_sample / 360 for a in watcher.alarms(name, "VTACH")]
        assert all(min(abs(at - onset) for at in found) < 0.2 for onset in onsets)
