"""What a worker keeps of what it read gives the same strips as the log itself."""

import asyncio

import pytest
from gateway_rig import block
from hypothesis import given, settings
from hypothesis import strategies as st
from worker_rig import entry

from stream.log import SqliteLog, Topic
from stream.worker import reading, recent
from stream.worker.recent import Recent
from stream.worker.strips import Wanted

PATIENTS = ("p1", "p2", "p3")


def wanted(patient: str, time: float) -> Wanted:
    """A strip about an onset at this time."""
    return Wanted("a", patient, "s1", 0, 1, time)


async def records(folder, times):
    """A log that took a block of one patient after the other at these times (ms), and its records."""
    clock = [0]
    log = SqliteLog(folder, frozenset(Topic), clock=lambda: clock[0])
    await log.__aenter__()
    for number, time in enumerate(times):
        clock[0] = time
        await log.append(Topic.SAMPLES, [entry(block(number, PATIENTS[number % 3]))])
    reader = log.reader(Topic.SAMPLES)
    return log, await reader.poll(10_000, 0)


class Unread:
    """A log that is asked for nothing but its begin."""

    async def begin(self, topic, partition):
        """Everything is there from 0 on."""
        return 0


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.integers(0, 9_000), min_size=3, max_size=40),
    first=st.integers(0, 10),
    at=st.integers(0, 200_000),
    until=st.integers(0, 200_000),
    size=st.integers(1, 9),
)
def test_from_memory_or_from_the_log(steps, first, at, until, size, tmp_path_factory):
    """Wherever the worker began to read, and however the records came: the same blocks."""

    async def run():
        times = [sum(steps[: i + 1]) for i in range(len(steps))]
        log, found = await records(tmp_path_factory.mktemp("log"), times)
        kept = Recent(log, 0)
        await kept.begin(first)
        for begin in range(first, len(found), size):
            kept.take(reading.arrivals(found[begin : begin + size]))
        for patient in PATIENTS:
            strip = wanted(patient, at / 1000)
            expected = await Recent(log, 0).signal(strip, until / 1000)
            assert await kept.signal(strip, until / 1000) == expected
        await log.__aexit__(None, None, None)

    asyncio.run(run())


def kept(count: int) -> Recent:
    """A worker that has read a log from its begin: a block a second."""
    made = Recent(Unread(), 0)
    asyncio.run(made.begin(0))
    for second in range(count):
        made.take([(block(second), float(second))])
    return made


def test_what_was_read_is_not_looked_for_in_the_log():
    """The block of 20 s before the onset is the oldest that counts."""
    found = asyncio.run(kept(50).signal(wanted("p1", 45.0), 48.0))
    assert [each.seq for each in found] == list(range(25, 49))


def test_memory_is_bounded_by_time_and_by_bytes(monkeypatch):
    """Half a minute of blocks, or as many as may be kept; what is older is asked of the log."""
    assert len(kept(100)._order) == recent.KEEP_SECONDS + 1
    monkeypatch.setattr(recent, "MAX_BYTES", 10 * len(block().payload))
    few = kept(100)
    assert len(few._order) == 10
    assert len(few._patients["p1"]) == 10
    with pytest.raises(AttributeError, match="offset_at"):
        asyncio.run(few.signal(wanted("p1", 99.0), 99.0))
