"""Print what Beatwire finds: `python kafka_consumer.py HOST:PORT [PREFIX]`. Not a medical device."""

import asyncio
import sys

import msgspec
from aiokafka import AIOKafkaConsumer


async def main(servers: str, prefix: str = "") -> None:
    """Follow events and alarms from the oldest that are kept."""
    topics = (f"{prefix}ecg.events", f"{prefix}ecg.alarms")
    start = {"bootstrap_servers": servers, "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(*topics, **start) as consumer:
        async for record in consumer:
            kind, version, *fields = msgspec.msgpack.decode(record.value)
            if version == 1:
                print(record.key.decode(), kind, *fields, flush=True)


asyncio.run(main(*sys.argv[1:]))
