"""The gateway's application: endpoints, pages and what lives as long as the process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware

from inference.intervals.classifier import IntervalClassifier
from stream.config import Settings
from stream.gateway import predict
from stream.gateway.access import bearer_check, origin_check
from stream.gateway.command_status import status_routes
from stream.gateway.commands import command_routes
from stream.gateway.committer import Committer
from stream.gateway.disclosure import disclosure_routes
from stream.gateway.drift import DriftView
from stream.gateway.feedback import feedback_routes
from stream.gateway.hub import Hub
from stream.gateway.ingest import Ingest
from stream.gateway.limits import BURST_SECONDS, BodyLimit, Buckets, RateLimit
from stream.gateway.metrics import Metrics
from stream.gateway.models import load_models, model_routes
from stream.gateway.openapi import Api
from stream.gateway.pages import mount_dashboard, page_routes
from stream.gateway.pressure import Pressure
from stream.gateway.problems import install
from stream.gateway.queries import query_routes
from stream.gateway.review import review_routes
from stream.gateway.standing import standing
from stream.gateway.subscribe import Subscribers
from stream.gateway.uploads.jobs import Uploads
from stream.gateway.uploads.routes import result_routes, upload_alias, upload_routes
from stream.gateway.verdicts import Judge
from stream.gateway.watchdogs import Watchdogs
from stream.log import Log
from stream.store import Store

FILES: Final = frozenset({"/upload", "/v1/upload", *predict.FILES})
"""Paths of routes that read a file as a stream, in bounded memory."""


def create_app(settings: Settings, log: Log, store: Store) -> FastAPI:
    """Build the gateway.

    Args:
        settings: what the operator chose.
        log: not opened yet; opened and closed with the application, it writes samples and commands.
        store: history, opened by the caller.
    """
    metrics = Metrics()
    watchdogs = Watchdogs()
    committer = Committer(log, metrics)
    pressure = Pressure(log, store, metrics)
    ingest = Ingest(settings, committer, pressure, watchdogs, metrics)
    hub = Hub(log, watchdogs, metrics, ingest.tell, shared=bool(settings.kafka))

    subscribers = Subscribers(settings, hub, partial(standing, store))
    uploads = Uploads(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with log:
            await hub.start()
            await pressure.start()
            await uploads.start()
            for admission in await asyncio.to_thread(store.history.patients):
                hub.fanout.place(admission.admit.patient, admission.admit.location.unit)
            try:
                yield
            finally:
                await uploads.stop()
                await pressure.stop()
                await hub.stop()
                await committer.drain()

    app = Api(lifespan=lifespan)
    install(app)
    _limit(app, settings, metrics)
    app.add_api_websocket_route("/v1/ingest", ingest.serve)
    app.add_api_websocket_route("/v1/subscribe", subscribers.serve)
    guard = [Depends(origin_check(settings.origins)), Depends(bearer_check(settings.token))]
    app.include_router(command_routes(log, store, metrics), prefix="/v1", dependencies=guard)
    app.include_router(status_routes(log, store), prefix="/v1", dependencies=guard)
    app.include_router(query_routes(store), prefix="/v1", dependencies=guard)
    app.include_router(disclosure_routes(log), prefix="/v1", dependencies=guard)
    app.include_router(review_routes(log, store), prefix="/v1", dependencies=guard)
    app.include_router(feedback_routes(log, store), prefix="/v1", dependencies=guard)
    app.include_router(upload_routes(uploads), prefix="/v1", dependencies=guard)
    app.include_router(result_routes(uploads), prefix="/v1", dependencies=guard)
    app.include_router(upload_alias(uploads), dependencies=guard)
    beats, intervals = load_models(settings)
    judging = predict.predict_routes(Judge(IntervalClassifier(intervals)))
    drift = DriftView(store, beats, settings.drift_limit, settings.drift_beats)
    informing = model_routes(beats, intervals, drift)
    for prefix in ("/v1", ""):  # without it: aliases
        app.include_router(judging, prefix=prefix, dependencies=guard)
        app.include_router(informing, prefix=prefix, dependencies=guard)
    app.include_router(page_routes(log, committer, hub, metrics, drift))
    mount_dashboard(app)
    return app


def _limit(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """Limits for every route; the last one added is asked first."""
    files = dict.fromkeys(FILES, settings.max_upload_bytes)
    app.add_middleware(BodyLimit, most=settings.max_body_bytes, larger=files)
    rate = settings.requests_per_second
    if rate:
        buckets = Buckets(rate, max(1.0, rate * BURST_SECONDS))
        app.add_middleware(RateLimit, buckets=buckets, metrics=metrics)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
