"""A device on Kafka: its blocks go straight to the sample log, and no gateway is needed.

    who = greeting(patient="bed-7", leads=["II"], rate=250, uv_per_lsb=5.0)
    async with KafkaDevice("broker:9092", who) as device:
        await device.send(samples)  # int16, (n, leads)

What a gateway would refuse is left out by the worker and told in `ecg.rejected` (docs/kafka.md).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError
from numpy.typing import NDArray

from client.cutter import Cutter
from ecg import messages as m
from ecg import wire

TOPIC: Final = "ecg.samples"
WINDOW: Final = 64
"""Blocks that may wait for their confirmation; then `send` waits, for as long as brokers are away."""
NO_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType({})


class KafkaDevice:
    """Streams one patient's samples to a Kafka cluster.

    Leaving the block waits until brokers have confirmed everything, GOODBYE included; leaving it by
    an exception does not wait.

    Args:
        servers: host:port, or several with commas between.
        hello: who streams what (`client.greeting`).
        topic: with the house's prefix, if it has one.
        flags: of every block, e.g. `demo`.
        options: more arguments of aiokafka's producer: TLS, credentials.
        confirmed: is told the index up to which every sample is durable.

    Raises:
        WireError: the description breaks the protocol.
    """

    def __init__(
        self,
        servers: str,
        hello: m.Hello,
        *,
        topic: str = TOPIC,
        flags: tuple[str, ...] = (),
        options: Mapping[str, Any] = NO_OPTIONS,
        confirmed: Callable[[int], object] = lambda _: None,
    ) -> None:
        wire.samples.decode(wire.pack(hello))
        self._hello = hello
        self._topic = topic
        self._options = {"bootstrap_servers": servers, "client_id": hello.device.id, **options}
        self._cutter = Cutter(hello, flags)
        self._confirmed = confirmed
        self._waiting: deque[tuple[asyncio.Future[Any], int]] = deque()
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        """Connect and say HELLO.

        Raises:
            KafkaConnectionError: no broker answers.
        """
        # Idempotent: what a broker did not confirm is repeated, and still stands there once.
        self._producer = AIOKafkaProducer(**self._options, enable_idempotence=True)
        try:
            await self._producer.start()
            await self._put(self._hello, 0)
        except BaseException:
            await self._producer.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._producer is not None
        try:
            if kind is None:
                self._cutter.give_up()
                end = self._cutter.next
                await self._put(self._goodbye(end), end)
                await self.drain()
        finally:
            await self._producer.stop()

    async def send(
        self,
        samples: NDArray[np.int16],
        *,
        first: int | None = None,
        device_time: float | None = None,
        lead_off: Iterable[m.LeadOff] = (),
        pace: Iterable[int] = (),
    ) -> None:
        """Send samples (`Cutter.cut` describes them); waits while too much is not confirmed.

        Raises:
            KafkaError: the cluster refused a block.
            TypeError, ValueError: the samples do not suit the session.
        """
        cut = self._cutter.cut(
            samples, first=first, device_time=device_time, lead_off=lead_off, pace=pace
        )
        for block in cut.blocks:
            await self._put(block, block.end)

    async def drain(self) -> None:
        """Wait until everything sent is confirmed; less than 20 ms may still wait for more.

        Raises:
            KafkaError: the cluster refused a block.
        """
        while self._waiting:
            await self._oldest()

    async def _put(self, message: m.Hello | m.Block | m.Goodbye, end: int) -> None:
        assert self._producer is not None
        key, value = self._hello.patient.id.encode(), wire.pack(message)
        future: asyncio.Future[Any] | None = None
        while future is None:
            with contextlib.suppress(KafkaTimeoutError):  # brokers are away: nothing was taken
                future = await self._producer.send(self._topic, value, key=key)
        self._waiting.append((future, end))
        while len(self._waiting) > WINDOW or (self._waiting and self._waiting[0][0].done()):
            await self._oldest()

    async def _oldest(self) -> None:
        future, end = self._waiting.popleft()
        await future
        self._confirmed(end)

    def _goodbye(self, end: int) -> m.Goodbye:
        hello = self._hello
        return m.Goodbye(patient=hello.patient.id, session=hello.session, end=end, reason="end")
