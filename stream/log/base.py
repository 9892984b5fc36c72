"""The log: what every log of Beatwire can do, whichever system keeps it (SQLite, Kafka).

A log has topics; a topic has partitions; a partition is a sequence of records with contiguous,
rising offsets. Whoever writes calls `Log.append`; whoever reads holds a `Reader`, which is no
more than a position: reading removes nothing, and any number of readers stand where they like.

Positions and offsets: a position is the offset of the record that comes next, so a position
saved after processing record `n` is `n + 1`, and `begin == end` is an empty partition.
"""
# ruff: noqa: N818 - the errors are named as the log's users speak of them.

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

import msgspec


class Topic(StrEnum):
    """The topics of the house; the names are the same on Kafka."""

    SAMPLES = "ecg.samples"
    COMMANDS = "ecg.commands"
    EVENTS = "ecg.events"
    ALARMS = "ecg.alarms"
    REJECTED = "ecg.rejected"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What a writer hands in. Entries of one key keep their order.

    Attributes:
        key: What the entry is about, the patient; on Kafka it chooses the partition.
        value: The encoded message.
        id: Deterministic id of what happened, if a repetition is to be ignored (`Log.append`).
    """

    key: str
    value: bytes
    id: str | None = None


class Record(msgspec.Struct, frozen=True, gc=False):
    """What a reader gets: an entry in its place.

    Attributes:
        topic: The topic it was read from.
        partition: The partition; always 0 on SQLite.
        offset: Its place in the partition.
        key: As written.
        value: As written.
        time_ms: When the log took it, Unix time in ms; never falls within a partition on SQLite.
    """

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    time_ms: int


class Retention(msgspec.Struct, frozen=True):
    """How long a topic keeps its records; whole segments go, so a little more may stay.

    Attributes:
        max_age_s: Age in s from which a record may go; None keeps it whatever its age.
        max_bytes: Size from which the oldest go; None for no bound.
    """

    max_age_s: float | None = None
    max_bytes: int | None = None


class LogError(Exception):
    """The log cannot do what was asked; the subclasses say why."""


class LogClosed(LogError):
    """The log is not open (any more)."""


class LogUnavailable(LogError):
    """The log cannot be reached at present; it is sound, and trying again may succeed."""


class LogInUse(LogError):
    """Another process already writes this part of the log."""


class LogFull(LogError):
    """No space is left; nothing of the group was written; a later append may succeed."""


class LogReadOnly(LogError):
    """The log's medium refuses writes; nothing of the group was written."""


class LogCorrupt(LogError):
    """What is stored is not a log of this version, or it is damaged."""


class NotWritable(LogError):
    """This `Log` was not opened to write the topic."""


class OffsetOutOfRange(LogError):
    """A reader stands where no record is and none will come; it stays there until `seek`.

    Attributes:
        topic, partition: Where.
        position: Where the reader stands.
        begin, end: What the partition holds: begin <= offset < end.
    """

    def __init__(self, topic: str, partition: int, position: int, begin: int, end: int) -> None:
        super().__init__(
            f"{topic}[{partition}]: position {position} is outside of [{begin}, {end}]"
        )
        self.topic = topic
        self.partition = partition
        self.position = position
        self.begin = begin
        self.end = end


class OffsetExpired(OffsetOutOfRange):
    """Retention dropped what the reader wanted: records [position, begin) are lost to it."""


class OffsetAhead(OffsetOutOfRange):
    """The position lies past the end: this is not the log that the position was taken from."""


class Reader(Protocol):
    """A place in a topic. Belongs to one task: one `poll` at a time."""

    async def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Return the next records, and step past them.

        Args:
            max_records: At most so many; at least 1.
            timeout_s: Wait at most so long, in s, for the first; 0 looks only once.

        Returns:
            As soon as there is at least one: in rising offset within a partition. Empty after
            `timeout`. Cancelling loses nothing: the position moves only on return.

        Raises:
            OffsetExpired: retention overtook the reader. `seek(error.begin)` to go on, and
                account for the records between.
            OffsetAhead: the position lies past the end.
            LogUnavailable: the log cannot be reached (Kafka); the position stays.
            LogCorrupt: the records carry their writers' times (a topic that was made wrongly).
            LogClosed: the log or this reader was closed.
        """
        ...

    def seek(self, offset: int, partition: int = 0) -> None:
        """Go to `offset`; the next `poll` starts there."""
        ...

    def position(self, partition: int = 0) -> int:
        """Give the offset that the next `poll` starts from.

        On Kafka a transaction's mark takes an offset too: positions may rise by more than records.
        """
        ...

    async def close(self) -> None:
        """End reading, as on Kafka a reader holds connections; closing the log does it too."""
        ...


class Log(Protocol):
    """A durable, ordered, partitioned log of keyed messages; the same contract on every system.

    Open and close it as an async context manager. All calls are made on the event loop that
    opened it; none of them blocks that loop.
    """

    async def __aenter__(self) -> Self:
        """Open.

        Raises:
            LogUnavailable: no broker answers.
            LogInUse: another process writes what this one wants to write.
            LogCorrupt: what is there was written by a newer version or is no log.
        """
        ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close: what was appended is completed first; polls that wait raise `LogClosed`."""
        ...

    async def append(self, topic: str, entries: Sequence[Entry]) -> int:
        """Write entries, durably: they survive a crash of the machine once this returns.

        Concurrent appends share commits, in the order of the calls. When the log cannot keep up,
        or no broker answers, this waits (back-pressure). An entry whose id is in the topic already is ignored: SQLite
        knows the ids of all records of small topics and of the newest 100 MB and more of large
        ones; Kafka ignores none, so consumers must take a repetition for what it is there.
        A cancelled append may or may not have been written.

        Returns:
            An offset at or above that of every entry of this call that has the last entry's
            key (on SQLite: of every entry).

        Raises:
            ValueError: no entries.
            NotWritable: the topic is not one of those this log writes.
            LogFull, LogReadOnly, LogCorrupt, LogError: nothing of this call was written; on Kafka
                some may have been.
            LogClosed: the log was closed; on Kafka, while no broker answered, as above.
        """
        ...

    def reader(self, topic: str, position: int | Mapping[int, int] = 0) -> Reader:
        """Make a reader that starts at `position`: of partition 0, or by partition.

        It reads the partitions that are named, and no others.
        """
        ...

    def partition_of(self, topic: str, key: str) -> int:
        """Give the partition that has a key's records: 0 on SQLite, by Kafka's own hash there.

        All topics have as many partitions, so it is the same one in each.
        """
        ...

    async def partitions(self, topic: str) -> list[int]:
        """List the topic's partitions; `[0]` on SQLite."""
        ...

    async def begin(self, topic: str, partition: int = 0) -> int:
        """Give the offset of the oldest record kept; equals `end` when there is none."""
        ...

    async def end(self, topic: str, partition: int = 0) -> int:
        """Give the offset that the next record will get."""
        ...

    async def offset_at(self, topic: str, time_ms: int, partition: int = 0) -> int:
        """Give the offset of the first record with `Record.time_ms` >= `time_ms`, or `end`."""
        ...

    async def by_key(self, topic: str, key: str, from_offset: int, limit: int) -> list[Record]:
        """Read at most `limit` records of one key from `from_offset` on, oldest first.

        An index serves this on SQLite; Kafka scans the key's partition. Records that retention
        dropped are absent: compare with `begin` where that matters. For a stretch of time,
        start from `offset_at`.
        """
        ...
