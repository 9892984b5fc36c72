"""The broker that the other tests rely on: real, and what it took outlives a stop and a kill."""

import asyncio
from itertools import pairwise

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from broker import Broker

pytestmark = pytest.mark.xdist_group("kafka")


async def write(address: str, value: bytes) -> int:
    """One record through a plain client; its offset."""
    async with AIOKafkaProducer(bootstrap_servers=address, acks="all") as producer:
        return int((await producer.send_and_wait("t", value)).offset)


async def read(address: str, count: int) -> list[bytes]:
    """The first records through a plain client."""
    settings = {"bootstrap_servers": address, "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer("t", **settings) as consumer:
        return [(await consumer.getone()).value for _ in range(count)]


def test_what_it_took_outlives_it(own_broker: Broker):
    """Ended in order or killed, it comes back on the same address with all it acknowledged."""

    async def create() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=own_broker.address)
        await admin.start()
        await admin.create_topics([NewTopic("t", 1, 1)])
        await admin.close()

    asyncio.run(create())
    offsets = [asyncio.run(write(own_broker.address, b"first"))]
    own_broker.stop()
    own_broker.start()
    offsets.append(asyncio.run(write(own_broker.address, b"second")))
    own_broker.kill()
    own_broker.start()
    offsets.append(asyncio.run(write(own_broker.address, b"third")))
    assert asyncio.run(read(own_broker.address, 3)) == [b"first", b"second", b"third"]
    assert all(a < b for a, b in pairwise(offsets))
