"""A real gateway on a loopback port, and small clients for it; used by the gateway's tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from ecg import messages as m
from ecg import wire
from ecg.types import BeatClass, Lead, Priority
from stream.config import Settings
from stream.gateway.app import create_app
from stream.gateway.ingest import uvicorn_options
from stream.log import Entry, SqliteLog, Topic
from stream.log.sqlite import GATEWAY_WRITES, WORKER_WRITES
from stream.store import Store

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
    store = store or Store(folder / "store.db")
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
        store.close()


def ask(
    folder: Path, method: str, path: str, *, settings: dict[str, Any] | None = None, **request: Any
) -> httpx.Response:
    """One request to a fresh gateway."""

    async def scene() -> httpx.Response:
        async with (
            gateway(folder, **settings or {}) as server,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client,
        ):
            return await client.request(method, path, **request)

    return asyncio.run(scene())


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


@asynccontextmanager
async def subscriber(
    server: Server,
    *channels: str,
    text: bool = False,
    after: str = "",
    max_queue: int = 16,
    **asked: Any,
) -> AsyncIterator[Peer]:
    """A subscriber's connection, its SUBSCRIBE sent."""
    url = f"ws://127.0.0.1:{server.port}/v1/subscribe"
    options: dict[str, Any] = {"compression": None, "max_size": None, "max_queue": max_queue}
    async with connect(url, close_timeout=0.1, **options) as socket:
        peer = Peer(socket, wire.to_subscriber, text=text)
        await peer.send(m.Subscribe(channels=channels, after=after, **asked))
        yield peer


class Worker:
    """Writes events to the log, as a worker does."""

    def __init__(self, log: SqliteLog) -> None:
        self.log = log

    async def publish(self, *events: Any) -> None:
        """Append events, each to its topic, in order; durable when it returns."""
        for event in events:
            topic = Topic.ALARMS if isinstance(event, m.Alarm) else Topic.EVENTS
            await self.log.append(topic, [Entry(event.patient, wire.pack(event))])

    async def events(self, *events: Any) -> None:
        """Append many other events at once."""
        await self.log.append(Topic.EVENTS, [Entry(e.patient, wire.pack(e)) for e in events])

    async def batch(self, *alarms: m.Alarm) -> None:
        """Append many alarms at once."""
        await self.log.append(Topic.ALARMS, [Entry(a.patient, wire.pack(a)) for a in alarms])


@asynccontextmanager
async def worker(folder: Path) -> AsyncIterator[Worker]:
    """A worker's side of the log."""
    async with SqliteLog(folder, WORKER_WRITES) as log:
        yield Worker(log)


def beat(sample: int, patient: str = "p1") -> m.Beat:
    """A normal beat."""
    return m.Beat(
        patient=patient,
        session="s1",
        sample=sample,
        time=sample / RATE,
        label=BeatClass.N,
        probabilities=(1.0, 0.0, 0.0, 0.0, 0.0),
        rr=0.8,
        quality=1.0,
        model="test",
    )


def vitals(sample: int, patient: str = "p1", unit: str = "") -> m.Vitals:
    """Vitals of a sinus rhythm."""
    return m.Vitals(
        patient=patient,
        session="s1",
        sample=sample,
        time=sample / RATE,
        heart_rate=75.0,
        v_per_minute=0.0,
        rhythm="sinus",
        quality=1.0,
        unit=unit,
    )


def alarm(sample: int, update_no: int = 0, patient: str = "p1", **more: Any) -> m.Alarm:
    """A tachycardia."""
    fields: dict[str, Any] = {
        "id": f"{patient}.s1.VTACH.{sample}",
        "update_no": update_no,
        "phase": "start" if update_no == 0 else "update",
        "state": "active",
        "patient": patient,
        "session": "s1",
        "kind": "VTACH",
        "priority": Priority.HIGH,
        "text": "Ventricular tachycardia",
        "code": 199832,
        "onset_sample": sample,
        "onset_time": sample / RATE,
        "detected_sample": sample,
        "detected_time": sample / RATE,
    }
    return m.Alarm(**fields | more)


async def stored(folder: Path, topic: str = "ecg.samples") -> list[Any]:
    """Everything that a log holds, decoded."""
    codec = wire.samples if topic == "ecg.samples" else wire.commands
    async with SqliteLog(folder) as log:
        reader, found = log.reader(topic), []
        while records := await reader.poll(1000, 0.0):
            found += [codec.decode(record.value) for record in records]
        return found


async def count_of(server: Server, name: str) -> int:
    """One of the gateway's metrics."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        lines = (await client.get("/metrics")).text.splitlines()
    return int(
        next(line.split()[1] for line in lines if line.startswith(f"beatwire_gateway_{name} "))
    )
