"""A subscription: what it remembers (pure), and the asyncio shell that yields its events."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncGenerator, Hashable, Sequence
from random import Random
from typing import Final

from websockets.asyncio.client import ClientConnection

from client import link
from client.backoff import Backoff
from client.errors import RefusedError
from client.session import HEARTBEAT, LASTING, SILENCE
from ecg import messages as m
from ecg.errors import WireError
from ecg.wire import from_subscriber, pack, to_subscriber

PATH: Final = "/v1/subscribe"

MEMORY: Final = 1 << 16
"""Keys of each kind remembered for deduplication. A worker that crashed repeats at most its last
10 s (DESIGN, checkpoints): 12 000 beats of 1000 patients; five times that, and 6 MiB a kind."""

Item = m.Snapshot | m.Event | m.Problem
"""What a subscriber sees: the snapshot, events, and problems that do not end it."""


class Memory:
    """The last `size` keys, to tell what was seen."""

    def __init__(self, size: int = MEMORY) -> None:
        self._size = size
        self._keys: dict[Hashable, None] = {}  # insertion order makes it a queue

    def seen(self, key: Hashable) -> bool:
        """Whether `key` was asked for before; from now on it was."""
        if key in self._keys:
            return True
        if len(self._keys) >= self._size:
            del self._keys[next(iter(self._keys))]
        self._keys[key] = None
        return False


class Subscription:
    """One subscription over any number of connections, pure.

    Delivery is at least once; here it becomes once, by the key that each kind of event has (alarms:
    id and update_no; beats, vitals, blocks: patient, session, sample index). Gaps always pass.

    Args:
        channels: of `alarms`, `beats`, `vitals`, `waveform`.
        patients, units: none of both means all.
        after: cursor to resume after; empty: from now.
        receiver: name as an alarm receiver; empty: it is none.
        memory: keys remembered of each kind.

    Attributes:
        cursor: of the last event; where the next connection resumes.

    Raises:
        WireError: the subscription breaks the protocol.
    """

    def __init__(
        self,
        channels: Sequence[str],
        *,
        patients: Sequence[str] = (),
        units: Sequence[str] = (),
        after: str = "",
        receiver: str = "",
        memory: int = MEMORY,
    ) -> None:
        self.cursor = after
        self.receiver = receiver
        self._channels = tuple(channels)
        self._patients = tuple(patients)
        self._units = tuple(units)
        self._memories: dict[type[m.Message], Memory] = {
            kind: Memory(memory) for kind in (m.Alarm, m.Beat, m.Vitals, m.Block, m.CommandDone)
        }
        from_subscriber.decode(self.greeting())

    def greeting(self) -> bytes:
        """The frame that opens a connection."""
        return pack(
            m.Subscribe(
                channels=self._channels,
                patients=self._patients,
                units=self._units,
                after=self.cursor,
                receiver=self.receiver,
            )
        )

    def confirmation(self, item: Item) -> list[bytes]:
        """The frames that confirm the alarms of an item; none when there is nothing to confirm."""
        alarms: tuple[m.Message, ...] = ()
        if isinstance(item, m.Snapshot):
            alarms = item.alarms
        elif isinstance(item, m.Event):
            alarms = (item.event,)
        taken = [
            m.Taken(alarm.id, alarm.update_no) for alarm in alarms if isinstance(alarm, m.Alarm)
        ]
        if not self.receiver:
            return []
        starts = range(0, len(taken), m.MAX_TAKEN)
        return [pack(m.Confirm(alarms=tuple(taken[i : i + m.MAX_TAKEN]))) for i in starts]

    def received(self, frame: bytes | str) -> Item | None:
        """What a frame brings; None for a heartbeat or something seen before.

        Raises:
            WireError: the gateway breaks the protocol; close the connection.
            RefusedError: it will not take this subscription, now or later.
        """
        message: Item | m.Heartbeat = to_subscriber.decode(frame)
        match message:
            case m.Event():
                self.cursor = message.cursor or self.cursor
                return message if self._is_news(message.event) else None
            case m.Snapshot():
                self.cursor = message.cursor  # what follows lies after it, even if ours expired
                return message
            case m.Problem():
                if message.fatal and message.code in LASTING:
                    raise RefusedError(message)
                return message
        return None

    def _is_news(self, event: m.Message) -> bool:
        memory = self._memories.get(type(event))
        return memory is None or not memory.seen(_key(event))


def _key(event: m.Message) -> Hashable:
    match event:
        case m.Alarm():
            return event.id, event.update_no
        case m.Beat() | m.Vitals():
            return event.patient, event.session, event.sample
        case m.Block():
            return event.patient, event.session, event.first
        case m.CommandDone():
            return event.id
    raise TypeError(f"{type(event).__name__} has no key")


class Subscriber:
    """Events of many patients, over reconnects, each once.

        async for item in Subscriber(url, channels=["alarms", "beats"]):
            match item: ...

    The first item is the `Snapshot` of active and latched alarms; one comes again after each
    reconnect. A consumer that is slow slows the gateway, which may close; then this resumes from
    the last cursor. It ends only by `RefusedError`, or when the consumer stops.

    With `receiver` it declares itself an alarm receiver: when it does not confirm an alarm within 5 s,
    everyone else who sees the patient is told (DELIVERY_FAIL), also while it is away. An item is
    confirmed when the consumer asks for the next one; one that stops in the middle confirms nothing.

    Args:
        url: of the server, e.g. `ws://127.0.0.1:8000`.
        channels: of `alarms`, `beats`, `vitals`, `waveform`.
        patients, units: none of both means all.
        after: cursor (`Event.cursor`) to resume after; empty: from now.
        receiver: name as an alarm receiver, unique among them; empty: it is none.
        manual: the consumer confirms by itself, with `confirm`.
        token: credential, sent in the Authorization header.
        backoff: when to reconnect.

    Attributes:
        connected: whether the gateway has answered on the present connection.

    Raises:
        WireError: the subscription breaks the protocol.
        ValueError: `url` is none.
    """

    def __init__(
        self,
        url: str,
        *,
        channels: Sequence[str] = ("alarms",),
        patients: Sequence[str] = (),
        units: Sequence[str] = (),
        after: str = "",
        receiver: str = "",
        manual: bool = False,
        token: str = "",
        backoff: Backoff = Backoff(),  # noqa: B008 - frozen
    ) -> None:
        self.subscription: Final = Subscription(
            channels, patients=patients, units=units, after=after, receiver=receiver
        )
        self._manual = manual
        self._socket: ClientConnection | None = None
        self.connected = False
        self._url = link.websocket_url(url, PATH)
        self._token = token
        self._backoff = backoff
        self._failures = 0

    @property
    def cursor(self) -> str:
        """Where to resume (`after`) so as to miss nothing."""
        return self.subscription.cursor

    async def confirm(self, item: Item) -> bool:
        """Confirm the alarms of an item, as an alarm receiver that does so by itself (`manual`).

        Returns:
            False when there is no connection: confirm what the next snapshot shows.
        """
        try:
            for frame in self.subscription.confirmation(item):
                if self._socket is None:
                    return False
                await self._socket.send(frame)
        except link.FAILURES:
            return False
        return True

    async def __aiter__(self) -> AsyncGenerator[Item]:
        """Items until the consumer stops.

        One generator: of nested ones a consumer that breaks off leaves the inner to the event loop,
        which closes them while the outer one does, and complains.

        Raises:
            RefusedError: the gateway will not take this subscription.
        """
        dice = Random(uuid.uuid4().int)  # noqa: S311 - jitter, no secret
        while True:
            try:
                async with link.connect_to(self._url, self._token) as socket:
                    beating = await self._greet(socket)
                    try:
                        while True:
                            item = await self._receive(socket)
                            if item is not None:
                                yield item
                                await self._taken(item)
                    finally:
                        self.connected, self._socket = False, None
                        beating.cancel()
            except (WireError, *link.FAILURES) as error:
                if problem := link.refusal(error):
                    raise RefusedError(problem) from error
            self._failures += 1
            await asyncio.sleep(self._backoff.delay(self._failures, dice))

    async def _greet(self, socket: ClientConnection) -> asyncio.Task[None]:
        """Subscribe; gives the task of the heartbeats."""
        await socket.send(self.subscription.greeting())
        self._socket = socket
        return asyncio.create_task(_beat(socket))

    async def _receive(self, socket: ClientConnection) -> Item | None:
        """What the next frame brings, if anything."""
        # Silence counts while we listen, not while the consumer works.
        async with asyncio.timeout(SILENCE):
            frame = await socket.recv()
        item = self.subscription.received(frame)
        if isinstance(item, m.Snapshot):
            self.connected = True
        if not isinstance(item, m.Problem):
            self._failures = 0
        return item

    async def _taken(self, item: Item) -> None:
        """The consumer asks for the next item."""
        if not self._manual:
            await self.confirm(item)


async def _beat(socket: ClientConnection) -> None:
    """The heartbeat that tells the gateway that we live, even while the consumer is busy."""
    with contextlib.suppress(*link.FAILURES):
        while True:
            await socket.send(pack(m.Heartbeat(time=time.time())))
            await asyncio.sleep(HEARTBEAT)
