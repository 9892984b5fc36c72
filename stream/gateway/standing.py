"""The alarms that stand, as the store has them, for snapshots: these have room for so many."""

import asyncio
from typing import Final

import msgspec

from ecg import messages as m
from stream.store import AlarmFilter, Store

MOST: Final = 10_000
"""One of each patient of a worker; a snapshot of them has some 5 MB."""


class Standing(msgspec.Struct, frozen=True):
    """Alarms that have not ended, the latest onset first; `cut`: there are more."""

    alarms: list[m.Alarm]
    cut: bool


async def standing(store: Store) -> Standing:
    """Ask the store."""
    wanted = AlarmFilter(open_only=True, limit=MOST + 1)
    found = await asyncio.to_thread(store.history.alarms, wanted)
    return Standing(found[:MOST], cut=len(found) > MOST)


def cut_problem() -> m.Problem:
    """What a subscriber is told before a snapshot that lacks alarms."""
    text = "more alarms stand than the snapshot has room for: it lacks those that began first"
    return m.Problem(code="snapshot_cut", text=text, limit=f"{MOST} alarms", fatal=False)
