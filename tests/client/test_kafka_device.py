"""The SDK's device on Kafka, against a real broker and the protocol."""

import uuid

import numpy as np
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from client import kafka_device
from client.greeting import greeting
from client.kafka_device import KafkaDevice
from ecg import messages as m
from ecg import wire
from ecg.errors import WireError

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("kafka")]
RATE = 250


@pytest.fixture
async def topic(kafka: str) -> str:
    """A topic of four partitions."""
    name = f"{uuid.uuid4().hex}.ecg.samples"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 4, 1)])
    await admin.close()
    return name


def who(**more: object) -> m.Hello:
    return greeting(patient="bed-7", leads=["II", "V1"], rate=RATE, uv_per_lsb=5.0, **more)


async def read(kafka: str, topic: str, until: type) -> list[m.Message]:
    """What stands in the topic up to the first message of a type; all under one key."""
    found: list[m.Message] = []
    settings = {"bootstrap_servers": kafka, "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(topic, **settings) as consumer:
        while not found or not isinstance(found[-1], until):
            record = await consumer.getone()
            assert record.key == b"bed-7"
            found.append(wire.samples.read(record.value))
    return found


async def test_what_is_sent_stands_in_the_topic(kafka: str, topic: str):
    """HELLO, every sample in its place and order, GOODBYE; and the caller learns what is durable."""
    samples = np.random.default_rng(1).integers(-3000, 3000, (10 * RATE, 2)).astype(np.int16)
    durable: list[int] = []
    hello = who()
    async with KafkaDevice(kafka, hello, topic=topic, confirmed=durable.append) as device:
        for at in range(0, len(samples), 100):
            await device.send(samples[at : at + 100])
        await device.drain()
        assert durable[-1] == len(samples)
    first, *blocks, goodbye = await read(kafka, topic, m.Goodbye)
    assert first == hello
    assert goodbye.end == len(samples)
    assert [block.first for block in blocks] == list(range(0, len(samples), 100))
    found = np.concatenate([np.frombuffer(b.payload, "<i2").reshape(2, -1).T for b in blocks])
    assert np.array_equal(found, samples)
    assert durable == sorted(durable)


async def test_a_failure_says_no_goodbye(kafka: str, topic: str):
    """A device that breaks down looks like one."""

    async def break_down() -> None:
        async with KafkaDevice(kafka, who(), topic=topic) as device:
            await device.send(np.zeros((RATE, 2), np.int16))
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await break_down()
    async with KafkaDevice(kafka, who(session="next"), topic=topic):
        pass
    found = await read(kafka, topic, m.Goodbye)
    assert [type(message) for message in found] == [m.Hello, m.Block, m.Hello, m.Goodbye]
    assert found[-1].session == "next"


async def test_so_much_waits_and_no_more(kafka: str, topic: str, monkeypatch: pytest.MonkeyPatch):
    """A block beyond the window waits for the oldest one's confirmation."""
    monkeypatch.setattr(kafka_device, "WINDOW", 4)
    durable: list[int] = []
    async with KafkaDevice(kafka, who(), topic=topic, confirmed=durable.append) as device:
        for number in range(20):
            await device.send(np.zeros((RATE, 2), np.int16))
            assert number + 1 - len(durable) <= 4


async def test_a_description_that_breaks_the_protocol_is_refused():
    """Before anything is connected."""
    with pytest.raises(WireError, match="1000"):
        KafkaDevice("127.0.0.1:1", greeting(patient="p", leads=["I"], rate=9e9, uv_per_lsb=1.0))
