"""The live streams: which patient's session stands where, and in which row of the bank.

Of two sessions of one patient the newer is live: the one that was met later in the log. Blocks of
a session that was replaced are never live again.
"""

from typing import Final

import msgspec

from ecg.messages import Block
from ecg.types import RATE
from stream.engine import arrive
from stream.engine.arrive import Arrival

PACED_SECONDS: Final = 10.0
"""A pacemaker's mark in the beats of a median spoils its intervals: the age of the oldest."""
PACED_KEPT: Final = 32
"""Seconds with marks that are remembered: the last ten, and those of blocks that wait."""
RETIRED: Final = 8
"""Replaced sessions of a patient that are remembered."""


class Stream(msgspec.Struct):
    """One patient's live session; plain data, part of the checkpoint.

    Attributes:
        row: row of the bank; -1 in a checkpoint.
        lead: position of the analysed lead in a block.
        lead_name: the same by name.
        lead_off: whether LEADS_OFF has been said.
        retired: sessions that this one and its forerunners replaced, newest last.
        paced: seconds of the session in which the device marked a pacemaker's spike, lately.
        closed: whether the device has said goodbye, and nothing came since.
    """

    patient: str
    session: str
    row: int
    arrival: Arrival
    lead: int
    lead_name: str
    unit: str = ""
    bed: str = ""
    flags: tuple[str, ...] = ()
    lead_off: bool = False
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


def open_stream(block: Block, lead: int, row: int, before: Stream | None) -> Stream:
    """The stream that `block`, the first of its session, opens in `row`."""
    retired = (*before.retired, before.session)[-RETIRED:] if before else ()
    stream = Stream(
        patient=block.patient,
        session=block.session,
        row=row,
        arrival=arrive.open_stream(block),
        lead=lead,
        lead_name=block.leads[min(lead, len(block.leads) - 1)],
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
