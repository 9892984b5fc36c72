"""What one client may ask of the gateway: requests a second, and bytes in a request's body.

Both are ASGI middleware, so they hold for every route, whoever writes it. Devices and subscribers
have limits of their own (credit, queue, number of connections): WebSockets pass untouched.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream.gateway.metrics import Metrics
from stream.gateway.problems import Refusal, refuse

MAX_CLIENTS: Final = 10_000
"""Clients in the table: about 2 MB. The one not heard for longest leaves, and begins anew."""
BURST_SECONDS: Final = 2.0
"""A client that was quiet may catch up: this many seconds' worth at once."""
NETWORK_BITS: Final = 64
"""One subscriber of an IPv6 provider has at least a /64 (RFC 6177), so that is one client."""


class Buckets:
    """A token bucket for each client, as its "theoretical arrival time" (GCRA, ITU-T I.371).

    Args:
        rate: requests a second, in the long run.
        burst: requests at once.
        most: clients in the table.
    """

    def __init__(self, rate: float, burst: float, most: int = MAX_CLIENTS) -> None:
        self._cost = 1.0 / rate
        self._slack = (burst - 1.0) / rate
        self._most = most
        self._due: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._due)

    def take(self, client: str, now: float) -> float:
        """Take a token at `now` (seconds); 0, or the seconds until there is one again."""
        due = max(self._due.get(client, now), now)
        wait = due - now - self._slack
        if wait > 0:
            return wait
        self._due[client] = due + self._cost
        self._due.move_to_end(client)
        if len(self._due) > self._most:
            self._due.popitem(last=False)
        return 0.0


class RateLimit:
    """Answers 429 with Retry-After to a client that asks too often."""

    def __init__(
        self,
        app: ASGIApp,
        buckets: Buckets,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._buckets = buckets
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        wait = self._buckets.take(client_of(scope), self._clock()) if _is_http(scope) else 0.0
        if not wait:
            await self._app(scope, receive, send)
            return
        self._metrics.limited_total += 1
        text = "this client asks too often"
        retry = {"Retry-After": str(math.ceil(wait))}
        refusal = Refusal(429, "too_many_requests", text, headers=retry)
        await refuse(refusal)(scope, receive, send)


class BodyLimit:
    """Answers 413 to a body that is too large, before or while it arrives.

    Args:
        app: whom to pass requests to.
        most: bytes of a body.
        larger: paths whose routes read their body as a stream → their own limit.
    """

    def __init__(self, app: ASGIApp, most: int, larger: Mapping[str, int]) -> None:
        self._app = app
        self._most = most
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its body counted."""
        if not _is_http(scope):
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], self._most)
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > most:
            await refuse(_too_large(most))(scope, receive, send)
            return
        await self._app(scope, _counted(receive, most), send)


def client_of(scope: Mapping[str, Any]) -> str:
    """Whom a request is charged to: the peer's address, of IPv6 its network."""
    host: str = (scope.get("client") or ("",))[0]
    try:
        address = ip_address(host)
    except ValueError:  # a Unix socket has none
        return host
    if not isinstance(address, IPv6Address) or address.ipv4_mapped:
        return host
    return f"{int(address) >> (128 - NETWORK_BITS):x}/{NETWORK_BITS}"


def _is_http(scope: Scope) -> bool:
    return bool(scope["type"] == "http")


def _counted(receive: Receive, most: int) -> Callable[[], Awaitable[Message]]:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise _too_large(most)
        return message

    return counted


def _too_large(most: int) -> Refusal:
    text = f"body has more than {most} bytes"
    return Refusal(413, "too_large", text, limit=f"{most} bytes")
