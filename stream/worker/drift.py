"""What the model saw goes into the store by day; who runs the server is told when it has drifted."""

import logging
from typing import Final

from inference.drift import population
from inference.drift.watched import WatchedClassifier
from stream.store import Store

EVERY_SECONDS: Final = 15.0
"""Between two writes; a worker that is killed forgets so much. What it replays counts again."""
DAY_SECONDS: Final = 86_400
NAMED: Final = 5
"""Of what drifted, the worst are named."""

_log = logging.getLogger("beatwire.worker")


class DriftWatch:
    """Called between turns.

    Args:
        store: takes the counts.
        classifier: counts.
        limit: PSI that is told.
        beats: of a day, at least, before anything is told.
    """

    def __init__(
        self, store: Store, classifier: WatchedClassifier, limit: float, beats: int
    ) -> None:
        self._store = store
        self._classifier = classifier
        self._limit = limit
        self._beats = beats
        self._written = 0.0
        self._told = -1

    def do(self, now: float) -> None:
        """Write what was counted, if it is time.

        Raises:
            StoreError: the store failed.
        """
        if now < self._written + EVERY_SECONDS:
            return
        self._written = now
        counts = self._classifier.counter.take()
        if not counts.any():
            return
        day = int(now // DAY_SECONDS)
        self._store.drift.add(day, self._classifier.model_id, counts)
        if day != self._told:
            self._tell(day)

    def _tell(self, day: int) -> None:
        """Warn once a day of what is over the limit."""
        model = self._classifier.model_id
        found = population.compare(self._classifier.known, self._store.drift.of(day, model))
        over = found.over(self._limit) if found.beats >= self._beats else []
        if over:
            self._told = day
            worst = ", ".join(f"{name} {found.psi[name]:.2f}" for name in over[:NAMED])
            text = "%s: %d of today's distributions differ from training (PSI over %g): %s"
            _log.warning(text, model, len(over), self._limit, worst)
