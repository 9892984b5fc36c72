"""From a cursor to the live end: what a subscriber missed, read from the log and merged by time."""

from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from ecg import messages as m
from stream.gateway.cursor import Cursor
from stream.gateway.fanout import CHANNEL_OF, Delivery, Subscription
from stream.gateway.follow import pause
from stream.gateway.hub import Hub, readable
from stream.log import LogUnavailable, Record

PAGE: Final = 256
POLL_SECONDS: Final = 1.0


class Stretch:
    """One topic between a cursor, which it moves, and the hub's."""

    def __init__(self, hub: Hub, topic: str, cursor: Cursor) -> None:
        self._hub = hub
        self._topic = topic
        self._at = cursor.positions[topic]
        self._reader = hub.log.reader(topic, self._at)
        self._records: deque[Record] = deque()

    async def head(self) -> Record | None:
        """The next record, None at the hub's position."""
        while not self._records and self._behind():
            await self._read()
        return self._records[0] if self._records else None

    def pop(self) -> None:
        """Step over the head."""
        record = self._records.popleft()
        self._at[record.partition] = record.offset + 1

    def close(self) -> None:
        """Read no more."""
        self._hub.release(self._reader)

    def _behind(self) -> bool:
        live = self._hub.cursor.positions[self._topic]
        return any(at < live.get(partition, 0) for partition, at in self._at.items())

    async def _read(self) -> None:
        """Take a page; the reader stays before what the hub has yet to hand out."""
        page: list[Record] = []
        try:
            page = await self._reader.poll(PAGE, POLL_SECONDS)
        except LogUnavailable as error:  # it will come back, and so will this
            await pause(error)
        live = self._hub.cursor.positions[self._topic]
        for record in reversed(page):
            if record.offset >= live.get(record.partition, 0):
                self._reader.seek(record.offset, record.partition)
            else:
                self._records.appendleft(record)


async def replay(hub: Hub, subscription: Subscription, cursor: Cursor) -> AsyncIterator[Delivery]:
    """Yield what the subscription wants of everything between `cursor` and the hub's live end.

    When it ends, `cursor` has reached the hub's, and no other task has run since: attach at once,
    and nothing is missed or repeated.

    Raises:
        OffsetExpired: retention dropped what comes after `cursor`.
        OffsetAhead: `cursor` is not of this log.
    """
    stretches = [Stretch(hub, topic, cursor) for topic in cursor.positions]
    try:
        while not cursor.reaches(hub.cursor):
            heads = [(await stretch.head(), stretch) for stretch in stretches]
            found = [(record, stretch) for record, stretch in heads if record is not None]
            if not found:
                continue
            record, stretch = min(found, key=lambda pair: pair[0].time_ms)
            stretch.pop()
            delivery = _delivery(hub, subscription, record, cursor)
            if delivery is not None:
                yield delivery
    finally:
        for stretch in stretches:
            stretch.close()


def _delivery(
    hub: Hub, subscription: Subscription, record: Record, cursor: Cursor
) -> Delivery | None:
    event = readable(record)
    if event is None:
        return None
    unit = getattr(event, "unit", "") or hub.fanout.unit(record.key)
    if not subscription.wants(CHANNEL_OF[type(event)], record.key, unit):
        return None
    return Delivery(m.Event(cursor=cursor.encode(), event=event))
