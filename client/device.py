"""A device in asyncio: the socket and the clock around client/session.py, and nothing else."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection

from client import link
from client.errors import RefusedError, UndeliveredError
from client.greeting import greeting
from client.session import HEARTBEAT, DeviceSession, State
from client.session_events import Buffer, Event, Refused, Silent
from ecg import messages as m
from ecg.errors import WireError

PATH: Final = "/v1/ingest"

MIN_PULSE: Final = 0.01
"""Seconds between two looks at the deadlines, at least: one that the writer, stuck, lets pass must not
make the loop spin."""


class Device:
    """Streams one patient's samples; reconnects for ever by itself.

        async with Device(url, patient="bed-7", leads=["II"], rate=250, uv_per_lsb=5.0) as device:
            await device.send(samples)  # int16, (n, leads)

    Leaving the block waits until everything is acknowledged, then says goodbye; leaving it by an
    exception only closes, which the gateway reads as a failure.

    Args:
        url: of the server, e.g. `ws://127.0.0.1:8000`.
        patient: a pseudonym, or a full description.
        leads: standard names, or `unknown`.
        rate: nominal sampling frequency, 125 to 1000 Hz.
        uv_per_lsb: microvolts per digital unit, one for all leads or one for each.
        device: id or description of the device.
        session: new for each reset of the sample counter; by default one for each object.
        location: unit and bed.
        token: credential, sent in the Authorization header.
        flags: of every block, e.g. `demo`.
        buffer: bounds of what may wait for its acknowledgement.
        listener: is told every event, in the event loop; for metrics and logs.

    Raises:
        WireError: the description breaks the protocol.
        ValueError: `url` is none.
    """

    def __init__(
        self,
        url: str,
        *,
        patient: str | m.Patient,
        leads: Sequence[str],
        rate: float,
        uv_per_lsb: float | Sequence[float],
        device: str | m.DeviceInfo = "beatwire-sdk",
        session: str = "",
        location: m.Location = m.Location(),  # noqa: B008 - frozen
        token: str = "",
        flags: tuple[str, ...] = (),
        buffer: Buffer = Buffer(),  # noqa: B008 - frozen
        listener: Callable[[Event], None] | None = None,
    ) -> None:
        hello = greeting(
            patient=patient,
            leads=leads,
            rate=rate,
            uv_per_lsb=uv_per_lsb,
            device=device,
            session=session,
            location=location,
        )
        self.session: Final = DeviceSession(hello, flags=flags, buffer=buffer)
        self._url = link.websocket_url(url, PATH)
        self._token = token
        self._listener = listener
        self._wake = asyncio.Event()
        self._progress = asyncio.Event()
        self._refused: m.Problem | None = None
        self._task: asyncio.Task[None] | None = None
        self._epoch = 0.0

    async def __aenter__(self) -> Self:
        # Seconds since 1970 on the loop's clock: a clock that somebody sets must not jump here.
        self._epoch = time.time() - asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            await self.close()
        else:
            await self._stop()

    # ── For the owner ─────────────────────────────────────────────────────────────────────────

    async def send(
        self,
        samples: NDArray[np.int16],
        *,
        first: int | None = None,
        device_time: float | None = None,
        lead_off: Iterable[m.LeadOff] = (),
        pace: Iterable[int] = (),
    ) -> None:
        """Take samples as soon as there is room for them; `DeviceSession.push` describes them.

        Raises:
            RefusedError: the gateway will not take this device.
            TypeError, ValueError: the samples do not suit the session.
        """
        start = self.session.end if first is None else first
        off, spikes = tuple(lead_off), tuple(pace)
        for low, high in _portions(len(samples), self.session.portion):
            later = None if device_time is None else device_time + low / self.session.hello.rate
            while not self.session.has_room(high - low):
                await self._next_progress()
            self.offer(
                samples[low:high],
                first=start + low,
                device_time=later,
                lead_off=[x for x in off if _belongs(x.at - start, len(samples), low, high)],
                pace=[x for x in spikes if _belongs(x - start, len(samples), low, high)],
            )

    def offer(
        self,
        samples: NDArray[np.int16],
        *,
        first: int | None = None,
        device_time: float | None = None,
        lead_off: Iterable[m.LeadOff] = (),
        pace: Iterable[int] = (),
    ) -> None:
        """As `send`, for a source that cannot wait: a full ring drops its oldest (`Dropped`)."""
        self._check()
        events = self.session.push(
            samples, first=first, device_time=device_time, lead_off=lead_off, pace=pace
        )
        self._tell(events)
        self._wake.set()

    async def drain(self) -> None:
        """Wait until everything sent is acknowledged; less than 20 ms may still wait for more.

        Raises:
            RefusedError: the gateway will not take this device.
        """
        while self.session.waiting:
            await self._next_progress()

    async def close(self, seconds: float = 30.0, reason: str = "end") -> None:
        """Drain, say goodbye, close.

        Args:
            seconds: to wait at most.
            reason: for the GOODBYE.

        Raises:
            RefusedError: the gateway will not take this device.
            UndeliveredError: not everything was acknowledged in time.
        """
        if self._task is None:
            return
        self._tell(self.session.finish(reason))
        self._wake.set()
        await asyncio.wait({self._task}, timeout=seconds)
        if not self._task.done():
            await self._stop()
            raise UndeliveredError(self.session.waiting)
        self._check()

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _check(self) -> None:
        """Raise what ended the device before its time."""
        if self._refused is not None:
            raise RefusedError(self._refused)
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    async def _next_progress(self) -> None:
        self._check()
        if self._task is None or self._task.done():
            raise UndeliveredError(self.session.waiting)
        await self._progress.wait()

    # ── The connection ────────────────────────────────────────────────────────────────────────

    def _now(self) -> float:
        return self._epoch + asyncio.get_running_loop().time()

    async def _run(self) -> None:
        try:
            while self.session.state not in {State.DONE, State.REFUSED}:
                await asyncio.sleep(self.session.retry_at - self._now())
                reason, clean = await self._connection()
                self._tell(self.session.disconnected(self._now(), reason, clean=clean))
        finally:
            self._progress.set()

    async def _connection(self) -> tuple[str, bool]:
        """One connection from opening to end; the reason, and whether it closed cleanly."""
        try:
            async with link.connect_to(self._url, self._token) as socket:
                self.session.connected(self._now())
                await self._converse(socket)
        except link.FAILURES as error:
            if problem := link.refusal(error):
                self._tell(self.session.refuse(problem))
            return str(error) or type(error).__name__, False
        except WireError as error:
            return f"{error.code}: {error}", False
        return f"closed {socket.close_code} {socket.close_reason}", socket.close_code == 1000

    async def _converse(self, socket: ClientConnection) -> None:
        helpers = [asyncio.create_task(work(socket)) for work in (self._write, self._pulse)]
        try:
            async for frame in socket:
                self._tell(self.session.received(frame, self._now()))
                self._wake.set()
                if self.session.state is State.REFUSED:
                    break
        finally:
            for helper in helpers:
                helper.cancel()
                with contextlib.suppress(asyncio.CancelledError, *link.FAILURES):
                    await helper

    async def _write(self, socket: ClientConnection) -> None:
        """Send what is due whenever something happened."""
        try:
            while True:
                self._wake.clear()
                frames, events = self.session.outgoing(self._now())
                for frame in frames:
                    await socket.send(frame)
                self._tell(events)
                await self._wake.wait()
        finally:
            socket.transport.abort()

    async def _pulse(self, socket: ClientConnection) -> None:
        """Wake the writer when its next deadline comes; end a connection whose peer is dead.

        A task of its own, since the writer may be stuck in a socket that takes nothing. One timer
        a second is also cheaper than a timeout around each wait of the writer.
        """
        try:
            while (deadline := self.session.next_deadline()) is not None:
                wait = max(deadline - self._now(), MIN_PULSE)
                await asyncio.sleep(min(wait, HEARTBEAT))
                events = self.session.tick(self._now())
                self._tell(events)
                if any(isinstance(event, Silent) for event in events):
                    break
                self._wake.set()
        finally:
            socket.transport.abort()

    def _tell(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Refused):
                self._refused = event.problem
            if self._listener is not None:
                self._listener(event)
            self._progress.set()
            self._progress.clear()


def _portions(count: int, size: int) -> Iterator[tuple[int, int]]:
    """Bounds of what is waited for at a time; of nothing, one that is empty."""
    for low in range(0, max(count, 1), size):
        yield low, min(low + size, count)


def _belongs(mark: int, count: int, low: int, high: int) -> bool:
    """Whether a mark goes with this portion; one outside all samples does with the first, and is refused."""
    return low <= mark < high or (low == 0 and not 0 <= mark < count)
