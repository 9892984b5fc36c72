"""`WS /v1/ingest`: the thin shell around the machine of device.py.

One reader and one writer for each connection. The reader decodes a frame once and hands it to the
machine; what the machine wants appended goes to the committer that all connections share; what it
wants sent goes to a bounded outbox, which the writer empties.
"""

import asyncio
import itertools
import time
from collections import deque
from typing import Any, Final

from fastapi import WebSocket, WebSocketDisconnect

from ecg import messages as m
from ecg import wire
from ecg.errors import WireError
from stream.config import Settings
from stream.gateway.access import is_foreign
from stream.gateway.codes import Close
from stream.gateway.committer import Committer
from stream.gateway.device import DeviceConnection, State
from stream.gateway.instructions import Append, Instruction, Send, Shut, Terms
from stream.gateway.metrics import Metrics
from stream.gateway.pressure import Pressure
from stream.gateway.sessions import Sessions
from stream.gateway.watchdogs import Watchdogs
from stream.log import Entry

TICK_SECONDS: Final = 0.5
CLOSE_TICKS: Final = 10
"""A device that does not read has 5 s to take its last message."""

MAX_ALARMS: Final = 64
"""Alarms that wait for a device that does not read; then the oldest goes."""

MAX_FRAME_BYTES: Final = 2 * m.MAX_MESSAGE_BYTES
"""Above the protocol's limit, so that a frame a little too large still gets a typed error."""


def uvicorn_options() -> dict[str, Any]:
    """What a uvicorn server needs to be told for this gateway.

    permessage-deflate costs 28 µs a chunk and ECG hardly shrinks; pings are replaced by the
    protocol's own heartbeat, which browsers can send too; a read is paused while a message waits.
    """
    return {
        "ws": "websockets-sansio",
        "ws_max_size": MAX_FRAME_BYTES,
        "ws_per_message_deflate": False,
        "ws_ping_interval": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": 5,
    }


class Ingest:
    """All device connections of the process."""

    def __init__(
        self,
        settings: Settings,
        committer: Committer,
        pressure: Pressure,
        watchdogs: Watchdogs,
        metrics: Metrics,
    ) -> None:
        self.terms = Terms(settings.token, settings.credit, settings.hold_seconds)
        self.sessions = Sessions()
        self.committer = committer
        self.pressure = pressure
        self.watchdogs = watchdogs
        self.metrics = metrics
        self.connections: dict[int, Connection] = {}
        self._limit = settings.max_connections
        self._origins = settings.origins
        self._numbers = itertools.count(1)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection until it ends."""
        if is_foreign(socket.headers, self._origins):
            await socket.close()  # before it is accepted: HTTP 403
            return
        await socket.accept()
        if len(self.connections) >= self._limit:
            await _turn_away(socket, self._limit)
            return
        connection = Connection(self, socket, next(self._numbers))
        self.connections[connection.machine.number] = connection
        self.metrics.devices = len(self.connections)
        try:
            await connection.run()
        finally:
            connection.machine.lost()
            del self.connections[connection.machine.number]
            self.metrics.devices = len(self.connections)

    def tell(self, alarm: m.Alarm) -> None:
        """Let the patient's own device know of an alarm, if it is connected to us."""
        connection = self.connections.get(self.sessions.speaker(alarm.patient))
        if connection is not None:
            connection.tell(alarm)


async def _turn_away(socket: WebSocket, limit: int) -> None:
    text = "too many devices are connected"
    problem = m.Problem(code="too_many_connections", text=text, limit=f"{limit} devices")
    await socket.send_text(wire.to_json(problem).decode())
    await socket.close(Close.UNAVAILABLE, "unavailable")


class Connection:
    """One device's connection: performs what its machine decides."""

    def __init__(self, ingest: Ingest, socket: WebSocket, number: int) -> None:
        self._ingest = ingest
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._outbox: dict[type, m.Message | Shut] = {}
        self._alarms: deque[m.Alarm] = deque(maxlen=MAX_ALARMS)
        self._wake = asyncio.Event()
        self._text = False
        self.machine = DeviceConnection(
            number, ingest.terms, ingest.sessions, self._loop.time(), bearer(socket)
        )
        self._closing_ticks = 0
        self._writer = self._loop.create_task(self._write())
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick)

    async def run(self) -> None:
        """Read, write and tick until either side closes."""
        tasks = [asyncio.create_task(self._read()), self._writer]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._timer.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def tell(self, alarm: m.Alarm) -> None:
        """Let the device know of an alarm."""
        self._perform(self.machine.alarm(alarm))

    # ── In ────────────────────────────────────────────────────────────────────────────────────

    async def _read(self) -> None:
        committer = self._ingest.committer
        while True:
            event = await self._socket.receive()
            if event["type"] != "websocket.receive":
                return
            frame = event.get("bytes")
            self._frame(event["text"] if frame is None else frame)
            if not committer.has_room:
                await committer.room()
                self.machine.hear(self._loop.time())

    def _frame(self, frame: bytes | str) -> None:
        greeting = self.machine.hello is None
        if greeting:
            self._text = isinstance(frame, str)
        try:
            message = wire.from_device.decode(frame)
        except WireError as error:
            self._perform(self.machine.reject(error))
            return
        self._perform(self.machine.receive(message, self._loop.time()))
        if greeting and self.machine.hello is not None:
            for alarm in self._ingest.watchdogs.standing_of(self.machine.hello.patient.id):
                self.tell(alarm)

    # ── What the machine decides ──────────────────────────────────────────────────────────────

    def _perform(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Append(message):
                    self._append(message)
                case Send(message):
                    self._put(message)
                case Shut(code):
                    self._ingest.metrics.rejected_total += code == Close.INVALID
                    self._put(instruction)
                case _:
                    self._supersede(instruction.connection)

    def _append(self, message: m.Hello | m.Block | m.Goodbye) -> None:
        patient = message.patient if isinstance(message.patient, str) else message.patient.id
        if isinstance(message, m.Block):
            self._ingest.metrics.blocks_total += 1
            self._ingest.metrics.samples_total += len(message.payload) // 2
            self._ingest.watchdogs.monitor.block(message, self._loop.time())
        self._ingest.committer.add(Entry(patient, wire.pack(message)), self._report)

    def _report(self, failure: str) -> None:
        """One append has become durable, or failed."""
        if failure:
            self._perform(self.machine.failed(failure))
        else:
            self._perform(self.machine.appended(1, self._loop.time(), self._lag))

    @property
    def _lag(self) -> float:
        """Seconds by which the analysis of our patient is behind."""
        hello = self.machine.hello
        return 0.0 if hello is None else self._ingest.pressure.lag(hello.patient.id)

    def _supersede(self, number: int) -> None:
        older = self._ingest.connections.get(number)
        if older is not None:
            self._ingest.metrics.superseded_total += 1
            older._perform(older.machine.superseded())  # noqa: SLF001 - another of our own kind

    def _tick(self) -> None:
        now = self._loop.time()
        if not self._ingest.committer.has_room:
            self.machine.hear(now)
        self._perform(self.machine.tick(now, time.time(), self._lag))
        self._closing_ticks += self.machine.state is State.CLOSED
        if self._closing_ticks > CLOSE_TICKS:
            self._writer.cancel()
            return
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick)

    # ── Out ───────────────────────────────────────────────────────────────────────────────────

    def _put(self, item: m.Message | Shut) -> None:
        """Keep the newest of each kind: ACKs are cumulative, so a slow reader misses nothing."""
        if isinstance(item, m.Alarm):
            self._alarms.append(item)
        else:
            self._outbox[type(item)] = item
        self._wake.set()

    async def _write(self) -> None:
        try:
            while True:
                while self._outbox or self._alarms:
                    if not await self._deliver(self._next()):
                        return
                self._wake.clear()
                await self._wake.wait()
        except (WebSocketDisconnect, RuntimeError):
            return  # the device is gone; what it sent is appended all the same

    def _next(self) -> m.Message | Shut:
        """What to send next: alarms last, since WELCOME comes before them."""
        if self._outbox:
            return self._outbox.pop(next(iter(self._outbox)))
        return self._alarms.popleft()

    async def _deliver(self, item: m.Message | Shut) -> bool:
        """Send one message; False after a close."""
        if isinstance(item, Shut):
            await self._socket.close(item.code, item.code.name.lower())
            return False
        if self._text:
            await self._socket.send_text(wire.to_json(item).decode())
        else:
            await self._socket.send_bytes(wire.pack(item))
        return True


def bearer(socket: WebSocket) -> str:
    """The credential of the Authorization header, empty when there is none."""
    scheme, _, credential = socket.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""
