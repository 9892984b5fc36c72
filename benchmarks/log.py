"""Measure the SQLite log: records per second, time to durable, time to the reader, loop's lag.

Run: python benchmarks/log.py
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stream.log import Entry, SqliteLog, Topic
from stream.log.sqlite import WORKER_WRITES

DEVICES = 1000
VALUE = bytes(500)


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie, in ms."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] * 1e3


@asynccontextmanager
async def lag() -> AsyncIterator[list[float]]:
    """Measure how late the event loop wakes up a task that wants to run each ms."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.001)
            late.append(time.perf_counter() - start - 0.001)

    task = asyncio.create_task(tick())
    yield late
    task.cancel()


async def throughput(folder: Path, rounds: int, *, ids: bool, pause_s: float) -> None:
    """Devices append one record at a time, each after the last was acknowledged."""
    times: list[float] = []

    async def device(log: SqliteLog, number: int) -> None:
        await asyncio.sleep(pause_s * number / DEVICES)
        for i in range(rounds):
            start = time.perf_counter()
            id_ = f"patient-{number}/session/beat/{i}" if ids else None
            await log.append(Topic.EVENTS, [Entry(f"patient-{number}", VALUE, id_)])
            times.append(time.perf_counter() - start)
            await asyncio.sleep(max(0.0, pause_s - times[-1]) if pause_s else 0)

    async with SqliteLog(folder, WORKER_WRITES) as log, lag() as late:
        start = time.perf_counter()
        await asyncio.gather(*(device(log, number) for number in range(DEVICES)))
        rate = DEVICES * rounds / (time.perf_counter() - start)
        print(
            f"{'paced' if pause_s else 'flat out'}, {'with' if ids else 'without'} ids:"
            f" {rate:,.0f} records/s, durable after p50 {percentile(times, 0.5):.1f}"
            f" p99 {percentile(times, 0.99):.1f} ms,"
            f" loop late p99 {percentile(late, 0.99):.1f} max {percentile(late, 1):.1f} ms"
        )


async def reading(folder: Path) -> None:
    """Read everything; then the time from append to a reader that waits."""
    async with SqliteLog(folder, WORKER_WRITES) as log, SqliteLog(folder) as other:
        reader, count = log.reader(Topic.EVENTS), 0
        start = time.perf_counter()
        while records := await reader.poll(1000, 0):
            count += len(records)
        print(f"read: {count / (time.perf_counter() - start):,.0f} records/s")
        for name, at in (("same process", log), ("other connection", other)):
            reader, seen = at.reader(Topic.EVENTS, count), []
            for _ in range(200):
                waiting = asyncio.create_task(reader.poll(1, 5))
                await asyncio.sleep(0.002)
                start = time.perf_counter()
                await log.append(Topic.EVENTS, [Entry("p", VALUE)])
                await waiting
                seen.append(time.perf_counter() - start)
                count += 1
            print(f"append to reader, {name}: median {statistics.median(seen) * 1e3:.1f} ms")


async def main() -> None:
    """All of it, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        for ids in (False, True):
            await throughput(Path(folder) / f"flat-{ids}", 60, ids=ids, pause_s=0)
        await throughput(Path(folder) / "paced", 20, ids=True, pause_s=0.25)
        await reading(Path(folder) / "flat-True")


asyncio.run(main())
