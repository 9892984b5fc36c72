"""A gateway after the letter of the protocol, pure; and a real socket around it, for the clients."""

import asyncio
from collections import defaultdict, deque
from contextlib import asynccontextmanager

import numpy as np
from websockets.asyncio.server import ServerConnection, serve

from ecg import messages as m
from ecg.errors import WireError
from ecg.wire import from_device, pack


def truth(first: int, count: int, leads: int = 1) -> np.ndarray:
    """Samples that tell their own index: int16 (count, leads)."""
    index = np.arange(first, first + count, dtype=np.int64)[:, None]
    return ((index * 7919 + np.arange(leads) * 31) % 60013 - 30000).astype(np.int16)


def samples_of(block: m.Block) -> np.ndarray:
    """A block's payload as int16 (n, leads): lead-major, little-endian (PROTOCOL)."""
    return np.frombuffer(block.payload, "<i2").reshape(len(block.leads), -1).T


class Peer:
    """The gateway's side of one connection: what came, and what is not yet durable."""

    def __init__(self, gateway: "ModelGateway") -> None:
        self.gateway = gateway
        self.hello: m.Hello | None = None
        self.pending: deque[m.Message] = deque()
        self.heartbeats = 0
        self.left = False

    def receive(self, frame: bytes) -> list[m.Message]:
        """Take one frame; returns the answers."""
        message = from_device.decode(frame)
        if isinstance(message, m.Heartbeat):
            self.heartbeats += 1
            return []
        if self.hello is None:
            assert isinstance(message, m.Hello), "HELLO comes first"
            self.hello = message
            durable = self.gateway.durable[message.session]
            return [m.Welcome(durable=durable, credit=self.gateway.credit)]
        assert not self.left, "nothing follows GOODBYE"
        assert message.session == self.hello.session
        self.pending.append(message)
        blocks = [p for p in self.pending if isinstance(p, m.Block)]
        assert len(blocks) <= self.gateway.credit, "more in flight than the credit"
        self.left = isinstance(message, m.Goodbye)
        return []

    def settle(self, count: int) -> list[m.Message]:
        """Make the oldest `count` messages durable; returns the ACK."""
        for _ in range(min(count, len(self.pending))):
            self.gateway.append(self.pending.popleft())
        if self.hello is None:
            return []
        session = self.hello.session
        durable = self.gateway.durable[session]
        return [m.Ack(session=session, durable=durable, credit=self.gateway.credit)]


class ModelGateway:
    """The durable log and what is known of it."""

    def __init__(self, credit: int = 4) -> None:
        self.credit = credit
        self.log: list[m.Message] = []
        self.durable: dict[str, int] = defaultdict(int)
        self.samples: dict[str, dict[int, tuple[int, ...]]] = defaultdict(dict)
        """Samples by session and index, in the order in which each index became durable."""

    def append(self, message: m.Message) -> None:
        """Write to the durable log."""
        self.log.append(message)
        if isinstance(message, m.Block):
            self.durable[message.session] = max(self.durable[message.session], message.end)
            stored = self.samples[message.session]
            for index, row in enumerate(samples_of(message).tolist(), message.first):
                assert stored.setdefault(index, tuple(row)) == tuple(row), "a duplicate differs"

    @property
    def blocks(self) -> list[m.Block]:
        return [message for message in self.log if isinstance(message, m.Block)]

    @property
    def goodbyes(self) -> list[m.Goodbye]:
        return [message for message in self.log if isinstance(message, m.Goodbye)]


class GatewayServer:
    """`ModelGateway` on a loopback socket; can cut a connection after a number of blocks.

    Attributes:
        cuts: blocks after which each next connection is cut, without an acknowledgement.
        headers: request headers of each connection.
    """

    def __init__(self, gateway: ModelGateway) -> None:
        self.gateway = gateway
        self.cuts: list[int] = []
        self.headers: list[dict[str, str]] = []
        self.problem: m.Problem | None = None
        self.mute = False
        self.url = ""

    async def handle(self, socket: ServerConnection) -> None:
        """Serve one device."""
        self.headers.append(dict(socket.request.headers.raw_items()))
        peer = Peer(self.gateway)
        cut = self.cuts.pop(0) if self.cuts else None
        seen = 0
        async for frame in socket:
            try:
                answers = peer.receive(frame)
            except WireError as error:
                answers = [m.Problem(code=error.code, text=error.text, field=error.field)]
            if self.problem is not None:
                answers = [self.problem]
            seen += bool(peer.pending)
            if cut is not None and seen >= cut:
                socket.transport.abort()
                return
            if not self.mute:
                await self._answer(socket, [*answers, *peer.settle(len(peer.pending))])
            if peer.left:
                await socket.close()

    async def _answer(self, socket: ServerConnection, messages: list[m.Message]) -> None:
        for message in messages:
            await socket.send(pack(message))
            if isinstance(message, m.Problem) and message.fatal:
                await socket.close(4400)


@asynccontextmanager
async def serving(gateway: ModelGateway):
    """A running `GatewayServer`."""
    server = GatewayServer(gateway)
    async with serve(server.handle, "127.0.0.1", 0, compression=None) as listener:
        server.url = f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with asyncio.timeout(30):
            yield server
