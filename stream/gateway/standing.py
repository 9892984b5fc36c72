"""The alarms that stand, as the store has them, for snapshots: these have room for so many."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from ecg import messages as m
from stream.gateway.fanout import ALARMS, Interest
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


def wanted_by(
    subscriber: Interest,
    books: Iterable[m.Alarm],
    ours: Iterable[m.Alarm],
    unit_of: Callable[[str], str],
) -> tuple[m.Alarm, ...]:
    """The alarms that a subscriber wants, without their strips.

    Args:
        subscriber: who asks.
        books: the workers' alarms; they say where the patient lies.
        ours: those of gateways, which have it from the device.
        unit_of: knows better, as far as a worker has told; empty if none has.
    """
    placed = [(alarm, alarm.unit) for alarm in books]
    placed += [(alarm, unit_of(alarm.patient) or alarm.unit) for alarm in ours]
    return tuple(
        msgspec.structs.replace(alarm, strip=None)
        for alarm, unit in placed
        if subscriber.wants(ALARMS, alarm.patient, unit)
    )


def cut_problem() -> m.Problem:
    """What a subscriber is told before a snapshot that lacks alarms."""
    text = "more alarms stand than the snapshot has room for: it lacks those that began first"
    return m.Problem(code="snapshot_cut", text=text, limit=f"{MOST} alarms", fatal=False)
