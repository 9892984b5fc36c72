"""A place in a topic on Kafka: some partitions, assigned by hand, read from where we say."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from stream.log.base import (
    LogClosed,
    LogCorrupt,
    LogUnavailable,
    OffsetAhead,
    OffsetExpired,
    Record,
)
from stream.log.kafka.connection import Connection
from stream.log.kafka.errors import typed

FETCH_WAIT_MS: Final = 250
"""A broker holds an empty fetch for so long; a seek takes effect when it has come back."""
LOOK_SECONDS: Final = 2.0
"""A poll that looks only once waits so long for what the broker says it has."""
CONTACT_SECONDS: Final = 1.0
"""A broker that has not answered a fetch for so long is away: well before a patient of whom nothing
comes is taken for silent (3 s), as a worker must not blame devices for it."""
LOG_APPEND_TIME: Final = 1

Bounds = Callable[[int], Awaitable[tuple[int, int]]]
"""Gives begin and end of a partition."""


class KafkaReader:
    """A position in partitions of one topic (see `Reader`)."""

    def __init__(
        self,
        connection: Connection,
        topic: str,
        positions: Mapping[int, int],
        bounds: Bounds,
        closed: Callable[["KafkaReader"], None],
    ) -> None:
        """Prepare; the first poll connects.

        Args:
            connection: where the cluster is.
            topic: of the house.
            positions: where to begin, by partition; others are not read.
            bounds: asks the broker what a partition holds.
            closed: told of the end of this reader.
        """
        self._connection = connection
        self._topic = topic
        self._positions = dict(positions)
        self._bounds = bounds
        self._told = closed
        self._consumer: AIOKafkaConsumer | None = None
        self._heard = 0.0
        self._closed = False

    async def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Return the next records, and step past them (see `Reader.poll`)."""
        if self._closed:
            raise LogClosed("the log is not open")
        try:
            consumer = await self._connected()
            found = await self._fetch(consumer, max_records, timeout_s)
        except OffsetOutOfRangeError as error:
            raise await self._out_of_range(error) from None
        except KafkaError as error:
            raise typed(error) from error
        if self._closed:
            raise LogClosed("the log was closed")
        if not found:
            await self._nothing(consumer)
        return [record for place, batch in found.items() for record in self._take(place, batch)]

    def seek(self, offset: int, partition: int = 0) -> None:
        """Go to `offset`; the next `poll` starts there."""
        self._check(partition)
        self._positions[partition] = offset
        if self._consumer is not None:
            self._consumer.seek(self._place(partition), offset)

    def position(self, partition: int = 0) -> int:
        """Give the offset that the next `poll` starts from."""
        self._check(partition)
        return self._positions[partition]

    async def close(self) -> None:
        """Disconnect; a poll that waits raises `LogClosed`."""
        self._closed = True
        self._told(self)
        if self._consumer is not None:
            # While no broker answers, aiokafka lets the cancelling of its own tasks escape.
            ending = asyncio.create_task(self._consumer.stop())
            await asyncio.gather(ending, return_exceptions=True)

    # ── Fetching ──────────────────────────────────────────────────────────────────────────────

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is not None:
            return self._consumer
        consumer = AIOKafkaConsumer(
            **self._connection.options(),
            enable_auto_commit=False,
            auto_offset_reset="none",  # a place that is gone is told, not jumped over
            fetch_max_wait_ms=FETCH_WAIT_MS,
            isolation_level="read_committed",  # other people's producers may use transactions
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        if self._closed:
            await consumer.stop()
            raise LogClosed("the log was closed")
        consumer.assign([self._place(partition) for partition in self._positions])
        for partition, offset in self._positions.items():
            consumer.seek(self._place(partition), offset)
        self._consumer, self._heard = consumer, time.time()
        return consumer

    async def _fetch(
        self, consumer: AIOKafkaConsumer, max_records: int, timeout_s: float
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        timeout_ms = round(timeout_s * 1000)
        found: dict[TopicPartition, list[ConsumerRecord]]
        found = await consumer.getmany(timeout_ms=timeout_ms, max_records=max_records)
        if timeout_ms or found or not await self._behind():
            return found
        found = await consumer.getmany(
            timeout_ms=round(LOOK_SECONDS * 1000), max_records=max_records
        )
        return found

    async def _behind(self) -> bool:
        """Whether the broker has more than was read.

        Raises:
            OffsetAhead: it has less.
            LogUnavailable: it does not answer.
        """
        behind = False
        for partition, position in self._positions.items():
            begin, end = await self._bounds(partition)
            if position > end:
                raise OffsetAhead(self._topic, partition, position, begin, end)
            behind = behind or position < end
        return behind

    async def _nothing(self, consumer: AIOKafkaConsumer) -> None:
        """A poll found nothing: step over what is no record, and see that a broker said so.

        Raises:
            LogUnavailable: none has answered for a while.
        """
        for partition in self._positions:
            place = self._place(partition)
            self._positions[partition] = await consumer.position(place)
            self._heard = max(self._heard, (consumer.last_poll_timestamp(place) or 0) / 1000)
        silent = time.time() - self._heard
        if silent > CONTACT_SECONDS:
            raise LogUnavailable(f"no Kafka broker has answered for {silent:.1f} s")

    async def _out_of_range(self, error: OffsetOutOfRangeError) -> Exception:
        """Which way the reader left the partition."""
        ((place, position),) = error.args[0].items()
        begin, end = await self._bounds(place.partition)
        kind = OffsetExpired if position < begin else OffsetAhead
        return kind(self._topic, place.partition, position, begin, end)

    # ── Records ───────────────────────────────────────────────────────────────────────────────

    def _take(self, place: TopicPartition, batch: list[Any]) -> list[Record]:
        """Records as the log gives them; steps past them.

        Raises:
            LogCorrupt: their times are their writers', not the log's.
        """
        if any(record.timestamp_type != LOG_APPEND_TIME for record in batch):
            setting = "message.timestamp.type=LogAppendTime"
            raise LogCorrupt(f"{place.topic} has its writers' clocks: it needs {setting}")
        self._heard = time.time()
        self._positions[place.partition] = batch[-1].offset + 1
        return [
            Record(
                self._topic,
                place.partition,
                record.offset,
                (record.key or b"").decode(errors="replace"),
                record.value or b"",
                record.timestamp,
            )
            for record in batch
        ]

    def _place(self, partition: int) -> TopicPartition:
        return TopicPartition(self._connection.topic(self._topic), partition)

    def _check(self, partition: int) -> None:
        if partition not in self._positions:
            raise ValueError(f"partition {partition}: this reader has {sorted(self._positions)}")
