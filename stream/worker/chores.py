"""What a worker does beside its turns: retention of the store, and complaints about a full ward."""

import logging
from typing import Final

from stream.engine.roll import Roll
from stream.store import Keep, Store
from stream.worker.drift import DriftWatch

PRUNE_SECONDS: Final = 60.0
"""Between two looks for what is too old; sooner while a look finds some, as it takes a portion."""
COMPLAIN_SECONDS: Final = 60.0

_log = logging.getLogger("beatwire.worker")


class Chores:
    """Called between turns.

    Args:
        store: pruned.
        keep: how long what is kept.
        watch: told the time.
    """

    def __init__(self, store: Store, keep: Keep, watch: DriftWatch | None = None) -> None:
        self._watch = watch
        self._store = store
        self._keep = keep
        self._pruned = 0.0
        self._complained = 0.0
        self._refused = 0

    def do(self, now: float, roll: Roll) -> None:
        """Do what is due.

        Args:
            now: seconds since 1970.
            roll: of the ward: its refusals are told.

        Raises:
            StoreError: the store failed.
        """
        if now >= self._pruned + PRUNE_SECONDS and not self._store.prune(now, self._keep):
            self._pruned = now
        if self._watch is not None:
            self._watch.do(now)
        refused = roll.refused
        if refused < self._refused:  # another ward
            self._refused = 0
        if refused > self._refused and now >= self._complained + COMPLAIN_SECONDS:
            full = "the ward is full with %d patients: %d records refused, %d in all"
            _log.error(full, len(roll), refused - self._refused, refused)
            self._refused, self._complained = refused, now
