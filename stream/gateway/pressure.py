"""Looks, once a second, how far the analysis is behind in the partitions that devices here send to.

What was analysed is what workers have committed (the store says it), what there is to analyse is
where the log ends. Neither is asked for each device or block.
"""

import asyncio
import contextlib
from typing import Final

from stream.gateway.backlog import Backlog
from stream.gateway.metrics import Metrics
from stream.gateway.vital import vital
from stream.log import Log, LogError, Topic
from stream.store import Store, StoreError

LOOK_SECONDS: Final = 1.0


class Pressure:
    """Shared by all ingest connections of the process.

    Args:
        log: that devices' samples go to.
        store: has the positions of the workers.
        metrics: is told the longest lag.
    """

    def __init__(self, log: Log, store: Store, metrics: Metrics) -> None:
        self._log = log
        self._store = store
        self._metrics = metrics
        self._backlog = Backlog()
        self._positions: dict[int, int] = {}
        self._asked: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look."""
        self._task = vital(self._watch())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def lag(self, patient: str) -> float:
        """Seconds by which the analysis of a patient who sends is behind; looks after it from now on."""
        partition = self._log.partition_of(Topic.SAMPLES, patient)
        self._asked.add(partition)
        return self._backlog.lag(partition)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(LogError):  # a log that is away takes nothing: no ACK either
                await self._look()

    async def _look(self) -> None:
        asked, self._asked = self._asked, set()
        wanted = asked | self._backlog.behind
        ends = {partition: await self._log.end(Topic.SAMPLES, partition) for partition in wanted}
        now = asyncio.get_running_loop().time()
        if ends:
            # Without the store no worker commits either, so what was known last is still true.
            with contextlib.suppress(StoreError):
                self._positions = await asyncio.to_thread(self._store.positions, Topic.SAMPLES)
        self._backlog.look(now, ends, self._positions)
        self._metrics.analysis_lag_seconds = round(self._backlog.longest, 1)
