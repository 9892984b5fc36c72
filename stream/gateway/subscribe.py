"""`WS /v1/subscribe`: a snapshot, then events in order, each with its cursor.

One reader and one writer for each subscriber. The writer first sends the snapshot, then what lies
between the cursor and the live end (the socket's own back-pressure paces it), then what the hub
hands out, through the bounded queues of fanout.py. When those overflow it starts again with a
snapshot after the last event sent, on the same connection: a burst that is faster than the socket
is read from the log. Only a subscriber that takes nothing at all for FULL_SECONDS is closed.
"""

import asyncio
import contextlib
import hmac
import itertools
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import WebSocket, WebSocketDisconnect

from ecg import messages as m
from ecg import wire
from ecg.errors import WireError
from stream.config import Settings
from stream.gateway.access import is_foreign
from stream.gateway.codes import Close, Ended
from stream.gateway.cursor import Cursor
from stream.gateway.delivery import MAX_RECEIVERS
from stream.gateway.fanout import Delivery, Subscription
from stream.gateway.hub import Hub
from stream.gateway.ingest import bearer
from stream.gateway.replay import replay
from stream.gateway.standing import Standing, cut_problem, wanted_by
from stream.gateway.turns import Turn
from stream.log import LogError, OffsetOutOfRange

HEARTBEAT_SECONDS: Final = 1.0
SILENT_SECONDS: Final = 10.0
FULL_SECONDS: Final = 5.0
"""One message may wait so long for the socket: a busy browser tab, a Wi-Fi roaming of 2–3 s."""
CLOSE_SECONDS: Final = 5.0
"""A subscriber that does not read has so long to take the close frame."""
CLEAN: Final = frozenset({1000, 1001})
"""Closes that a subscriber meant: done, or the page is left."""


class Subscribers:
    """All subscriber connections of the process."""

    def __init__(
        self, settings: Settings, hub: Hub, standing: Callable[[], Awaitable[Standing]]
    ) -> None:
        self.settings = settings
        self.hub = hub
        self.standing = standing
        self.numbers = itertools.count(1)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one subscriber until it ends."""
        if is_foreign(socket.headers, self.settings.origins):
            await socket.close()  # before it is accepted: HTTP 403
            return
        await socket.accept()
        metrics = self.hub.metrics
        metrics.subscribers += 1
        try:
            with contextlib.suppress(WebSocketDisconnect):
                await Connection(self, socket).run()
        finally:
            metrics.subscribers -= 1


class Connection:
    """One subscriber."""

    def __init__(self, all_: Subscribers, socket: WebSocket) -> None:
        self._all = all_
        self._number = next(all_.numbers)
        self._receiver = ""
        self._clean = False
        self._hub = all_.hub
        self._socket = socket
        self._text = False
        self._wake = asyncio.Event()
        self._subscription: Subscription | None = None
        self._heard = self._pulsed = asyncio.get_running_loop().time()
        self._sending = math.inf

    async def run(self) -> None:
        """From SUBSCRIBE to the end."""
        try:
            self._check_room()
            await self._serve(await self._greeting())
        except Ended as end:
            with contextlib.suppress(TimeoutError, RuntimeError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._send(Delivery(end.problem))
                    await self._socket.close(end.close, end.close.name.lower())

    def _check_room(self) -> None:
        most = self._all.settings.max_connections
        if self._hub.metrics.subscribers > most:
            text, limit = "too many subscribers are connected", f"{most} subscribers"
            raise Ended(Close.UNAVAILABLE, "too_many_connections", text, "", limit)

    async def _serve(self, asked: m.Subscribe) -> None:
        """Read, write and watch; whichever ends first ends the others."""
        self._join(asked)
        tasks = [
            asyncio.create_task(work) for work in (self._read(), self._write(asked), self._watch())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._subscription is not None:
                self._hub.detach(self._subscription)
                self._hub.unwatch(self._subscription)
            self._leave()
        for task in done:
            task.result()

    def _join(self, asked: m.Subscribe) -> None:
        """Declare an alarm receiver, if it is one."""
        if not asked.receiver:
            return
        if "alarms" not in asked.channels:
            text = "an alarm receiver must subscribe to alarms"
            raise Ended(Close.INVALID, "mismatch", text, "receiver", "channel alarms")
        try:
            joined = self._hub.watchdogs.delivery.join(asked, self._number)
        except WireError as error:
            raise Ended(Close.INVALID, error.code, error.text, error.field, error.limit) from None
        if not joined:
            text, limit = "too many alarm receivers are declared", f"{MAX_RECEIVERS} receivers"
            raise Ended(Close.UNAVAILABLE, "too_many_receivers", text, "receiver", limit)
        self._receiver = asked.receiver

    def _leave(self) -> None:
        if self._receiver:
            now = asyncio.get_running_loop().time()
            delivery = self._hub.watchdogs.delivery
            delivery.leave(self._receiver, self._number, now, clean=self._clean)

    # ── In ────────────────────────────────────────────────────────────────────────────────────

    async def _greeting(self) -> m.Subscribe:
        try:
            async with asyncio.timeout(SILENT_SECONDS):
                message = await self._receive()
        except TimeoutError:
            raise self._silent() from None
        if not isinstance(message, m.Subscribe):
            text = "the first message must be SUBSCRIBE"
            raise Ended(Close.INVALID, "subscribe_first", text, "type")
        token = self._all.settings.token
        shown = bearer(self._socket) or message.credential
        if token and not hmac.compare_digest(shown.encode(errors="replace"), token.encode()):
            text = "credential is missing or wrong"
            raise Ended(Close.UNAUTHORIZED, "unauthorized", text)
        return message

    async def _receive(self) -> m.Subscribe | m.Heartbeat | m.Confirm:
        event = await self._socket.receive()
        if event["type"] != "websocket.receive":
            self._clean = event.get("code") in CLEAN
            raise WebSocketDisconnect(event.get("code", 1005))
        frame = event.get("bytes")
        if frame is None:
            self._text, frame = True, event["text"]
        try:
            message: m.Subscribe | m.Heartbeat | m.Confirm = wire.from_subscriber.decode(frame)
        except WireError as error:
            raise Ended(Close.INVALID, error.code, error.text, error.field, error.limit) from None
        return message

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            self._heard = asyncio.get_running_loop().time()
            if isinstance(message, m.Subscribe):
                text = "one connection has one subscription"
                raise Ended(Close.INVALID, "unexpected", text, "type")
            if isinstance(message, m.Confirm):
                self._confirm(message)

    def _confirm(self, message: m.Confirm) -> None:
        if not self._receiver:
            text = "CONFIRM is for those who declared themselves a receiver"
            raise Ended(Close.INVALID, "unexpected", text, "type")
        self._hub.watchdogs.delivery.confirm(self._receiver, message)

    async def _watch(self) -> None:
        """Time: heartbeats, a silent peer, a queue that stays full."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS / 2)
            self._wake.set()
            if loop.time() - self._heard >= SILENT_SECONDS:
                raise self._silent()
            if loop.time() - self._sending >= FULL_SECONDS:
                self._hub.metrics.slow_total += 1
                raise self._slow()

    @staticmethod
    def _slow() -> Ended:
        return Ended(Close.SLOW, "slow", "too slow: resume after the last cursor")

    @staticmethod
    def _silent() -> Ended:
        limit = f"{SILENT_SECONDS:g} s"
        return Ended(Close.SILENT, "silent", f"nothing heard for {limit}", "", limit)

    # ── Out ───────────────────────────────────────────────────────────────────────────────────

    async def _write(self, asked: m.Subscribe) -> None:
        try:
            subscription = Subscription(asked, self._all.settings.queue_messages)
            after = Cursor.decode(asked.after) if asked.after else None
        except WireError as error:
            raise Ended(Close.INVALID, error.code, error.text, error.field, error.limit) from None
        self._subscription = subscription
        try:
            await self._hub.watch(subscription)
            cursor = await self._hub.begin(subscription, after)
        except LogError as error:
            raise _unavailable(error) from None
        if cursor is None:
            text = "events after this cursor are gone: the snapshot that follows is a new start"
            problem = m.Problem(code="cursor_expired", text=text, field="after", fatal=False)
            await self._send(Delivery(problem))
            cursor = await self._hub.begin(subscription, None)
        assert cursor is not None
        while True:
            cursor = await self._stretch(subscription, cursor)

    async def _stretch(self, subscription: Subscription, cursor: Cursor) -> Cursor:
        """Catch up, then follow until the queue overflows; gives where to go on."""
        try:
            await self._catch_up(subscription, cursor)
        except OffsetOutOfRange:
            raise self._slow() from None
        except LogError as error:
            raise _unavailable(error) from None
        self._hub.attach(subscription, self._wake.set)
        last = await self._follow(subscription, cursor.encode())
        self._hub.detach(subscription)
        subscription.reset()
        return cursor.limited(Cursor.decode(last))

    async def _catch_up(self, subscription: Subscription, cursor: Cursor) -> None:
        stored = await self._all.standing()
        ours = self._hub.standing(self._receiver)
        wanted = wanted_by(subscription, stored.alarms, ours, self._hub.fanout.unit)
        if self._receiver:
            now = asyncio.get_running_loop().time()
            self._hub.watchdogs.delivery.snapshot(self._receiver, wanted, now)
        if stored.cut:
            await self._send(Delivery(cut_problem()))
        snapshot = Delivery(m.Snapshot(cursor=cursor.encode(), alarms=wanted))
        await asyncio.to_thread(getattr, snapshot, "text" if self._text else "packed")
        await self._send(snapshot)
        turn = Turn()
        async for delivery in replay(self._hub, subscription, cursor):
            await self._send(delivery)
            await self._pulse()
            await turn.rest()

    async def _follow(self, subscription: Subscription, last: str) -> str:
        """Send what the hub hands out until there was too much; gives the last cursor sent."""
        while True:
            turn = Turn()
            while (delivery := subscription.take()) is not None:
                await self._send(delivery)
                last = delivery.cursor or last
                await self._pulse()
                await turn.rest()
            if subscription.overrun:
                return last
            await self._pulse()
            self._wake.clear()
            await self._wake.wait()

    async def _pulse(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._pulsed >= HEARTBEAT_SECONDS:
            self._pulsed = now
            await self._send(Delivery(m.Heartbeat(time=time.time())))

    async def _send(self, delivery: Delivery) -> None:
        self._hub.metrics.delivered_total += 1
        self._sending = asyncio.get_running_loop().time()
        if self._text:
            await self._socket.send_text(delivery.text)
        else:
            await self._socket.send_bytes(delivery.packed)
        self._sending = math.inf


def _unavailable(error: LogError) -> Ended:
    return Ended(Close.UNAVAILABLE, "log_unavailable", f"the log failed: {error}")
