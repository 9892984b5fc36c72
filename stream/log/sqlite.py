"""The embedded log: SQLite files in one folder, each written by one process and read by any.

`ingest.db` has what the gateway writes, `events.db` what the worker writes, so neither waits
for the other's commits. Reading crosses processes: a record is seen within about 10 ms.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

from stream.log import segments
from stream.log.base import (
    Entry,
    NotWritable,
    Record,
    Retention,
    Topic,
)
from stream.log.tail import Tail
from stream.log.writer import Clock, Connect, Writer, open_file, wall_clock

FILES: Final = MappingProxyType(
    {
        "ingest.db": (Topic.SAMPLES, Topic.COMMANDS),
        "events.db": (Topic.EVENTS, Topic.ALARMS, Topic.REJECTED),
    }
)
"""Which file has which topics."""

GATEWAY_WRITES: Final = frozenset(FILES["ingest.db"])
WORKER_WRITES: Final = frozenset(FILES["events.db"])


class SqliteReader:
    """A position in one topic (see `Reader`)."""

    def __init__(self, tail: Tail, topic: str, position: int) -> None:
        self._tail = tail
        self._topic = topic
        self._position = position

    async def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Return the next records, and step past them (see `Reader.poll`)."""
        topic, position = self._topic, self._position
        ask = self._tail.ask(
            lambda conn: segments.read(conn, topic, position, max_records), waits=timeout_s > 0
        )
        try:
            async with asyncio.timeout(timeout_s if timeout_s > 0 else None):
                records = await ask
        except TimeoutError:
            return []
        if records:
            self._position = records[-1].offset + 1
        return records

    def seek(self, offset: int, partition: int = 0) -> None:
        """Go to `offset`."""
        _only_partition(partition)
        self._position = offset

    def position(self, partition: int = 0) -> int:
        """Give the offset that the next `poll` starts from."""
        _only_partition(partition)
        return self._position

    async def close(self) -> None:
        """End reading; there is nothing to give back."""


class SqliteLog:
    """A `Log` in a folder."""

    def __init__(
        self,
        folder: Path,
        writes: frozenset[Topic] | frozenset[str] = frozenset(),
        retention: Mapping[str, Retention] = MappingProxyType({}),
        *,
        connect: Connect = open_file,
        clock: Clock = wall_clock,
    ) -> None:
        """Prepare; nothing is touched before `async with`.

        Args:
            folder: Where the files are or will be.
            writes: Topics that this process appends to; it becomes the only writer of the files
                these lie in. Empty for a log that only reads.
            retention: By topic; topics that are absent keep everything.
            connect: Opens a file for writing (tests look over its shoulder).
            clock: Unix time in ms.
        """
        self._folder = folder
        self._tails = {name: Tail(folder / name) for name in FILES}
        self._histories = {name: Tail(folder / name) for name in FILES}
        self._home = {str(topic): name for name, topics in FILES.items() for topic in topics}
        self._writes = frozenset(str(topic) for topic in writes)
        self._writers = {
            name: Writer(
                folder / name,
                {str(topic): retention.get(topic, Retention()) for topic in FILES[name]},
                written=self._tails[name].notify,
                connect=connect,
                clock=clock,
            )
            for name in sorted({self._file(topic) for topic in self._writes})
        }

    async def __aenter__(self) -> Self:
        """Open the files that we write; those that we read may come later."""
        try:
            for writer in self._writers.values():
                await writer.open()
        except BaseException:
            await self._close_writers()
            raise
        for tail in (*self._tails.values(), *self._histories.values()):
            tail.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Complete what was appended, then close."""
        await self._close_writers()
        for tail in (*self._tails.values(), *self._histories.values()):
            await tail.close()

    async def _close_writers(self) -> None:
        for writer in self._writers.values():
            await writer.close()

    async def append(self, topic: str, entries: Sequence[Entry]) -> int:
        """Write entries, durably (see `Log.append`)."""
        if topic not in self._writes:
            raise NotWritable(f"{topic} is not among the topics that this log writes")
        if not entries:
            raise ValueError("append needs at least one entry")
        return await self._writers[self._file(topic)].append(topic, entries)

    def reader(self, topic: str, position: int | Mapping[int, int] = 0) -> SqliteReader:
        """Make a reader that starts at `position`."""
        if isinstance(position, Mapping):
            for partition in position:
                _only_partition(partition)
            position = position.get(0, 0)
        return SqliteReader(self._tails[self._file(topic)], topic, position)

    def partition_of(self, topic: str, key: str) -> int:  # noqa: ARG002 - there is only one
        """Give the partition of a key."""
        self._file(topic)
        return 0

    async def partitions(self, topic: str) -> list[int]:
        """List the topic's partitions."""
        self._file(topic)
        return [0]

    async def begin(self, topic: str, partition: int = 0) -> int:
        """Give the offset of the oldest record kept."""
        return (await self._bounds(topic, partition))[0]

    async def end(self, topic: str, partition: int = 0) -> int:
        """Give the offset that the next record will get."""
        return (await self._bounds(topic, partition))[1]

    async def _bounds(self, topic: str, partition: int) -> tuple[int, int]:
        _only_partition(partition)
        tail = self._tails[self._file(topic)]
        return await tail.ask(lambda conn: segments.bounds(conn, topic))

    async def offset_at(self, topic: str, time_ms: int, partition: int = 0) -> int:
        """Give the offset of the first record of `time_ms` or later."""
        _only_partition(partition)
        tail = self._histories[self._file(topic)]
        return await tail.ask(lambda conn: segments.offset_at(conn, topic, time_ms))

    async def by_key(self, topic: str, key: str, from_offset: int, limit: int) -> list[Record]:
        """Read at most `limit` records of one key from `from_offset` on."""
        tail = self._histories[self._file(topic)]
        return await tail.ask(lambda conn: segments.read_key(conn, topic, key, from_offset, limit))

    def _file(self, topic: str) -> str:
        try:
            return self._home[topic]
        except KeyError:
            raise ValueError(f"unknown topic {topic!r}; known are {sorted(self._home)}") from None


def _only_partition(partition: int) -> None:
    if partition != 0:
        raise ValueError(f"partition {partition}: SQLite has only partition 0")
