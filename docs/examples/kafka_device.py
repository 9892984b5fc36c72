"""A device with nothing but a Kafka client: `python kafka_device.py HOST:PORT PATIENT [PREFIX]`.

Sends 60 s of a square wave that no heart ever made, in JSON, one block each second of signal. What
a block must be stands in docs/kafka.md. Not a medical device.
"""

import asyncio
import base64
import json
import struct
import sys
import uuid

from aiokafka import AIOKafkaProducer

RATE = 250


async def main(servers: str, patient: str, prefix: str = "") -> None:
    """Send and leave."""
    second = [200 if 100 <= i < 110 else 0 for i in range(RATE)]  # int16, 5 µV each
    block = {
        "type": "block",
        "v": 1,
        "patient": patient,
        "session": uuid.uuid4().hex,  # new for each start of the sample counter
        "rate": RATE,
        "leads": ["II"],
        "uv_per_lsb": [5.0],
        "payload": base64.b64encode(struct.pack(f"<{RATE}h", *second)).decode(),
    }
    async with AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True) as producer:
        for number in range(60):
            place = {"seq": number, "first": number * RATE}
            value = json.dumps(block | place).encode()
            await producer.send(f"{prefix}ecg.samples", value, key=patient.encode())
        await producer.flush()


asyncio.run(main(*sys.argv[1:]))
