"""Commands that are refused before they reach the log stand in the audit trail, too.

A line says who asked for what, for whom, and why it was refused, as far as that is known: a body that
cannot be read names nobody. Whoever does not pass the guards (401, 403, 429) has no line: that is no
person of the ward, and the counters tell of them. Nor has a command that the log could not take (503):
it may still be carried out, and is audited then.

The lines are bounded, since whoever may ask may also err in a loop: so many at once, then one now and
then, for the whole gateway; the counters tell how many there were, and how many have no line.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

from ecg import messages as m
from stream.gateway.limits import Buckets
from stream.gateway.metrics import Metrics
from stream.gateway.problems import REFUSED, Details, details_of
from stream.store import Audit, Store, StoreError

AT_ONCE: Final = 100
EVERY_SECONDS: Final = 60.0
"""Then a line in so long: some 1 MB a day at most, about as much as a busy ward's own commands."""
GUARDED: Final = frozenset({401, 403})
MAX_TEXT: Final = 256

ACTIONS: Final = {"pause": "pauseaudio", "limits": "setlimits"}
"""Last word of a path → the action's name in the log, where that is another."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_log = logging.getLogger("beatwire.gateway")


class Refusals:
    """Writes the lines.

    Args:
        store: has the audit trail.
        metrics: counts.
        clock: seconds, never goes back.
    """

    def __init__(
        self, store: Store, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._lines = Buckets(1.0 / EVERY_SECONDS, AT_ONCE, most=1)

    def routes(self) -> type[APIRoute]:
        """The class of routes whose refusals are noted."""

        class Audited(APIRoute):
            def get_route_handler(route) -> Handler:  # noqa: N805 - `self` is the refusals
                handler = super().get_route_handler()

                async def audited(request: Request) -> Response:
                    try:
                        return await handler(request)
                    except REFUSED as error:
                        await self._note(request, details_of(error))
                        raise

                return audited

        return Audited

    async def _note(self, request: Request, why: Details) -> None:
        if why.status in GUARDED:
            return
        self._metrics.refused_total += 1
        if self._lines.take("", self._clock()):
            self._metrics.unaudited_total += 1
            return
        try:
            await asyncio.to_thread(self._store.audit, _line(request, why))
        except StoreError as error:  # the refusal itself stands
            self._metrics.unaudited_total += 1
            _log.warning("a refused command is not audited: %s", error)


def _line(request: Request, why: Details) -> Audit:
    asked = request.path_params
    said = getattr(request.state, "said", None)
    action = request.url.path.rpartition("/")[2]
    told = (_valid(asked.get("alarm"), m.Text), why.field, why.detail)
    return Audit(
        id=f"refused-{uuid.uuid4().hex}",
        at=time.time(),
        who=_valid(said.get("by"), m.Text) if isinstance(said, dict) else "",
        what=f"{ACTIONS.get(action, action)} refused: {why.code}",
        patient=_valid(asked.get("patient"), m.Name),
        detail=_storable(": ".join(word for word in told if word)),
    )


def _valid(value: Any, kind: Any) -> str:
    """What the client said if it is of a kind, else nothing."""
    try:
        return str(msgspec.convert(value, kind))
    except msgspec.ValidationError:
        return ""


def _storable(text: str) -> str:
    """What every database takes, of a bounded length: a problem may quote what a client sent."""
    return text.encode(errors="replace").decode().replace("\0", "")[:MAX_TEXT]
