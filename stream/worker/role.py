"""The role `worker` as a process: one worker on embedded files, a team of them in a cluster."""

import asyncio
import signal
from typing import Final

from inference import bundle, registry
from inference.classifier import BeatClassifier
from inference.drift import population
from inference.drift.watched import WatchedClassifier
from stream.config import Settings
from stream.engine import alarms
from stream.engine.ward import Ward
from stream.log import Log, Topic
from stream.log.chosen import open_log
from stream.store import Keep, Store
from stream.version import engine_version
from stream.warm import warm
from stream.worker.drift import DriftWatch
from stream.worker.team import Team
from stream.worker.worker import Worker

GROUP: Final = "beatwire-workers"
"""The consumer group whose members share out the partitions."""
PACE_SECONDS: Final = 0.1
"""A process of a cluster has several partitions, and each turn asks broker and database."""

Model = bundle.Bundle[bundle.BeatManifest]


async def work(settings: Settings) -> None:
    """Analyse until a signal comes.

    Raises:
        Fenced: another worker has taken the files.
        LogError, StoreError: log or store cannot be opened, or, on files, failed.
    """
    model = registry.find(settings.model)
    with Store(settings.store_place) as store:
        async with open_log(settings, "worker") as log:
            if not settings.kafka:
                await _until_signal(_worker(settings, log, store, model, 0))
                return
            await asyncio.to_thread(warm, Ward(BeatClassifier(model)))  # before others rely on us
            await _in_group(settings, log, store, model)


async def _in_group(settings: Settings, log: Log, store: Store, model: Model) -> None:
    """Work on the partitions that the consumer group assigns."""
    from stream.log.kafka import Group, connection_of  # noqa: PLC0415 - not on embedded files

    def hire(partition: int) -> Worker:
        return _worker(settings, log, store, model, partition, PACE_SECONDS)

    group = Group(
        connection_of(settings), GROUP, Topic.SAMPLES, settings.session_seconds, settings.member
    )
    async with group:
        await _until_signal(Team(group, hire))


def _worker(
    settings: Settings,
    log: Log,
    store: Store,
    model: Model,
    partition: int,
    pace: float = 0.0,
) -> Worker:
    known = population.load(model.path, model.model)
    classifier = WatchedClassifier(model, known) if known else BeatClassifier(model)
    watch = None
    if isinstance(classifier, WatchedClassifier):
        watch = DriftWatch(store, classifier, settings.drift_limit, settings.drift_beats)
    return Worker(
        log,
        store,
        Ward(
            classifier,
            leads=settings.leads,
            most=settings.max_patients,
            settings=alarms.Settings(realarm=settings.realarm_seconds),
        ),
        partition=partition,
        engine=engine_version(model.model_id),
        every=settings.checkpoint_seconds,
        pace=pace,
        keep=keep(settings),
        watch=watch,
    )


def keep(settings: Settings) -> Keep:
    """How long the store keeps what."""
    return Keep(
        alarms=settings.keep_alarms,
        trends=settings.keep_trends,
        feedback=settings.keep_feedback,
    )


async def _until_signal(job: Worker | Team) -> None:
    """Run it; SIGINT and SIGTERM end it in order."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, job.stop)
    await job.run()
