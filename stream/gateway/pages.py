"""What is asked of the process itself: alive, ready, counted; and the live page."""

import asyncio
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles

from stream.gateway.access import answer, content
from stream.gateway.committer import Committer
from stream.gateway.drift import DriftView
from stream.gateway.hub import Hub
from stream.gateway.metrics import Metrics
from stream.log import Log, LogError, Topic

LOG_SECONDS: Final = 1.0
"""A log that does not answer within this time is not there."""
DASHBOARD: Final = Path(str(resources.files("client") / "dashboard"))

HEADERS: Final = {
    "Cache-Control": "no-cache",  # ask each time; unchanged files are not sent again
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}


COUNTED: Final = {
    "description": "Counters and gauges",
    "content": {"text/plain": {"example": "beatwire_gateway_devices 8\n"}},
}


class Health(msgspec.Struct):
    """The process lives."""

    status: str = "ok"


class Ready(msgspec.Struct):
    """Whether the work is done: `log` ok or why not; `worker` idle, analysing or missing."""

    ready: bool
    log: str
    worker: str
    patients: int
    not_monitored: int


def page_routes(
    log: Log, committer: Committer, hub: Hub, metrics: Metrics, drift: DriftView
) -> APIRouter:
    """The routes outside of /v1."""
    router = APIRouter(tags=["server"])

    @router.get("/", include_in_schema=False)
    def live_page() -> Response:
        return FileResponse(DASHBOARD / "index.html", headers=HEADERS)

    @router.get("/docs", include_in_schema=False)
    def docs_page() -> Response:
        return FileResponse(DASHBOARD / "docs.html", headers=HEADERS)

    @router.get("/health", responses={200: content(Health, "Alive", Health())})
    async def health() -> Response:
        """Say that the process lives and its loop turns."""
        return answer(Health())

    fine = content(
        Ready, "Ready", Ready(ready=True, log="ok", worker="analysing", patients=8, not_monitored=0)
    )
    not_fine = content(
        Ready,
        "Not ready",
        Ready(ready=False, log="ok", worker="missing", patients=8, not_monitored=8),
    )

    @router.get("/ready", responses={200: fine, 503: not_fine})
    async def ready() -> Response:
        """Say whether the log takes data and a worker analyses it."""
        state = await _state(log, committer)
        watched = hub.watchdogs.monitor.count
        missing = len(hub.watchdogs.monitor.active)
        worker = _worker(watched, missing)
        fine = state == "ok" and worker != "missing"
        return answer(Ready(fine, state, worker, watched, missing), 200 if fine else 503)

    @router.get("/metrics", response_class=PlainTextResponse, responses={200: COUNTED})
    async def show_metrics() -> Response:
        """Count what the gateway did, in the Prometheus text format."""
        text = metrics.text() + await drift.text()
        return Response(text, media_type="text/plain; version=0.0.4")

    return router


class Files(StaticFiles):
    """The dashboard's files, which a browser must not keep over an update."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Send a file with our headers."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(HEADERS)
        return response


def mount_dashboard(app: FastAPI) -> None:
    """Serve the live page's files."""
    app.mount("/dashboard", Files(directory=DASHBOARD), name="dashboard")


def _worker(watched: int, missing: int) -> str:
    """`missing` only when nobody at all is analysed: one patient's trouble is an alarm of theirs."""
    if not watched:
        return "idle"
    return "missing" if missing == watched else "analysing"


async def _state(log: Log, committer: Committer) -> str:
    if committer.failure:
        return committer.failure
    try:
        async with asyncio.timeout(LOG_SECONDS):
            await log.end(Topic.SAMPLES)
    except TimeoutError:
        return f"no answer within {LOG_SECONDS:g} s"
    except LogError as error:
        return str(error)
    return "ok"
