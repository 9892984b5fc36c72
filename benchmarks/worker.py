"""Cost of a worker's turn per patient, and where it goes: log, engine, events, store.

    python benchmarks/worker.py [--patients 1000] [--seconds 60]

The real worker over the embedded log and store in a temporary folder: real records of mitdb, each
patient sends one block of one second every second, and every turn takes one second of everybody. The
figures are CPU time of this process, its threads for log and store included. The gateway's part,
writing the blocks, is not counted.
"""
# ruff: noqa: SLF001 - it looks at the stages of a turn

import argparse
import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from engine import signals, ticks

from ecg import wire
from inference import bundle
from inference.classifier import BeatClassifier
from stream.engine.ward import Ward
from stream.log import Entry, SqliteLog, Topic
from stream.log.sqlite import GATEWAY_WRITES, WORKER_WRITES
from stream.store import Store
from stream.worker import reading
from stream.worker import worker as loop
from stream.worker.worker import Worker

WARM_SECONDS = 15
"""Not measured: compilation, first checkpoints, the detector's learning."""
START = 1_700_000_000.0


class Stages:
    """CPU seconds by stage of a turn, and bytes."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    def sync(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work`, measured."""

        def measured(*args: Any, **named: Any) -> Any:
            begin = time.process_time()
            try:
                return work(*args, **named)
            finally:
                self.spent[name] += time.process_time() - begin

        return measured

    def task(self, name: str, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """The same for a coroutine: nothing else runs while it waits."""

        async def measured(*args: Any, **named: Any) -> Any:
            begin = time.process_time()
            try:
                return await work(*args, **named)
            finally:
                self.spent[name] += time.process_time() - begin

        return measured


def watch(worker: Any, stages: Stages) -> Callable[[], None]:
    """Measure the stages of `worker`, until what is given back is called."""
    before = reading.poll, loop.commit
    append = worker._log.append

    def restore() -> None:
        reading.poll, loop.commit = before
        worker._log.append = append

    reading.poll = stages.task("read the log", reading.poll)
    loop.commit = stages.sync("commit to the store", loop.commit)
    worker._push = stages.task("decode, engine, book", worker._push)
    worker._conclude = stages.sync("gather the turn", worker._conclude)
    worker._log.append = stages.task("write events", append)
    return restore


async def measure(folder: Path, patients: int, seconds: int) -> tuple[float, Stages]:
    """CPU seconds of all measured turns, and by stage."""
    stages, spent = Stages(), 0.0
    now = START
    source = ticks(signals(Path(os.environ.get("BEATWIRE_DATA", "data"))), patients, 1.0, 10_000)
    with Store(folder / "store.db", clock=lambda: now) as store:
        writes = GATEWAY_WRITES | WORKER_WRITES
        async with SqliteLog(folder, writes, clock=lambda: round(now * 1000)) as log:
            append = log.append
            ward = Ward(BeatClassifier(bundle.load()))
            worker = Worker(log, store, ward, engine="bench", every=10.0, clock=lambda: now)
            watch(worker, stages)
            readers = await worker.take_over()
            for second in range(WARM_SECONDS + seconds):
                for _ in range(10):
                    now += 0.1
                    blocks = [block for block, _ in next(source)]
                    await append(Topic.SAMPLES, [Entry(b.patient, wire.pack(b)) for b in blocks])
                if second == WARM_SECONDS:
                    stages.spent.clear()
                    spent = 0.0
                begin = time.process_time()
                await worker.turn(*readers)
                spent += time.process_time() - begin
    return spent, stages


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spent, stages = asyncio.run(measure(Path(folder), args.patients, args.seconds))
    scale = 1000 / args.patients / args.seconds
    stages.spent["the rest"] = spent - stages.spent.total()
    print(f"{args.patients} patients, one block a second, {args.seconds} s\n")
    print("| stage | ms per patient-second |\n| --- | ---: |")
    for name, cpu in stages.spent.items():
        print(f"| {name} | {cpu * scale:.4f} |")
    print(f"| all | {spent * scale:.4f} |")
    print(f"\n{args.patients} patients take {100 * spent / args.seconds:.0f} % of one core")


if __name__ == "__main__":
    main()
