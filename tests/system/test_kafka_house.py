"""A house on a real Kafka broker: devices and consumers of any make, and a broker that goes away."""

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.error
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from broker import Broker
from house import ROOT, START_SECONDS, House, Watcher
from test_crash import closed, signature, tachycardias, undisturbed

from client.replay import Options, replay
from ecg import messages as m
from ecg import wire
from stream.config import Settings
from stream.log import Topic
from stream.log.chosen import retention
from stream.log.kafka import Connection, KafkaLog, topics

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(600)]
EXAMPLES = ROOT / "docs" / "examples"
SPEED = 10.0


@pytest.fixture
def connection(request: pytest.FixtureRequest) -> Connection:
    """Topics of the house, on the test's own broker if it has one."""
    own = "own_broker" in request.fixturenames
    address = request.getfixturevalue("own_broker").address if own else None
    found = Connection(address or request.getfixturevalue("kafka"), prefix=f"{uuid.uuid4().hex}.")
    asyncio.run(topics.create(found, retention(Settings()), partitions=2))
    return found


@pytest.fixture
def ward(connection: Connection, tmp_path: Path) -> Iterator[House]:
    """Gateway and worker on Kafka."""
    house = House(
        tmp_path / "data",
        BEATWIRE_KAFKA=connection.servers,
        BEATWIRE_KAFKA_PREFIX=connection.prefix,
    )
    house.start()
    yield house
    house.kill(*house.roles)  # a test that failed may leave them waiting for a broker


def command(house: House) -> tuple[int, str]:
    """Status and code of a command that is given now."""
    try:
        house.post("/v1/patients/p/pause", {"by": "nurse", "seconds": 0, "id": "pause-1"})
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["code"]
    return 202, ""


async def out(watcher: Watcher, house: House, broker: Broker, record) -> None:
    """Stream; in the midst of it the broker goes away for a while."""
    stream = asyncio.create_task(replay([record], house.url, Options(speed=SPEED)))
    await watcher.until(lambda: watcher.alarms("p", "VTACH"), START_SECONDS)
    await asyncio.to_thread(broker.kill)
    start = time.monotonic()
    assert await asyncio.to_thread(command, house) == (503, "log_unavailable")
    assert time.monotonic() - start < 8, "a person waits for it"
    assert not stream.done(), "nothing is acknowledged while no broker is there"
    house.get("/health")
    await asyncio.to_thread(broker.start)
    back = time.monotonic()
    await asyncio.wait_for(stream, 120)
    await watcher.until(lambda: closed(watcher, record), 60)
    print(f"all was analysed {time.monotonic() - back:.1f} s after the broker was back")


def test_a_broker_outage_loses_nothing(ward: House, own_broker: Broker):
    """Killed in a tachycardia, gone for seconds, back: beats and alarms are those of a quiet day."""
    record = tachycardias("p")

    async def run() -> Watcher:
        async with Watcher(ward.url) as watcher:
            await out(watcher, ward, own_broker, record)
        return watcher

    watcher = asyncio.run(run())
    beats, alarms = signature(watcher.events)
    expected_beats, expected_alarms = undisturbed(record)
    assert beats == expected_beats
    assert alarms == expected_alarms
    assert command(ward) == (202, "")
    for role, process in ward.roles.items():
        assert process.poll() is None, f"{role} did not outlive it"


STOP_SECONDS = 15.0
"""Below the half minute after which init systems and orchestrators kill what they told to stop."""


async def stopped(watcher: Watcher, house: House, broker: Broker, record) -> dict[str, float]:
    """Stop the house while its broker is away, start both again; how long each role took to end."""
    stream = asyncio.create_task(replay([record], house.url, Options(speed=SPEED)))
    await watcher.until(lambda: watcher.alarms("p", "VTACH"), START_SECONDS)
    await asyncio.to_thread(broker.kill)
    assert await asyncio.to_thread(command, house) == (503, "log_unavailable")
    took, begin = {}, time.monotonic()
    for process in house.roles.values():
        process.terminate()
    for role, process in house.roles.items():
        ended = await asyncio.to_thread(process.wait, 60)
        assert ended in {0, -signal.SIGTERM}, role  # uvicorn ends in order, then by the signal
        took[role] = time.monotonic() - begin
    assert not stream.done(), "what was not acknowledged stays with the device"
    await asyncio.to_thread(broker.start)
    await asyncio.to_thread(house.start)
    await asyncio.wait_for(stream, 120)
    told = undisturbed(record)[1]
    await watcher.until(
        lambda: closed(watcher, record) and signature(watcher.events)[1] >= told, 60
    )
    return took


def test_a_house_that_is_stopped_while_its_broker_is_away_ends_in_time(ward, own_broker):
    """Neither role waits for the broker; later both go on, and nothing was lost."""
    record = tachycardias("p")

    async def run() -> tuple[Watcher, dict[str, float]]:
        async with Watcher(ward.url) as watcher:
            return watcher, await stopped(watcher, ward, own_broker, record)

    watcher, took = asyncio.run(run())
    print("seconds to the end:", {role: round(seconds, 1) for role, seconds in took.items()})
    assert max(took.values()) < STOP_SECONDS
    assert signature(watcher.events) == undisturbed(record)


def example(name: str, *words: str) -> list[str]:
    """The command that a reader of the documentation would give."""
    return [sys.executable, str(EXAMPLES / name), *words]


def printed(connection: Connection, patient: str, count: int) -> list[str]:
    """What the consumer of the documentation prints about a patient."""
    command = example("kafka_consumer.py", connection.servers, connection.prefix)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as consumer:
        assert consumer.stdout is not None
        found: list[str] = []
        while len(found) < count:
            line = consumer.stdout.readline()
            assert line, "the consumer ended"
            found += [line] * line.startswith(f"{patient} ")
        consumer.kill()
    return found


def test_devices_and_consumers_of_any_make(ward: House, connection: Connection):
    """The SDK's device, a plain producer in JSON, nonsense beside them; a plain consumer reads all."""
    record = tachycardias("p")
    address = f"kafka://{connection.servers}/{connection.topic(Topic.SAMPLES)}"

    async def run() -> tuple[Watcher, list[m.Rejected]]:
        async with Watcher(ward.url) as watcher:
            plain = example("kafka_device.py", connection.servers, "plain", connection.prefix)
            await asyncio.to_thread(subprocess.run, plain, check=True)
            await nonsense(connection)
            await replay([record], address, Options(speed=SPEED))
            await watcher.until(lambda: closed(watcher, record), START_SECONDS)
        return watcher, await rejected(connection)

    watcher, left_out = asyncio.run(run())
    ours = [event for event in watcher.events if getattr(event, "patient", "") == "p"]
    beats, alarms = signature(ours)
    expected_beats, expected_alarms = undisturbed(record)
    assert beats == expected_beats
    assert alarms == expected_alarms
    assert [(r.key, r.code, r.field) for r in left_out] == [
        ("plain", "malformed", ""),
        ("plain", "out_of_range", "rate"),
        ("somebody", "mismatch", "key"),
    ]
    lines = printed(connection, "p", len(expected_beats))
    assert {line.split()[1] for line in lines} >= {"beat", "vitals"}
    assert any(" vitals " in line for line in printed(connection, "plain", 10))


async def nonsense(connection: Connection) -> None:
    """What a device's programmer gets wrong."""
    good = {
        "type": "block", "v": 1, "patient": "plain", "session": "s", "seq": 0, "first": 0,
        "rate": 250.0, "leads": ["II"], "uv_per_lsb": [5.0], "payload": "AAAA" * 4,
    }  # fmt: skip
    values = [
        (b"plain", b"\xc1\x00"),
        (b"plain", msgspec.json.encode(good | {"rate": 20_000.0})),
        (b"somebody", msgspec.json.encode(good)),
    ]
    name = connection.topic(Topic.SAMPLES)
    async with AIOKafkaProducer(bootstrap_servers=connection.servers) as producer:
        for key, value in values:
            await producer.send_and_wait(name, value, key=key)


async def rejected(connection: Connection) -> list[m.Rejected]:
    """What stands in `ecg.rejected`, in the order of the samples' times."""
    async with KafkaLog(connection) as log:
        reader = log.reader(Topic.REJECTED, {0: 0, 1: 0})
        found = [wire.rejected.read(record.value) for record in await reader.poll(99, 0)]
    return sorted(found, key=lambda r: r.time)
