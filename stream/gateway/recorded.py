"""What the log has of a patient between two times: blocks of signal, and the beats in them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from ecg import wire
from ecg.errors import WireError
from ecg.messages import Beat, Block
from ecg.types import Lead
from stream.gateway.stretches import Stretch, Taken, covered, only, stretches
from stream.log import Log, Record, Topic

PAGE: Final = 2048
MAX_RECORDS: Final = 400_000
"""Bound on the records that one question looks through: two hours in blocks of 20 ms, and more."""
SECONDS: Final = 20.0
"""A log that needs longer for an answer is not waited for."""
DELAY: Final = 10.0
"""A live block is in the log so soon after its last sample; so are the beats in it."""
LATE: Final = 3600.0
"""A device that was cut off delivers its ring so much later at most, as far as we look for it."""
WHOLE: Final = 0.5
"""Seconds that may be missing of a stretch before its backfill is looked for."""


async def signal(
    log: Log, patient: str, since: float, until: float, lead: Lead | None = None
) -> list[Stretch]:
    """The stored signal with since <= time < until, by time.

    Args:
        log: opened.
        patient: whose.
        since: seconds since 1970.
        until: seconds since 1970.
        lead: the only one wanted; None for all.

    Raises:
        LogError: the log cannot be read.
        TimeoutError: not within `SECONDS`.
    """
    taken: list[Taken] = []
    ends: dict[str, int] | None = None  # where live blocks go on, once `until` has passed
    looked = 0
    async with asyncio.timeout(SECONDS):
        async for page in pages(log, Topic.SAMPLES, patient, since):
            looked += len(page)
            taken += await asyncio.to_thread(_blocks, page, lead, ends)
            last = page[-1].time_ms / 1000
            if ends is None and last > until + DELAY:
                found = await asyncio.to_thread(_between, taken, since, until)
                if covered(found, since, until) > until - since - WHOLE:
                    return found
                ends = _ends(taken)
            if last > until + LATE or looked >= MAX_RECORDS:
                break
    return await asyncio.to_thread(_between, taken, since, until)


async def beats(log: Log, patient: str, since: float, until: float) -> list[Beat]:
    """The beats with since <= time < until, each once, by time.

    Raises:
        LogError: the log cannot be read.
        TimeoutError: not within `SECONDS`.
    """
    found: dict[tuple[str, int], Beat] = {}
    looked = 0
    async with asyncio.timeout(SECONDS):
        async for page in pages(log, Topic.EVENTS, patient, since):
            looked += len(page)
            for beat, _ in await asyncio.to_thread(decoded, wire.events, page, Beat):
                if since <= beat.time < until:
                    found[beat.session, beat.sample] = beat
            if page[-1].time_ms / 1000 > until + DELAY or looked >= MAX_RECORDS:
                break
    return sorted(found.values(), key=lambda beat: beat.time)


async def pages(
    log: Log, topic: Topic, patient: str, since: float, size: int = PAGE
) -> AsyncIterator[Sequence[Record]]:
    """What was written about a patient from `since` on, oldest first; no page is empty.

    Args:
        log: opened.
        topic: to read.
        patient: whose.
        since: seconds since 1970, when the log took it.
        size: records of a page at most.
    """
    partition = log.partition_of(topic, patient)
    offset = await log.offset_at(topic, round(since * 1000), partition)
    while page := await log.by_key(topic, patient, offset, size):
        yield page
        if len(page) < size:
            return
        offset = page[-1].offset + 1


def _between(taken: Sequence[Taken], since: float, until: float) -> list[Stretch]:
    cut = (stretch.between(since, until) for stretch in stretches(taken))
    return sorted((one for one in cut if one is not None), key=lambda one: one.time)


def _ends(taken: Sequence[Taken]) -> dict[str, int]:
    """How far each session has come."""
    ends: dict[str, int] = {}
    for one in taken:
        ends[one.block.session] = max(one.block.end, ends.get(one.block.session, 0))
    return ends


def _blocks(
    page: Sequence[Record], lead: Lead | None, ends: Mapping[str, int] | None
) -> list[Taken]:
    """The blocks of a page; once `ends` are known, only those that come late."""
    found = []
    for block, time in decoded(wire.samples, page, Block):
        if ends is not None and block.first >= ends.get(block.session, 0):
            continue
        slim = block if lead is None else only(block, lead)
        if slim is not None:
            found.append(Taken(slim, time))
    return found


def decoded(codec: wire.Codec, page: Sequence[Record], kind: type[Any]) -> list[tuple[Any, float]]:
    """The messages of one kind, with the times at which the log took them.

    What cannot be read is left out.
    """
    found = []
    for record in page:
        try:
            message = codec.read(record.value)
        except WireError:
            continue
        if isinstance(message, kind):
            found.append((message, record.time_ms / 1000))
    return found
