"""A worker of a cluster: patients per core, commits, and the hand-over against patients per partition.

    python benchmarks/cluster.py [--patients 100 1000 10000] [--seconds 30]

Starts a real Kafka broker and a real PostgreSQL, as the tests do. All patients are of one partition and
send a block of one second every second; the log is filled first, and one worker reads it as fast as
it can. The cost is CPU time of this process. A hand-over is the time from claiming the partition to
the first turn: restored, and replayed from the checkpoints as after a kill, or, as after a worker that
ended in order, with nothing to replay. To it comes, after a kill, the session's time-out (8 s).
"""
# ruff: noqa: SLF001 - it looks at the stages of a turn

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests"))

from broker import Broker
from engine import signals, ticks
from postgres import running
from worker import Stages, watch

from ecg import wire
from inference import bundle
from inference.classifier import BeatClassifier
from stream.config import Settings
from stream.engine.ward import Ward
from stream.log import Entry, Log, Topic
from stream.log.chosen import retention
from stream.log.kafka import Connection, KafkaLog, topics
from stream.log.sqlite import WORKER_WRITES
from stream.store import Store
from stream.warm import warm
from stream.worker import worker as loop
from stream.worker.role import PACE_SECONDS
from stream.worker.worker import Worker

BATCH = 2000
"""Blocks of an append."""


async def fill(log: Log, patients: int, seconds: int) -> None:
    """What everybody sends in so many seconds."""
    sources = signals(Path(os.environ.get("BEATWIRE_DATA", "data")))
    for blocks in ticks(sources, patients, 1.0, seconds):
        entries = [Entry(block.patient, wire.pack(block)) for block, _ in blocks]
        for begin in range(0, len(entries), BATCH):
            await log.append(Topic.SAMPLES, entries[begin : begin + BATCH])


def hire(log: Log, store: Store) -> Worker:
    """A fresh worker."""
    ward = Ward(BeatClassifier(bundle.load()))
    return Worker(log, store, ward, engine="bench", every=10.0, pace=PACE_SECONDS)


async def work(worker: Worker, log: Log) -> float:
    """Analyse all there is, a second of everybody in a turn; CPU seconds of the turns."""
    samples, commands = await worker.take_over()
    end = await log.end(Topic.SAMPLES)
    begin = time.process_time()
    while samples.position() < end:
        await worker.turn(samples, commands)
    spent = time.process_time() - begin
    await samples.close()
    await commands.close()
    return spent


async def hand_over(log: Log, store: Store) -> tuple[float, Worker]:
    """Seconds until a fresh worker stands where the last one committed."""
    worker = hire(log, store)
    begin = time.perf_counter()
    readers = await worker.take_over()
    took = time.perf_counter() - begin
    for reader in readers:
        await reader.close()
    return took, worker


async def measure(kafka: str, url: str, patients: int, seconds: int) -> list[float]:
    """One row of the table."""
    connection = Connection(kafka, prefix=f"bench-{patients}-")
    await topics.create(connection, retention(Settings()), partitions=1)
    stages = Stages()
    with Store(url) as store:
        async with KafkaLog(connection, WORKER_WRITES | {Topic.SAMPLES}) as log:
            await fill(log, patients, seconds)
            loop.BATCH = patients
            worker = hire(log, store)
            restore = watch(worker, stages)
            spent = await work(worker, log)
            restore()
            killed, successor = await hand_over(log, store)
            await successor._commit(
                successor._shift.close([], set(), successor.written, leaving=True)
            )
            ordered, _ = await hand_over(log, store)
    scale = 1000 / patients / seconds
    return [
        spent * scale,
        seconds * patients / spent,
        stages.spent["commit to the store"] * scale,
        killed,
        ordered,
    ]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--seconds", type=int, default=30)
    args = parser.parse_args()
    warm(Ward(BeatClassifier(bundle.load())))
    print("| patients | ms per patient-second | patients per core | of it commits, ms", end="")
    print(
        " | hand-over after a kill, s | in order, s |\n| ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    with tempfile.TemporaryDirectory() as folder, running() as postgres:
        broker = Broker(Path(folder))
        broker.start()
        try:
            for patients in args.patients:
                row = asyncio.run(measure(broker.address, postgres.place(), patients, args.seconds))
                cost, per_core, commits, killed, ordered = row
                print(
                    f"| {patients} | {cost:.3f} | {per_core:.0f} | {commits:.3f} "
                    f"| {killed:.2f} | {ordered:.2f} |",
                    flush=True,
                )
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
