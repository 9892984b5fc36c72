"""The bounded ring of unacknowledged blocks: nothing leaves it unseen."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple


class Entry(NamedTuple):
    """One encoded block: samples `first` to `end` of a session, `seconds` long."""

    first: int
    end: int
    seconds: float
    frame: bytes


class Ring:
    """Encoded blocks in index order, oldest first; the first `in_flight` are on the wire.

    Args:
        max_seconds: signal that it may hold.
        max_bytes: encoded bytes that it may hold.

    Attributes:
        in_flight: blocks sent on this connection and not acknowledged.
    """

    def __init__(self, max_seconds: float, max_bytes: int) -> None:
        self.in_flight = 0
        self.seconds = 0.0
        self.bytes = 0
        self._max_seconds = max_seconds
        self._max_bytes = max_bytes
        self._entries: deque[Entry] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def fits(self, seconds: float, size: int) -> bool:
        """Whether a block of `seconds` and `size` bytes would push nothing out."""
        return not self._entries or (
            self.seconds + seconds <= self._max_seconds and self.bytes + size <= self._max_bytes
        )

    def push(self, entry: Entry) -> Iterator[Entry]:
        """Add the newest block.

        Yields:
            Every block that had to give way; the caller must consume them all.
        """
        while not self.fits(entry.seconds, len(entry.frame)):
            yield self._evict()
        self._add(entry)

    def acknowledge(self, durable: int) -> None:
        """Forget the blocks that lie wholly below sample index `durable`."""
        while self._entries and self._entries[0].end <= durable:
            self._remove(0)

    def take(self, window: int) -> list[bytes]:
        """Frames to send now so that no more than `window` blocks are in flight."""
        frames = []
        while self.in_flight < min(window, len(self._entries)):
            frames.append(self._entries[self.in_flight].frame)
            self.in_flight += 1
        return frames

    def rewind(self) -> None:
        """The connection is gone: everything must be sent again."""
        self.in_flight = 0

    def _evict(self) -> Entry:
        """The oldest that is not on the wire: what is on the wire has most likely arrived."""
        return self._remove(self.in_flight if self.in_flight < len(self._entries) else 0)

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self.seconds += entry.seconds
        self.bytes += len(entry.frame)

    def _remove(self, position: int) -> Entry:
        entry = self._entries[position]
        del self._entries[position]
        self.in_flight -= position < self.in_flight
        self.bytes -= len(entry.frame)
        # An empty ring is exactly empty: a running float sum would keep its rounding for ever.
        self.seconds = self.seconds - entry.seconds if self._entries else 0.0
        return entry
