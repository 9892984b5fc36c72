"""The signal before a place in a stream, from the sample log: what a model needs to judge a beat."""

import asyncio
from typing import Final

import msgspec

from ecg import messages as m
from ecg import wire
from ecg.strips import cut
from stream.gateway.recorded import decoded, pages
from stream.log import Log, LogError, Topic

BEFORE_SECONDS: Final = 60.0
"""Signal kept before a beat: the segmenter's 32 RR and its mean over about 60 s are then known."""
AFTER_SECONDS: Final = 3.0
LATE_SECONDS: Final = 30.0
"""The log took a block at most so long before its beat's time: clocks differ, blocks have lengths."""
PAGE: Final = 256
MAX_RECORDS: Final = 4096
"""Records looked through for one strip: a minute in blocks of 20 ms, and backfill."""
SIGNAL_SECONDS: Final = 5.0
"""A log that takes longer to find a minute of signal is not waited for."""


class Place(msgspec.Struct, frozen=True):
    """A sample of a session, and its time in seconds since 1970."""

    patient: str
    session: str
    sample: int
    time: float


async def before(log: Log, place: Place) -> m.Strip | None:
    """The minute before a place and a moment after it, as far as the log has it; None if nothing."""
    try:
        async with asyncio.timeout(SIGNAL_SECONDS):
            blocks = await _blocks(log, place)
    except (TimeoutError, LogError):
        return None  # what somebody knows is worth keeping without it
    if not blocks:
        return None
    rate = blocks[0].rate
    first = max(0, place.sample - round(BEFORE_SECONDS * rate))
    strip = cut(blocks, place.session, first, place.sample + round(AFTER_SECONDS * rate))
    return strip if strip.blocks else None


async def _blocks(log: Log, place: Place) -> list[m.Block]:
    """The session's blocks around a place, as the log took them."""
    start = max(0.0, place.time - BEFORE_SECONDS - LATE_SECONDS)
    found: list[m.Block] = []
    looked = 0
    async for page in pages(log, Topic.SAMPLES, place.patient, start, PAGE):
        looked += len(page)
        blocks = await asyncio.to_thread(decoded, wire.samples, page, m.Block)
        found += [block for block, _ in blocks if block.session == place.session]
        passed = found and found[-1].first > place.sample + AFTER_SECONDS * found[-1].rate
        if passed or looked >= MAX_RECORDS:
            break
    return found
