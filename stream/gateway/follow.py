"""Follows the live end of a topic, in those partitions of which somebody wants to know."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from stream.gateway.turns import Turn
from stream.gateway.vital import vital
from stream.log import Log, LogError, OffsetAhead, OffsetExpired, Reader, Record

PAGE: Final = 256
"""Records a poll: small, so that one poll's decoding stays far below 5 ms."""
POLL_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 0.5
"""Between two attempts while the log fails."""

_log = logging.getLogger("beatwire.gateway")


class Follower:
    """Reads some partitions of a topic for ever.

    Args:
        log: to read from.
        topic: of it.
        take: given each record, once the position stands behind it.
        positions: what comes next, by followed partition; the caller's, kept up to date here.
    """

    def __init__(
        self, log: Log, topic: str, take: Callable[[Record], None], positions: dict[int, int]
    ) -> None:
        self._log = log
        self._topic = topic
        self._take = take
        self._positions = positions
        self._task: asyncio.Task[None] | None = None

    async def cover(self, partitions: frozenset[int]) -> None:
        """Follow these and no others; one that was not followed begins at its end.

        One call at a time.
        """
        if partitions == self._positions.keys():
            return
        ends = {
            partition: await self._log.end(self._topic, partition)
            for partition in partitions - self._positions.keys()
        }
        await self.stop()
        for partition in self._positions.keys() - partitions:
            del self._positions[partition]
        self._positions |= ends
        if partitions:
            self._task = vital(self._follow())

    async def stop(self) -> None:
        """Follow nothing any more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self) -> None:
        reader = self._log.reader(self._topic, self._positions)
        try:
            while True:
                turn = Turn()
                for record in await self._poll(reader):
                    self._positions[record.partition] = record.offset + 1
                    self._take(record)
                    await turn.rest()
        finally:
            await reader.close()

    async def _poll(self, reader: Reader) -> list[Record]:
        """The next records; a place that the log no longer has, or not yet, is left."""
        try:
            return await reader.poll(PAGE, POLL_SECONDS)
        except OffsetExpired as error:
            _log.warning("%s: %d records lost to us", error, error.begin - error.position)
            reader.seek(error.begin, error.partition)
        except OffsetAhead as error:
            reader.seek(error.end, error.partition)
        except LogError as error:
            await pause(error)
        return []


async def pause(error: LogError) -> None:
    """Say that the log fails, and wait until it is worth another attempt."""
    _log.warning("%s", error)
    await asyncio.sleep(AWAY_SECONDS)
