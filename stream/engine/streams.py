"""The live streams: which patient's session stands where, and in which row of the bank.

Of two sessions of one patient the newer is live: the one that was met later in the log. Blocks of
a session that was replaced are never live again.
"""

from typing import Final

import msgspec

from ecg.messages import Block
from ecg.types import RATE
from stream.engine import arrive
from stream.engine.alarms import Context
from stream.engine.arrive import Arrival

MOST_LEADS: Final = 2
"""Leads of a patient that are analysed at a time; the room `choose` decides between two."""
PACED_SECONDS: Final = 10.0
"""A pacemaker's mark in the beats of a median spoils its intervals: the age of the oldest."""
PACED_KEPT: Final = 32
"""Seconds with marks that are remembered: the last ten, and those of blocks that wait."""
RETIRED: Final = 8
"""Replaced sessions of a patient that are remembered."""


class Stream(msgspec.Struct):
    """One patient's live session; plain data, part of the checkpoint.

    Attributes:
        row: of the patient in its bank; -1 in a checkpoint.
        lead_rows: of the leads in theirs; none in a checkpoint.
        leads: positions of the analysed leads in a block, first the one that is heard if it can be.
        names: the same by name.
        off: those that have been said to be off, by their order in `leads`.
        retired: sessions that this one and its forerunners replaced, newest last.
        paced: seconds of the session in which the device marked a pacemaker's spike, lately.
        closed: whether the device has said goodbye, and nothing came since.
    """

    patient: str
    session: str
    row: int
    lead_rows: tuple[int, ...]
    arrival: Arrival
    leads: tuple[int, ...]
    names: tuple[str, ...]
    unit: str = ""
    bed: str = ""
    flags: tuple[str, ...] = ()
    off: tuple[int, ...] = ()
    retired: tuple[str, ...] = ()
    closed: bool = False
    paced: tuple[int, ...] = ()

    def is_paced(self, sample: int) -> bool:
        """Whether the device marked a pacemaker's spike in the seconds before device `sample`."""
        now = sample / self.arrival.rate
        return any(now - PACED_SECONDS <= second + 1 and second < now for second in self.paced)

    def device(self, grid: float) -> int:
        """Device sample nearest to a place on the 250 Hz grid."""
        return max(0, round(grid * self.arrival.rate / RATE))

    def time(self, sample: int) -> float:
        """Server time of a device sample, seconds since 1970."""
        return arrive.time_of(self.arrival, sample)


def analysed(block: Block, lead: int, most: int) -> tuple[int, ...]:
    """Positions of the leads to analyse: the one wanted, or the last, and those that follow it."""
    count = len(block.leads)
    return tuple((min(lead, count - 1) + k) % count for k in range(min(most, count)))


def open_stream(block: Block, leads: tuple[int, ...], before: Stream | None) -> Stream:
    """The stream that `block`, the first of its session, opens; it has no rows yet."""
    retired = (*before.retired, before.session)[-RETIRED:] if before else ()
    stream = Stream(
        patient=block.patient,
        session=block.session,
        row=-1,
        lead_rows=(),
        arrival=arrive.open_stream(block),
        leads=leads,
        names=tuple(str(block.leads[lead]) for lead in leads),
        retired=retired,
    )
    note(stream, block)
    return stream


def note(stream: Stream, block: Block) -> None:
    """Take over what a block says about its stream beside the samples."""
    stream.unit, stream.bed, stream.flags = block.unit, block.bed, block.flags
    stream.closed = False
    if block.pace:
        marked = {int(mark / block.rate) for mark in block.pace}
        stream.paced = tuple(sorted(marked.union(stream.paced)))[-PACED_KEPT:]


def context_of(stream: Stream, lead: str) -> Context:
    """What the book needs to know of a stream, and of the lead that a condition was found in."""
    return Context(
        patient=stream.patient,
        session=stream.session,
        rate=stream.arrival.fitted or stream.arrival.rate,
        origin=stream.time(0),
        unit=stream.unit,
        bed=stream.bed,
        lead=lead,
        flags=stream.flags,
    )
