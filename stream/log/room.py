"""The queue before the writer: appends on their way, and the bound on how much of them waits."""

import asyncio
from collections import deque
from collections.abc import Sequence

from stream.log.base import Entry, LogClosed
from stream.log.segments import RECORD_OVERHEAD


class Job:
    """One append on its way: its entries, and the future that its caller awaits."""

    __slots__ = ("done", "entries", "size", "topic")

    def __init__(self, topic: str, entries: Sequence[Entry], done: asyncio.Future[int]) -> None:
        self.topic = topic
        self.entries = entries
        self.done = done
        self.size = sum(len(entry.value) + len(entry.key) + RECORD_OVERHEAD for entry in entries)


class Room:
    """Bounds what is queued, in bytes, first come first served. Lives on the event loop."""

    def __init__(self, limit: int) -> None:
        self.free = limit
        self.limit = limit
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(not turn.done() for _, turn in self._waiting)

    async def take(self, size: int) -> None:
        """Wait until `size` fits; what is larger than all of it waits until all of it is free."""
        size = min(size, self.limit)
        if not self._waiting and size <= self.free:
            self.free -= size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give(size)
            raise

    def give(self, size: int) -> None:
        """Give back what was taken, and let in those whose turn it is."""
        self.free += min(size, self.limit)
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= self.free):
            size, turn = self._waiting.popleft()
            if not turn.done():
                self.free -= size
                turn.set_result(None)

    def close(self) -> None:
        """Send everybody away who still waits."""
        for _, turn in self._waiting:
            if not turn.done():
                turn.set_exception(LogClosed("the log was closed"))
