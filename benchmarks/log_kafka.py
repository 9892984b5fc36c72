"""Measure the log on Kafka against plain aiokafka, in the same run: what our interface costs.

Run: python benchmarks/log_kafka.py   (a broker of its own, or that of BEATWIRE_TEST_KAFKA)
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stream.config import Settings
from stream.log import Entry, Log, Topic
from stream.log.chosen import retention
from stream.log.kafka import Connection, KafkaLog, topics

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from broker import Broker

DEVICES = 1000
PARTITIONS = 4
COUNT = 40_000
GROUP = 256
IN_FLIGHT = 4
"""As the gateway's committer appends."""
VALUE = bytes(560)
"""A block of 1 s of one lead at 250 Hz."""
ROUNDS = 3


@contextmanager
def cluster() -> Iterator[str]:
    """A broker's address."""
    if given := os.environ.get("BEATWIRE_TEST_KAFKA"):
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder))
        broker.start()
        yield broker.address
        broker.stop()


ENTRIES = [Entry(f"patient-{i % DEVICES}", VALUE) for i in range(COUNT)]


async def in_groups(write: Callable[[list[Entry]], Awaitable[object]]) -> None:
    """Groups, some of them in flight."""
    turn = asyncio.Semaphore(IN_FLIGHT)

    async def one(group: list[Entry]) -> None:
        async with turn:
            await write(group)

    await asyncio.gather(*(one(ENTRIES[i : i + GROUP]) for i in range(0, COUNT, GROUP)))


async def append_ours(log: Log) -> None:
    """As the gateway does."""
    await in_groups(lambda group: log.append(Topic.SAMPLES, group))


async def append_plain(producer: AIOKafkaProducer, name: str) -> None:
    """The same groups by the producer itself: hand all over, then wait."""

    async def write(group: list[Entry]) -> None:
        sent = [await producer.send(name, e.value, key=e.key.encode()) for e in group]
        await asyncio.gather(*sent)

    await in_groups(write)


async def append_flood(producer: AIOKafkaProducer, name: str) -> None:
    """Every record as it comes, and one wait for all: what nobody can do who must acknowledge."""
    for entry in ENTRIES:
        await producer.send(name, entry.value, key=entry.key.encode())
    await producer.flush()


async def append_serial(producer: AIOKafkaProducer, name: str) -> None:
    """A wait for each record."""
    for entry in ENTRIES[: COUNT // 40]:
        await producer.send_and_wait(name, entry.value, key=entry.key.encode())


async def poll_ours(log: Log) -> None:
    """All there is, as the worker polls."""
    reader, found = log.reader(Topic.SAMPLES, dict.fromkeys(range(PARTITIONS), 0)), 0
    while found < COUNT:
        found += len(await reader.poll(4096, 5))
    await reader.close()


async def poll_plain(address: str, name: str) -> None:
    """All there is, by the consumer itself."""
    settings = {"bootstrap_servers": address, "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(enable_auto_commit=False, **settings) as consumer:
        consumer.assign([TopicPartition(name, i) for i in range(PARTITIONS)])
        found = 0
        while found < COUNT:
            page = await consumer.getmany(timeout_ms=5000, max_records=4096)
            found += sum(map(len, page.values()))


async def rate(act: Callable[[], Awaitable[None]], count: int = COUNT) -> float:
    """Records per second."""
    start = time.perf_counter()
    await act()
    return count / (time.perf_counter() - start)


async def measure(address: str) -> None:
    """Every way in turn, so that what else the machine does meets all of them."""
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        connection = Connection(address, prefix=f"{uuid.uuid4().hex}.")
        other = Connection(address, prefix=f"{uuid.uuid4().hex}.")
        for each in (connection, other):
            await topics.create(each, retention(Settings()), PARTITIONS)
        name = other.topic(Topic.SAMPLES)
        ways: dict[str, tuple[Callable[[], Awaitable[None]], int]]
        async with (
            KafkaLog(connection, frozenset({Topic.SAMPLES})) as log,
            AIOKafkaProducer(
                bootstrap_servers=address, enable_idempotence=True, max_batch_size=256 << 10
            ) as producer,
        ):
            ways = {
                "append, plain": (lambda p=producer, n=name: append_plain(p, n), COUNT),
                "append, ours": (lambda at=log: append_ours(at), COUNT),
                "append, flood": (lambda p=producer, n=name: append_flood(p, n), COUNT),
                "append, serial": (lambda p=producer, n=name: append_serial(p, n), COUNT // 40),
                "poll, plain": (lambda n=name: poll_plain(address, n), COUNT),
                "poll, ours": (lambda at=log: poll_ours(at), COUNT),
            }
            for way, (act, count) in ways.items():
                found.setdefault(way, []).append(await rate(act, count))
            await latency(log, found)
    report(found)


async def latency(log: Log, found: dict[str, list[float]]) -> None:
    """From an append to the reader that waits for it, in ms."""
    partition = log.partition_of(Topic.SAMPLES, "p")
    reader = log.reader(Topic.SAMPLES, {partition: await log.end(Topic.SAMPLES, partition)})
    for _ in range(50):
        waiting = asyncio.create_task(reader.poll(1, 5))
        await asyncio.sleep(0.01)
        start = time.perf_counter()
        await log.append(Topic.SAMPLES, [Entry("p", VALUE)])
        durable = time.perf_counter()
        await waiting
        found.setdefault("durable after, ms", []).append((durable - start) * 1e3)
        found.setdefault("at the reader after, ms", []).append((time.perf_counter() - start) * 1e3)
    await reader.close()


def report(found: dict[str, list[float]]) -> None:
    """Medians, and the ratios."""
    middle = {way: statistics.median(values) for way, values in found.items()}
    for way, value in middle.items():
        print(f"{way}: {value:,.1f}")
    for act in ("append", "poll"):
        print(f"{act}, ours to plain: {middle[f'{act}, ours'] / middle[f'{act}, plain']:.2f}")


if __name__ == "__main__":
    with cluster() as address:
        asyncio.run(measure(address))
