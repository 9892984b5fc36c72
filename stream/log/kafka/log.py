"""The log on Kafka (see `Log`): what `writer` and `reader` are to the topics of a cluster."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from stream.log.base import (
    Entry,
    LogClosed,
    LogError,
    LogUnavailable,
    NotWritable,
    Record,
    Topic,
)
from stream.log.kafka import topics
from stream.log.kafka.connection import Connection
from stream.log.kafka.errors import typed
from stream.log.kafka.reader import KafkaReader
from stream.log.kafka.writer import Writer

PATIENCE_SECONDS: Final = 30.0
"""How long opening waits for a broker: houses start their parts in any order."""
ASK_SECONDS: Final = 10.0
SCAN: Final = 1024
"""Records of a poll that looks for those of one key."""
POLL_SECONDS: Final = 0.5
SCAN_SECONDS: Final = 30.0

T = TypeVar("T")


@lru_cache(maxsize=1 << 16)
def place(key: str, partitions: int) -> int:
    """The partition of a key, as every Kafka client's default partitioner has it (murmur2)."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % partitions


class KafkaLog:
    """A `Log` on a cluster. Repetitions are for consumers to ignore; none are ignored here."""

    def __init__(
        self,
        connection: Connection,
        writes: frozenset[Topic] | frozenset[str] = frozenset(),
        *,
        patience_s: float = PATIENCE_SECONDS,
    ) -> None:
        """Prepare; nothing is connected before `async with`.

        Args:
            connection: where the cluster is.
            writes: topics that this process appends to.
            patience_s: how long opening waits for a broker.
        """
        self._connection = connection
        self._writes = frozenset(str(topic) for topic in writes)
        self._patience_s = patience_s
        self._counts: dict[str, int] = {}
        self._readers: set[KafkaReader] = set()
        self._writer: Writer | None = None
        self._asker: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            LogUnavailable: no broker answers.
            LogError: a topic is not there.
        """
        writer = Writer(self._connection)
        await writer.open(self._patience_s)
        self._writer = writer
        try:
            self._counts = await self._find_topics()
            self._asker = AIOKafkaConsumer(
                **self._connection.options(),
                enable_auto_commit=False,
                isolation_level="read_committed",  # as the readers: the same end
            )
            await self._asker.start()
        except KafkaError as error:
            await self._close()
            raise typed(error) from error
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Complete what was appended, then close."""
        await self._close()

    async def _close(self) -> None:
        if self._writer is not None:
            await self._writer.close()
        for reader in list(self._readers):
            await reader.close()
        asker, self._asker = self._asker, None
        if asker is not None:
            await asker.stop()

    async def _find_topics(self) -> dict[str, int]:
        """How many partitions each topic has."""
        found = await topics.found(self._connection)
        if missing := [topic.value for topic in Topic if topic not in found]:
            text = f"no topic {', '.join(missing)} at {self._connection.servers}"
            raise LogError(f"{text}: `beatwire topics create` makes them")
        return {topic: state.partitions for topic, state in found.items()}

    # ── Writing ───────────────────────────────────────────────────────────────────────────────

    async def append(self, topic: str, entries: Sequence[Entry]) -> int:
        """Write entries, durably (see `Log.append`)."""
        if topic not in self._writes:
            raise NotWritable(f"{topic} is not among the topics that this log writes")
        if not entries:
            raise ValueError("append needs at least one entry")
        if self._writer is None:
            raise LogClosed("the log is not open")
        count = self._counts[topic]
        sends = [(place(e.key, count), e.key.encode(), e.value) for e in entries]
        return await self._writer.append(self._connection.topic(topic), sends)

    # ── Reading ───────────────────────────────────────────────────────────────────────────────

    def reader(self, topic: str, position: int | Mapping[int, int] = 0) -> KafkaReader:
        """Make a reader that starts at `position`."""
        positions = position if isinstance(position, Mapping) else {0: position}
        for partition in positions:
            self._check(topic, partition)

        async def bounds(partition: int) -> tuple[int, int]:
            return await self.begin(topic, partition), await self.end(topic, partition)

        reader = KafkaReader(self._connection, str(topic), positions, bounds, self._readers.discard)
        self._readers.add(reader)
        return reader

    async def by_key(self, topic: str, key: str, from_offset: int, limit: int) -> list[Record]:
        """Read at most `limit` records of one key from `from_offset` on, by looking at all."""
        partition = self.partition_of(topic, key)
        end = await self.end(topic, partition)
        begin = max(from_offset, await self.begin(topic, partition))
        found: list[Record] = []
        reader = self.reader(topic, {partition: begin})
        try:
            async with asyncio.timeout(SCAN_SECONDS):
                while len(found) < limit and reader.position(partition) < end:
                    page = await reader.poll(SCAN, POLL_SECONDS)
                    found += [r for r in page if r.key == key and r.offset < end]
        except TimeoutError:
            raise LogUnavailable(f"{topic}: no end of reading after {SCAN_SECONDS:g} s") from None
        finally:
            await reader.close()
        return found[:limit]

    # ── Asking ────────────────────────────────────────────────────────────────────────────────

    def partition_of(self, topic: str, key: str) -> int:
        """The partition that has a key's records."""
        self._check(topic, 0)
        return place(key, self._counts[topic])

    async def partitions(self, topic: str) -> list[int]:
        """List the topic's partitions."""
        self._check(topic, 0)
        return list(range(self._counts[topic]))

    async def begin(self, topic: str, partition: int = 0) -> int:
        """Give the offset of the oldest record kept."""
        at = self._at(topic, partition)
        return int((await self._ask(self._consumer().beginning_offsets([at])))[at])

    async def end(self, topic: str, partition: int = 0) -> int:
        """Give the offset that the next record will get."""
        at = self._at(topic, partition)
        return int((await self._ask(self._consumer().end_offsets([at])))[at])

    async def offset_at(self, topic: str, time_ms: int, partition: int = 0) -> int:
        """Give the offset of the first record of `time_ms` or later."""
        at = self._at(topic, partition)
        found = (await self._ask(self._consumer().offsets_for_times({at: time_ms})))[at]
        return await self.end(topic, partition) if found is None else int(found.offset)

    async def _ask(self, answer: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await answer
        except TimeoutError:
            raise LogUnavailable(f"no Kafka broker answered within {ASK_SECONDS:g} s") from None
        except KafkaError as error:
            raise typed(error) from error

    def _consumer(self) -> Any:
        if self._asker is None:
            raise LogClosed("the log is not open")
        return self._asker

    def _at(self, topic: str, partition: int) -> TopicPartition:
        self._consumer()
        self._check(topic, partition)
        return TopicPartition(self._connection.topic(topic), partition)

    def _check(self, topic: str, partition: int) -> None:
        if topic not in self._counts:
            raise ValueError(f"unknown topic {topic!r}; known are {sorted(self._counts)}")
        if not 0 <= partition < self._counts[topic]:
            raise ValueError(f"partition {partition}: {topic} has {self._counts[topic]}")
