"""The one producer of a process: appends in the order of the calls, each record exactly once.

Serial `send_and_wait` gives 2,000 records a second where batches give 60,000, so an append hands
all its records over and then waits for them together, while the next one hands over its own.

An idempotent producer repeats what a broker did not confirm, under numbers by which a broker knows
a repetition. While brokers are away this goes on for as long as it takes: appends wait, and what
they wait with is theirs, so nothing here grows but one batch for each partition.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from stream.log.base import LogClosed, LogUnavailable
from stream.log.kafka.connection import Connection
from stream.log.kafka.errors import typed

MAX_RECORD_BYTES: Final = 2 << 20
"""An alarm with its strip may have 1 MiB, and a request has a head; topics are made to match."""
MAX_BATCH_BYTES: Final = 256 << 10
"""What waits for one partition while a request is under way; then appends wait."""
RETRY_SECONDS: Final = 0.5
CLOSE_SECONDS: Final = 3.0
"""How long each step of closing waits when no broker answers: for what was appended, for the producer,
for its sender."""

Send = tuple[int, bytes, bytes]
"""Partition, key and value."""

_log = logging.getLogger(__name__)


class Writer:
    """Appends to topics of a cluster. Used on the event loop that opened it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producer: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[int]] = set()
        self._open = False
        self._broken = False

    async def open(self, patience_s: float) -> None:
        """Connect.

        Raises:
            LogUnavailable: no broker answered for `patience_s` seconds.
        """
        self._producer = await self._start(patience_s)
        self._open = True

    async def close(self) -> None:
        """Complete what was appended; give it up when no broker takes it in time."""
        if not self._open:
            return
        self._open = False
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
        given_up = [task for task in self._tasks if task.cancel()]
        if given_up:
            _log.error("closed without an answer to %d appends", len(given_up))
            await asyncio.wait(given_up)
        if self._producer is not None:
            await _end(self._producer)

    async def append(self, topic: str, sends: Sequence[Send]) -> int:
        """Write records, and wait until all replicas in sync have them; the last one's offset.

        Raises:
            LogClosed: not open, or closed before a broker answered.
            LogError: at least one was refused; others may have been written.
        """
        if not self._open:
            raise LogClosed("the log is not open")
        task = asyncio.create_task(self._append(topic, sends))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await task
        except asyncio.CancelledError:
            if self._open or not task.cancelled():
                raise
            raise LogClosed("the log was closed while no broker answered") from None

    async def _append(self, topic: str, sends: Sequence[Send]) -> int:
        async with self._turn:
            futures = await self._hand_over(topic, sends)
        try:
            for future in futures:
                last = await future
        except KafkaError as error:
            self._broken = True  # its numbers no longer match the broker's
            raise typed(error) from error
        finally:
            _forget(futures)
        return int(last.offset)

    async def _hand_over(self, topic: str, sends: Sequence[Send]) -> list[asyncio.Future[Any]]:
        """Put records into the producer's batches."""
        if self._broken:
            await self._renew()
        futures: list[asyncio.Future[Any]] = []
        try:
            for partition, key, value in sends:
                futures.append(await self._send(topic, partition, key, value))
        except KafkaError as error:
            self._broken = True
            _forget(futures)
            raise typed(error) from error
        return futures

    async def _send(
        self, topic: str, partition: int, key: bytes, value: bytes
    ) -> asyncio.Future[Any]:
        """One record into its partition's batch; waits for as long as the batch is full."""
        assert self._producer is not None
        while True:
            with contextlib.suppress(KafkaTimeoutError):  # full all the while: nothing was added
                sent: asyncio.Future[Any] = await self._producer.send(
                    topic, value, key=key, partition=partition
                )
                return sent

    async def _renew(self) -> None:
        """Go on with a new producer, once a broker refused something of the last one's."""
        assert self._producer is not None
        _log.warning("the broker refused a batch: going on with a new producer")
        await _end(self._producer)
        self._producer = await self._start(float("inf"))
        self._broken = False

    async def _start(self, patience_s: float) -> AIOKafkaProducer:
        loop = asyncio.get_running_loop()
        end = loop.time() + patience_s
        while True:
            producer = AIOKafkaProducer(
                **self._connection.options(),
                enable_idempotence=True,  # acks of all replicas in sync go with it
                max_batch_size=MAX_BATCH_BYTES,
                max_request_size=MAX_RECORD_BYTES,
            )
            try:
                await producer.start()
            except KafkaConnectionError:
                await producer.stop()
                if loop.time() > end:
                    text = f"no Kafka broker answers at {self._connection.servers}"
                    raise LogUnavailable(text) from None
                await asyncio.sleep(RETRY_SECONDS)
            except BaseException:
                await producer.stop()
                raise
            else:
                return producer


def _forget(futures: Sequence[asyncio.Future[Any]]) -> None:
    """Nobody waits for these any more: asyncio need not complain of errors that nobody saw."""
    for future in futures:
        future.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _end(producer: AIOKafkaProducer) -> None:
    """Stop a producer, even one that still waits for a broker to confirm something."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await producer.stop()
    except TimeoutError:
        # stop() has no end while no broker answers; a sender left behind would write late.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await producer._sender.close()  # noqa: SLF001 - there is no other way
        await producer.client.close()
