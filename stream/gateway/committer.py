"""Appends what all devices send in common appends, and reports to each what became durable.

One append for all blocks of GATHER_SECONDS, not one for each: they share the cost of a task and of
a commit. Several appends may be in flight; the log keeps their order, and reports go out in the
order of the appends.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from stream.gateway.metrics import Metrics
from stream.log import Entry, Log, LogError, Topic

GATHER_SECONDS: Final = 0.010
"""How long a block may wait for company. A thousand blocks a second of a hundred devices cost 313 µs
each when every turn of the loop appends what it has, and half of that at 10 ms; an alarm has 10 s."""

MAX_APPENDS: Final = 4
"""Appends in flight: enough that one is always on its way while others wait for their commit."""

MAX_BATCH: Final = 256
"""Entries in one append: their reports, some 6 µs each, are one turn of the loop."""

MAX_BYTES: Final = 128 << 20
"""Bytes accepted and not durable at which devices are no longer read (about 20 s of 4,000 devices
at 250 Hz with three leads)."""

DRAIN_SECONDS: Final = 2.0
"""What is not durable then was acknowledged to no device: they send it again."""

Report = Callable[[str], None]
"""Called once for each entry: with an empty text when it is durable, else with what failed."""

Waiting = tuple[Entry, Report]


class Committer:
    """Shared by all ingest connections of the process.

    Attributes:
        failure: why the last append failed, empty when it did not.
    """

    def __init__(self, log: Log, metrics: Metrics) -> None:
        self.failure = ""
        self._log = log
        self._metrics = metrics
        self._waiting: deque[Waiting] = deque()
        self._scheduled = False
        self._order: deque[tuple[asyncio.Task[str], list[Waiting]]] = deque()
        self._room = asyncio.Event()
        self._room.set()

    def add(self, entry: Entry, report: Report) -> None:
        """Take one entry; `report` is called when its fate is known, in the order of the calls."""
        self._waiting.append((entry, report))
        self._count(len(entry.value))
        self._schedule()

    @property
    def has_room(self) -> bool:
        """Whether devices may be read; if not, wait for `room`."""
        return self._room.is_set()

    async def room(self) -> None:
        """Wait until enough has become durable."""
        await self._room.wait()

    async def drain(self) -> None:
        """Wait until everything that was added has its report, but not for a log that is away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._waiting or self._order:
                    self._flush()
                    await asyncio.wait([task for task, _ in self._order])
                    await asyncio.sleep(0)  # the reports run in the turn after

    def _count(self, size: int) -> None:
        self._metrics.bytes_in_flight += size
        if self._metrics.bytes_in_flight < MAX_BYTES:
            self._room.set()
        else:
            self._room.clear()

    def _schedule(self) -> None:
        if self._waiting and not self._scheduled and len(self._order) < MAX_APPENDS:
            self._scheduled = True
            wait = 0.0 if len(self._waiting) >= MAX_BATCH else GATHER_SECONDS
            asyncio.get_running_loop().call_later(wait, self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        if not self._waiting or len(self._order) >= MAX_APPENDS:
            return
        size = min(len(self._waiting), MAX_BATCH)
        batch = [self._waiting.popleft() for _ in range(size)]
        self._order.append((self._start(batch), batch))
        self._schedule()

    def _start(self, batch: list[Waiting]) -> asyncio.Task[str]:
        loop = asyncio.get_running_loop()
        append = loop.create_task(self._append([e for e, _ in batch]))  # noqa: RUF006 - in _order
        append.add_done_callback(self._done)
        return append

    async def _append(self, entries: list[Entry]) -> str:
        """An empty text when the entries are durable, else why they are not."""
        try:
            await self._log.append(Topic.SAMPLES, entries)
        except LogError as error:
            self._metrics.commit_failures_total += 1
            self.failure = f"the log failed: {error}"
        else:
            self._metrics.commits_total += 1
            self.failure = ""
        return self.failure

    def _done(self, _: asyncio.Task[str]) -> None:
        """Report one append that is done; the next of the order gets a turn of its own."""
        if not self._order or not self._order[0][0].done():
            return
        append, batch = self._order.popleft()
        failure = "the gateway stops" if append.cancelled() else append.result()
        for taken, report in batch:
            self._count(-len(taken.value))
            report(failure)
        asyncio.get_running_loop().call_soon(self._done, append)
        self._schedule()
