"""A Kafka broker that goes away: who appends waits, nothing is lost or doubled, all goes on."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker import Broker
from log_storages import KafkaStorage
from parts import running_broker

from stream.log import Entry, LogClosed, LogUnavailable, Topic
from stream.log.kafka import writer

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("kafka"), pytest.mark.timeout(180)]
EVENTS = Topic.EVENTS
VALUE = bytes(50_000)


@pytest.fixture(scope="module")
def module_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that these tests may stop."""
    yield from running_broker(tmp_path_factory.mktemp("outage"))


@pytest.fixture
def own_broker(module_broker: Broker) -> Broker:
    """It runs at the beginning of each."""
    if not module_broker.running:
        module_broker.start()
    return module_broker


@pytest.fixture
def storage(own_broker: Broker) -> KafkaStorage:
    """New topics on it."""
    return KafkaStorage(own_broker.address, partitions=2)


def memory() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def test_appends_wait_for_the_broker_and_nothing_is_lost(
    storage: KafkaStorage, own_broker: Broker
):
    """Killed in full flow and started again: everything is there once, in its order."""
    confirmed: dict[str, list[int]] = {"p1": [], "p2": []}

    news, enough = asyncio.Event(), asyncio.Event()

    async def device(log, key: str) -> None:
        for i in itertools.count():
            await log.append(EVENTS, [Entry(key, b"%d " % i + VALUE)])
            confirmed[key].append(i)
            news.set()
            if enough.is_set():
                return

    async def reach(count: int) -> None:
        while min(map(len, confirmed.values())) < count:
            news.clear()
            await news.wait()

    async with storage.log() as log:
        devices = [asyncio.create_task(device(log, key)) for key in confirmed]
        await reach(50)
        await asyncio.to_thread(own_broker.kill)
        reader = log.reader(EVENTS, {0: 0, 1: 0})
        with pytest.raises(LogUnavailable):
            await reader.poll(9, 2.0)
        stalled = {key: len(found) for key, found in confirmed.items()}
        flood = [log.append(EVENTS, [Entry("flood", VALUE * 2)]) for _ in range(300)]
        before, tasks = memory(), [asyncio.create_task(each) for each in flood]
        with pytest.raises(LogUnavailable):
            await reader.poll(9, 2.0)
        assert {key: len(found) for key, found in confirmed.items()} == stalled
        assert memory() - before < 20 << 20, "30 MB were appended, and must wait outside"
        await asyncio.to_thread(own_broker.start)
        await reach(max(stalled.values()) + 20)
        enough.set()
        await asyncio.wait_for(asyncio.gather(*devices, *tasks), 60)
        for key, numbers in confirmed.items():
            found = await log.by_key(EVENTS, key, 0, 100_000)
            assert [int(r.value.partition(b" ")[0]) for r in found] == numbers
        assert len(await log.by_key(EVENTS, "flood", 0, 1000)) == 300


async def test_who_reads_goes_on_where_it_stood(storage: KafkaStorage, own_broker: Broker):
    """A reader needs no new one: it says that nobody answers, and later reads on."""
    async with storage.log() as log:
        await log.append(EVENTS, [Entry("p", b"before")])
        partition = log.partition_of(EVENTS, "p")
        reader = log.reader(EVENTS, {partition: 0})
        assert [r.value for r in await reader.poll(9, 30)] == [b"before"]
        await asyncio.to_thread(own_broker.stop)
        with pytest.raises(LogUnavailable):
            await reader.poll(9, 3.0)
        waiting = asyncio.create_task(log.append(EVENTS, [Entry("p", b"after")]))
        await asyncio.to_thread(own_broker.start)
        found: list[bytes] = []
        while not found:
            try:
                found = [r.value for r in await reader.poll(9, 1.0)]
            except LogUnavailable:
                continue
        assert found == [b"after"]
        await waiting


async def test_closing_while_the_broker_is_away_ends(
    storage: KafkaStorage, own_broker: Broker, monkeypatch: pytest.MonkeyPatch
):
    """What nobody confirms is given up in time, and whoever waited for it is told."""
    monkeypatch.setattr(writer, "CLOSE_SECONDS", 1.0)
    async with storage.log() as log:
        await log.append(EVENTS, [Entry("p", b"kept")])
        await asyncio.to_thread(own_broker.stop)
        lost = [asyncio.create_task(log.append(EVENTS, [Entry("p", VALUE)])) for _ in range(20)]
        await asyncio.sleep(0)
        start = time.monotonic()
    assert time.monotonic() - start < 10
    for each in lost:
        with pytest.raises(LogClosed):
            await each
