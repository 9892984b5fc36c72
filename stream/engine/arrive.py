"""First room: blocks as the log holds them become one patient's samples in order, of each lead.

Blocks may come twice, overlap, or up to `REORDER_SECONDS` out of order; what is still missing
then is a `Hole`, and a block that comes later is backfill: it stays in the log for review and
never sounds live. The room also keeps each stream's clock: the sample index is the truth, the
arrival times (an argument, from the log) are fitted to it.

State is bounded: blocks that wait for a hole to fill span at most `REORDER_SECONDS` and one block,
and are at most `WAITING_BLOCKS`.
"""

import math
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg.messages import Block
from stream.engine import pacing

REORDER_SECONDS = 2.0
"""How far out of order a block may come (PROTOCOL: devices retransmit within that time)."""

WAITING_BLOCKS = 128
"""Blocks that wait beyond a hole: 2 s in the shortest blocks are 100; who sends more overlaps them."""

CLOCK_POINTS = 16
CLOCK_SECONDS = 10.0
"""The clock fit keeps the least delayed arrival of each 10 s, for the last 160 s."""

PLAUSIBLE_DRIFT = 0.05
"""Crystals are within 0.01 %, nominal wearables' rates within 2 %; beyond 5 % it is a replay."""


Leads = tuple[int, ...]
"""Positions of the analysed leads in a block; a block with fewer has its last lead in their place."""


@dataclass(frozen=True, slots=True)
class Run:
    """Contiguous samples of the analysed leads.

    Attributes:
        first: device index.
        signals: of each lead, microvolts.
        off: which of the leads are off, by their order here; not all of them.
    """

    first: int
    signals: tuple[NDArray[np.float32], ...]
    off: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Hole:
    """Device samples `first` … `end` that cannot be analysed: missing, or with all leads off."""

    first: int
    end: int
    lead_off: bool = False


class ClockPoint(msgspec.Struct, array_like=True):
    """The least delayed arrival of a stretch: its start, index after the block, arrival (s)."""

    start: int
    index: int
    time: float


class Arrival(msgspec.Struct, array_like=True):
    """What this room remembers of one stream; plain data, part of the checkpoint.

    Attributes:
        rate: nominal sampling frequency of the session, Hz.
        next: device index of the next sample to deliver.
        waiting: blocks beyond a hole, by first index.
        off: which of the analysed leads were off at `next`.
        late: samples that came too late to be analysed (backfill) or twice.
        points: the arrivals that the clock is fitted to, oldest first.
        fitted: effective sampling frequency in Hz, 0 while unknown or implausible.
        blanked: up to this index a pacemaker's spike is blanked.
        latest: of each lead the sample before `next`, uV; empty after a hole.
    """

    rate: float
    next: int
    waiting: list[Block] = []
    off: tuple[int, ...] = ()
    late: int = 0
    points: list[ClockPoint] = []
    fitted: float = 0.0
    blanked: int = 0
    latest: tuple[float, ...] = ()


def open_stream(block: Block) -> Arrival:
    """State for a session whose first block to arrive is `block`.

    A session starts at 0; a stream that is met further on than blocks may be out of order was
    joined in the middle, and starts there.
    """
    joined = block.first > REORDER_SECONDS * block.rate
    return Arrival(rate=block.rate, next=block.first if joined else 0)


def accept(state: Arrival, block: Block, leads: Leads, now: float) -> list[Run | Hole]:
    """Take one block of the session; return what is now in order, oldest first.

    Args:
        state: the stream's state, changed in place.
        block: a checked block of this session.
        leads: positions of the analysed leads in the block.
        now: when the block arrived at the log, seconds since 1970.
    """
    observe(state, block.end, now)
    if block.end <= state.next:
        state.late += block.count
        return []
    _insert(state.waiting, block)
    pieces = _drain(state, leads)
    newest = max((waiting.end for waiting in state.waiting), default=0)  # not always the last one's
    horizon = newest - REORDER_SECONDS * state.rate
    while state.waiting and (state.next < horizon or len(state.waiting) > WAITING_BLOCKS):
        pieces += _skip(state, leads)
    return pieces


def finish(state: Arrival, leads: Leads, end: int) -> list[Run | Hole]:
    """The session ends at index `end`: nothing that is missing will come any more."""
    pieces: list[Run | Hole] = []
    while state.waiting:
        pieces += _skip(state, leads)
    if end > state.next:
        pieces.append(Hole(state.next, end))
        state.next = end
    return pieces


def _insert(waiting: list[Block], block: Block) -> None:
    """Keep `waiting` sorted by first index; of two blocks that start together keep the longer."""
    at = len(waiting)
    while at and waiting[at - 1].first > block.first:
        at -= 1
    if at and waiting[at - 1].first == block.first:
        if waiting[at - 1].end < block.end:
            waiting[at - 1] = block
        return
    waiting.insert(at, block)


def _drain(state: Arrival, leads: Leads) -> list[Run | Hole]:
    """Deliver waiting blocks as long as they continue the stream."""
    pieces: list[Run | Hole] = []
    while state.waiting and state.waiting[0].first <= state.next:
        block = state.waiting.pop(0)
        if block.end > state.next:
            pieces += _deliver(state, block, leads)
    return pieces


def _skip(state: Arrival, leads: Leads) -> list[Run | Hole]:
    """Give up on the hole before the first waiting block."""
    hole = Hole(state.next, state.waiting[0].first)
    state.next, state.latest = hole.end, ()
    return [hole, *_drain(state, leads)]


def _deliver(state: Arrival, block: Block, leads: Leads) -> list[Run | Hole]:
    """The part of `block` from `state.next` on, cut where a lead goes off or on."""
    places = [min(lead, len(block.leads) - 1) for lead in leads]
    signals = _without_spikes(state, block, [microvolts(block, place) for place in places])
    pieces: list[Run | Hole] = []
    marks = [mark for mark in block.lead_off if mark.at >= state.next]
    for mark in [*marks, None]:
        end = block.end if mark is None else mark.at
        if end > state.next:
            pieces.append(_piece(state, signals, end))
            signals = [signal[end - state.next :] for signal in signals]
            state.next = end
        if mark is not None:
            state.off = tuple(k for k, place in enumerate(places) if mark.off[place])
    return pieces


def _without_spikes(
    state: Arrival, block: Block, signals: list[NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    """The signals from `state.next` on, a pacemaker's marked spikes blanked."""
    new = [signal[state.next - block.first :] for signal in signals]
    if block.pace or state.blanked > state.next:
        length = math.ceil(pacing.BLANK_SECONDS * block.rate)
        spans = [(state.next, state.blanked), *((at, at + length) for at in block.pace)]
        new = pacing.blanked(new, state.next, spans, state.latest)
        state.blanked = max(end for _, end in spans)
    state.latest = tuple(float(signal[-1]) for signal in new)
    return new


def _piece(state: Arrival, signals: list[NDArray[np.float32]], end: int) -> Run | Hole:
    """What comes next, up to `end`, of `signals` that begin there."""
    if len(state.off) == len(signals):
        return Hole(state.next, end, lead_off=True)
    count = end - state.next
    return Run(state.next, tuple(signal[:count] for signal in signals), state.off)


def microvolts(block: Block, lead: int) -> NDArray[np.float32]:
    """One lead of a block, shape (count,), in microvolts."""
    digital = np.frombuffer(block.payload, "<i2", block.count, 2 * block.count * lead)
    return digital * np.float32(block.uv_per_lsb[lead])


# ── Clock ─────────────────────────────────────────────────────────────────────────────────────


def observe(state: Arrival, end: int, now: float) -> None:
    """Note that the sample before `end` was there at `now`: delays only ever add."""
    points = state.points
    if points and end < points[-1].start + CLOCK_SECONDS * state.rate:
        last = points[-1]
        if end > last.index and now - last.time < (end - last.index) / state.rate:
            last.index, last.time = end, now
        return
    points.append(ClockPoint(end, end, now))
    del points[:-CLOCK_POINTS]
    state.fitted = _fit(points, state.rate)


def _fit(points: list[ClockPoint], nominal: float) -> float:
    """Sampling frequency in Hz against the server's clock; 0 while unknown or implausible.

    The median of the slopes between points half the span apart (after Theil–Sen) is untouched
    by a few late arrivals.
    """
    half = len(points) // 2
    if half < 2:
        return 0.0
    slopes = [
        (b.index - a.index) / (b.time - a.time)
        for a, b in zip(points[:-half], points[half:], strict=False)
        if b.time > a.time
    ]
    rate = float(np.median(slopes)) if slopes else 0.0
    return rate if abs(rate / nominal - 1) < PLAUSIBLE_DRIFT else 0.0


def time_of(state: Arrival, index: float) -> float:
    """Server time of a sample, seconds since 1970: the least delayed of the latest arrivals."""
    if not state.fitted:
        point = state.points[-1]
        return point.time + (index - point.index) / state.rate
    return min(p.time + (index - p.index) / state.fitted for p in state.points[-3:])
