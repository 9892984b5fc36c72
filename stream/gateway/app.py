"""The gateway's application: endpoints, pages and what lives as long as the process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI, WebSocket

from stream.config import Settings
from stream.gateway.committer import Committer
from stream.gateway.ingest import Ingest
from stream.gateway.metrics import Metrics
from stream.gateway.monitor import Monitor
from stream.log import Log

NOT_MEDICAL: Final = (
    "**Not a medical device.** Beatwire is modelled on IEC 60601-1-8 and conforms to no standard; "
    "do not use it to care for a patient."
)


def create_app(settings: Settings, log: Log, store: Any) -> FastAPI:
    """Build the gateway.

    Args:
        settings: what the operator chose.
        log: not opened yet; opened and closed with the application, it writes samples and commands.
        store: history, opened by the caller.
    """
    metrics = Metrics()
    committer = Committer(log, metrics)
    ingest = Ingest(settings, committer, Monitor(), metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with log:
            yield
            await committer.drain()

    app = FastAPI(title="Beatwire", description=NOT_MEDICAL, lifespan=lifespan)

    @app.websocket("/v1/ingest")
    async def _ingest(socket: WebSocket) -> None:
        await ingest.serve(socket)

    app.state.ingest = ingest
    return app
