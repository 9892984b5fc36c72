"""How far today's beats are from those of training: for /metrics and /model/info."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import msgspec

from inference.bundle import BeatManifest, Bundle
from inference.drift import population
from stream.store import Store, StoreError

KEPT_SECONDS: Final = 10.0
"""An answer is good for so long: whoever asks often asks the store seldom."""
DAY_SECONDS: Final = 86_400


class DriftInfo(msgspec.Struct):
    """The beats of today (UTC) against those of training, by population stability index."""

    beats: int
    psi: dict[str, float]
    limit: float
    warning: bool
    """Over the limit, of enough beats."""
    over: list[str]
    """What is over the limit, the worst first."""


class DriftView:
    """Asks the store what workers counted.

    Args:
        store: has the counts.
        model: that beats are named by.
        limit: PSI that is worth a warning.
        beats: of a day, at least, before there is one.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        model: Bundle[BeatManifest],
        limit: float,
        beats: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._model = model.model_id
        self._known = population.load(model.path, model.model)
        self._limit = limit
        self._beats = beats
        self._clock = clock
        self._until = 0.0
        self._last: DriftInfo | None = None

    async def info(self) -> DriftInfo | None:
        """Today's drift; None for a model without a reference, or while the store is away."""
        now = self._clock()
        if self._known is None or now < self._until:
            return self._last
        self._until = now + KEPT_SECONDS
        try:
            self._last = await asyncio.to_thread(self._ask, self._known, int(now // DAY_SECONDS))
        except StoreError:
            self._last = None  # who counts the process must not fail with the store
        return self._last

    async def text(self) -> str:
        """The same as gauges in the Prometheus text format; nothing where nothing is known."""
        found = await self.info()
        if found is None:
            return ""
        lines = [
            "# HELP beatwire_model_drift_psi Population stability index of today's beats",
            "# TYPE beatwire_model_drift_psi gauge",
        ]
        labels = f'model="{self._model}"'
        lines += [
            f'beatwire_model_drift_psi{{{labels},of="{name}"}} {value:.6g}'
            for name, value in found.psi.items()
        ]
        for name, words, value in (
            ("beats", "Beats of today that were compared", found.beats),
            ("warning", "1 when today's beats are over the limit", int(found.warning)),
        ):
            lines.append(f"# HELP beatwire_model_drift_{name} {words}")
            lines.append(f"# TYPE beatwire_model_drift_{name} gauge")
            lines.append(f"beatwire_model_drift_{name}{{{labels}}} {value}")
        return "\n".join(lines) + "\n"

    def _ask(self, known: population.Reference, day: int) -> DriftInfo:
        found = population.compare(known, self._store.drift.of(day, self._model))
        over = found.over(self._limit)
        warning = bool(over) and found.beats >= self._beats
        return DriftInfo(found.beats, found.psi, self._limit, warning, over)
