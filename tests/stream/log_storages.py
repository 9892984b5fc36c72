"""Where logs live in tests: what the contract needs to know of each implementation."""

import asyncio
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from stream.config import Settings
from stream.log import Log, SqliteLog, Topic
from stream.log.chosen import retention
from stream.log.kafka import Connection, KafkaLog, topics

ALL: Final = frozenset(Topic)
START: Final = "import asyncio\nfrom pathlib import Path\nfrom stream.log import *\n"


class Storage(Protocol):
    """A place that any number of logs share, as processes would."""

    ignores_repeated_ids: bool
    now_ms: int

    def log(self, writes: frozenset[Topic] = ALL) -> Log:
        """Make another log on this storage, as another process would."""
        ...

    def child(self, code: str) -> list[str]:
        """Give the command that runs `code` in another process with `make()` at hand."""
        ...

    def is_now(self, time_ms: int) -> bool:
        """Whether this is the present time of the storage."""
        ...


@dataclass
class SqliteStorage:
    """A folder, with a clock of its own."""

    folder: Path
    ignores_repeated_ids: bool = True
    now_ms: int = 1_000_000

    def log(self, writes: frozenset[Topic] = ALL) -> Log:
        return SqliteLog(self.folder, writes, clock=lambda: self.now_ms)

    def child(self, code: str) -> list[str]:
        make = f"def make(*w): return SqliteLog(Path({str(self.folder)!r}), frozenset(w))\n"
        return [sys.executable, "-c", START + make + code]

    def is_now(self, time_ms: int) -> bool:
        return time_ms == self.now_ms


@dataclass
class KafkaStorage:
    """Topics of one partition, or more, under a prefix of their own; the clock is the broker's."""

    address: str
    partitions: int = 1
    ignores_repeated_ids: bool = False
    now_ms: int = 0
    connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = Connection(self.address, prefix=f"{uuid.uuid4().hex}.")
        asyncio.run(topics.create(self.connection, retention(Settings()), self.partitions))

    def log(self, writes: frozenset[Topic] = ALL) -> KafkaLog:
        return KafkaLog(self.connection, writes)

    def child(self, code: str) -> list[str]:
        make = (
            "from stream.log.kafka import *\n"
            f"def make(*w): return KafkaLog({self.connection!r}, frozenset(w))\n"
        )
        return [sys.executable, "-c", START + make + code]

    def is_now(self, time_ms: int) -> bool:
        return abs(time.time() * 1000 - time_ms) < 60_000
