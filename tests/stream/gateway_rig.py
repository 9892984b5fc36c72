"""A real gateway on a loopback port, and small clients for it; used by the gateway's tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from ecg import messages as m
from ecg import wire
from ecg.types import Lead
from stream.config import Settings
from stream.gateway.app import create_app
from stream.gateway.ingest import uvicorn_options
from stream.log import SqliteLog
from stream.log.sqlite import GATEWAY_WRITES

RATE = 250.0
COUNT = 50


class Server(uvicorn.Server):
    """A server that says when it is up, and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        self.up.set()

    def capture_signals(self) -> Any:
        """Leave them to pytest."""
        return nullcontext()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.servers[0].sockets[0].getsockname()[1]


@asynccontextmanager
async def gateway(
    folder: Path, *, log: Any = None, store: Any = None, **settings: Any
) -> AsyncIterator[Server]:
    """A running gateway on `folder`; its app is `server.config.app`."""
    log = log or SqliteLog(folder, GATEWAY_WRITES)
    app = create_app(Settings(folder=folder, **settings), log, store)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", **uvicorn_options())
    server = Server(config)
    running = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(server.up.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        yield server
    finally:
        waiting.cancel()
        server.should_exit = True
        await running


def hello(patient: str = "p1", session: str = "s1", **more: Any) -> m.Hello:
    """A HELLO of one lead at 250 Hz."""
    fields: dict[str, Any] = {
        "device": m.DeviceInfo("dev-" + patient),
        "session": session,
        "patient": m.Patient(patient),
        "rate": RATE,
        "leads": (Lead.II,),
        "uv_per_lsb": (5.0,),
    }
    return m.Hello(**fields | more)


def block(seq: int = 0, patient: str = "p1", session: str = "s1", **more: Any) -> m.Block:
    """Block number `seq` of COUNT samples that follow one another."""
    fields: dict[str, Any] = {
        "patient": patient,
        "session": session,
        "seq": seq,
        "first": seq * COUNT,
        "rate": RATE,
        "leads": (Lead.II,),
        "uv_per_lsb": (5.0,),
        "payload": bytes([seq % 256, 0]) * COUNT,
    }
    return m.Block(**fields | more)


def goodbye(end: int, patient: str = "p1", session: str = "s1") -> m.Goodbye:
    """The end of a session."""
    return m.Goodbye(patient=patient, session=session, end=end, reason="off")


class Peer:
    """A WebSocket client that speaks the protocol in either encoding."""

    def __init__(self, socket: ClientConnection, codec: wire.Codec, *, text: bool) -> None:
        self.socket = socket
        self._codec = codec
        self._text = text

    async def send(self, *messages: m.Message) -> None:
        """Send messages."""
        for message in messages:
            text = wire.to_json(message).decode() if self._text else None
            await self.socket.send(text or wire.pack(message))

    async def receive(self) -> Any:
        """The next message that is not a heartbeat."""
        while True:
            frame = await self.socket.recv()
            assert isinstance(frame, str) == self._text
            message = self._codec.decode(frame)
            if not isinstance(message, m.Heartbeat):
                return message

    async def durable(self, end: int) -> m.Ack:
        """Wait for the ACK that covers `end`."""
        while True:
            ack = await self.receive()
            if ack.durable >= end:
                return ack

    async def closed(self) -> int:
        """Wait for the close; gives its code."""
        with contextlib.suppress(Exception):
            while True:
                await self.socket.recv()
        return self.socket.close_code or 0


@asynccontextmanager
async def device(server: Server, *, text: bool = False, **options: Any) -> AsyncIterator[Peer]:
    """A device's connection."""
    url = f"ws://127.0.0.1:{server.port}/v1/ingest"
    async with connect(url, compression=None, **options) as socket:
        yield Peer(socket, wire.to_device, text=text)


async def stored(folder: Path, topic: str = "ecg.samples") -> list[Any]:
    """Everything that a log holds, decoded."""
    codec = wire.samples if topic == "ecg.samples" else wire.commands
    async with SqliteLog(folder) as log:
        reader, found = log.reader(topic), []
        while records := await reader.poll(1000, 0.0):
            found += [codec.decode(record.value) for record in records]
        return found
