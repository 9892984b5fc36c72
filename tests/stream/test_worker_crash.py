"""Whatever happens to a worker, the outside sees what one worker that nothing befell would say."""

import asyncio
import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worker_rig import (
    PARTITION,
    START,
    CrashError,
    Fuse,
    House,
    Width,
    compare,
    house,
    mind,
    work,
)
from worker_world import fill, stream

import stream.worker.worker as loop
from stream.store import Fenced
from stream.worker import takeover

AFTER = 120.0
"""Seconds from the start at which everything is over, and all deadlines have passed."""


pytestmark = pytest.mark.usefixtures("read_later")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A folder with the log of the world."""
    folder = tmp_path_factory.mktemp("world")

    async def make():
        async with house(folder) as made:
            await fill(made)

    asyncio.run(make())
    return folder


@pytest.fixture(scope="module")
def undisturbed(world, tmp_path_factory):
    """What the outside sees of a worker that nothing befell, what it keeps, what it knows."""

    async def run():
        async with house(tmp_path_factory.mktemp("undisturbed"), world) as made:
            return await finish(made)

    return asyncio.run(run())


async def finish(made: House):
    """A last worker reads to the end, and lets all deadlines pass."""
    made.now = START + AFTER - 10
    worker = made.worker()
    readers = await work(worker)
    made.now = START + AFTER
    await worker.turn(*readers)
    return await made.outcome(), made.kept(), mind(worker)


async def crash(made: House, at: int, every: float = 10.0) -> int:
    """A worker that dies at its `at`th point, if it comes to that; returns how far it came."""
    fuse = Fuse(at)
    made.now = START + AFTER - 10
    with contextlib.suppress(CrashError):
        await work(made.worker(fuse, every=every))
    return fuse.points


def test_the_world_is_worth_a_test(undisturbed):
    """It has transitions of many kinds, strips, refusals, gaps, and each patient's own end."""
    outcome, kept, _ = undisturbed
    alarms = [alarm for name in outcome if "Alarm" in name for alarm in outcome[name]]
    kinds = {(a.kind, a.phase) for a in alarms}
    assert {("VTACH", "escalate"), ("ASYSTOLE", "start"), ("NO_DATA", "start")} <= kinds
    assert {("LEARNING", "end"), ("HR_HIGH", "start"), ("ALARMS_PAUSED", "end")} <= kinds
    assert {"VTACH", "ASYSTOLE"} <= {a.kind for a in alarms if a.strip}
    refused = [done.refused for done in outcome["vt CommandDone"]]
    assert refused == ["", "", "unknown_alarm"]
    assert [(gap.first, gap.end) for gap in outcome["child Gap"]] == [(2500, 3750)]
    assert len(kept["audit"]) == 6


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_sizes_of_batches_change_nothing(batch, world, tmp_path, undisturbed, monkeypatch):
    """However many records are read together."""
    monkeypatch.setattr(loop, "BATCH", batch)

    async def run():
        async with house(tmp_path, world) as made:
            compare(await finish(made), undisturbed)

    asyncio.run(run())


def test_as_it_comes_or_long_afterwards(tmp_path, undisturbed):
    """A worker that keeps up, with the clock going on, says the same as one that reads it later."""

    async def run():
        async with house(tmp_path) as made:
            worker = made.worker()
            readers = await worker.take_over()
            for tenth in range(1, 600):
                await fill(made, (tenth - 1) / 10, tenth / 10)
                made.now = START + tenth / 10
                await worker.turn(*readers)
            made.now = START + AFTER
            await worker.turn(*readers)
            compare((await made.outcome(), made.kept(), mind(worker)), undisturbed)

    asyncio.run(run())


@pytest.mark.parametrize(("database", "step"), [("sqlite", 1), ("postgresql", 7)])
def test_a_crash_at_every_point(request, world, tmp_path, undisturbed, monkeypatch, database, step):
    """Before and after each call of log and store, and before each commit: nobody sees it.

    On PostgreSQL at each seventh, so that it does not take minutes.
    """
    monkeypatch.setattr(loop, "BATCH", 256)
    place = request.getfixturevalue("postgres").place if database == "postgresql" else str

    async def run(at: int) -> int:
        async with house(tmp_path / str(at), world, place()) as made:
            came = await crash(made, at)
            if at:
                assert came == at
                compare(await finish(made), undisturbed, f"crash at {at}")
            return came

    for at in range(1, asyncio.run(run(0)) + 1, step):
        asyncio.run(run(at))


@settings(max_examples=15)
@given(
    batch=st.integers(1, 200),
    every=st.sampled_from([1.0, 3.0, 10.0]),
    crashes=st.lists(st.integers(1, 120), min_size=1, max_size=8),
)
def test_any_crashes_and_any_batches(batch, every, crashes, world, undisturbed):
    """Workers die one after the other, wherever; what they said together is what one would say."""

    async def run(folder: Path) -> None:
        async with house(folder, world) as made:
            for at in crashes:
                await crash(made, at, every=every)
            compare(await finish(made), undisturbed)

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "BATCH", batch)
        asyncio.run(run(Path(folder)))


def test_a_worker_that_was_replaced_is_refused(world, tmp_path):
    """The epoch fences it off: nothing of its turn counts."""

    async def run():
        async with house(tmp_path, world) as made:
            made.now = START + AFTER
            old, new = made.worker(), made.worker()
            readers = await old.take_over()
            await new.take_over()
            before = made.kept()
            with pytest.raises(Fenced):
                await old.turn(*readers)
            assert made.kept() == before
            assert await made.alarms() == []

    asyncio.run(run())


def test_another_engine_replays_what_the_log_has(world, tmp_path, undisturbed):
    """A checkpoint of another version is not read; the next one is of the present one."""

    async def run():
        async with house(tmp_path, world) as made:
            await crash(made, 0)
            before = await made.outcome()
            worker = made.worker(engine="engine-2")
            readers = await work(worker)
            compare(await made.outcome(), before)
            compare(mind(worker)["vt"][0], undisturbed[2]["vt"][0])
            made.now += 20
            await worker.turn(*readers)
            kept = made.store.load(PARTITION).checkpoints
            assert {c.engine for c in kept} == {"engine-2"}
            assert len({c.offset for c in kept}) == 1

    asyncio.run(run())


@pytest.mark.parametrize("patient", ["vt", "asystole"])
def test_another_engine_that_meets_streams_in_the_middle(
    tmp_path, undisturbed, monkeypatch, patient
):
    """Of an older session only the end is replayed: alarms and beats still have its samples."""
    monkeypatch.setattr(takeover, "REPLAY_SECONDS", 3.0)

    async def run():
        async with house(tmp_path) as made:
            await fill(made, until=11)
            await work(made.worker())
            await fill(made, after=11, until=40)
            await work(made.worker(engine="engine-2"))
            return await made.outcome()

    found, expected = asyncio.run(run()), undisturbed[0]
    kind = {"vt": "VTACH", "asystole": "ASYSTOLE"}[patient]
    onsets = [a.onset_sample for a in found[f"{patient} Alarm"] if a.kind == kind]
    truth = [a.onset_sample for a in expected[f"{patient} Alarm"] if a.kind == kind]
    assert onsets[0] == pytest.approx(truth[0], abs=5)
    beats = [b.sample for b in found[f"{patient} Beat"] if 13 * 250 < b.sample < 36 * 250]
    sound = [b.sample for b in expected[f"{patient} Beat"] if 13 * 250 < b.sample < 36 * 250]
    np.testing.assert_allclose(beats, sound, atol=5)


def test_another_engine_ends_what_only_the_older_one_found(tmp_path):
    """An alarm of a version that was wrong does not stand for the rest of the session."""

    class AllV(Width):
        """Calls every beat V: at 65 /min a ventricular rhythm."""

        def __call__(self, windows, contexts):
            labels = np.full(len(windows), 2, np.int8)
            return labels, np.eye(5, dtype=np.float32)[labels]

    async def run():
        async with house(tmp_path) as made:
            for at, block in stream("steady", "p")[:30]:
                await made.put(at, block)
            await work(made.worker(classifier=AllV()))
            before = [a.state for a in await made.alarms("VENT_RHYTHM")]
            await work(made.worker(engine="engine-2"))
            return before, [a.state for a in await made.alarms("VENT_RHYTHM")]

    before, after = asyncio.run(run())
    assert set(before) == {"active"}
    assert after == [*before, "ended"]
