"""Stored blocks as stretches of signal without a hole, and their envelopes. Pure: no I/O.

A stretch ends where samples are missing, where a session ends, and where leads, gains or rate
change. Nothing is ever filled in.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg.messages import Block
from ecg.types import Lead


class Taken(msgspec.Struct, frozen=True):
    """A block and when the log took it, seconds since 1970."""

    block: Block
    time: float


class Stretch(msgspec.Struct, frozen=True):
    """Signal without a hole.

    Attributes:
        session: whose sample indices these are.
        first: index of the first sample.
        rate: Hz.
        time: of the first sample, seconds since 1970. Indices are mapped to times by the block
            that arrived with the least delay, as no block arrives before its last sample.
        leads: in the order of the rows.
        uv_per_lsb: microvolts of a unit, by lead.
        samples: shape (leads, count), digital units.
    """

    session: str
    first: int
    rate: float
    time: float
    leads: tuple[Lead, ...]
    uv_per_lsb: tuple[float, ...]
    samples: NDArray[np.int16]

    @property
    def count(self) -> int:
        """Samples in each lead."""
        return int(self.samples.shape[1])

    @property
    def end(self) -> int:
        """Index after the last sample."""
        return self.first + self.count

    def between(self, since: float, until: float) -> "Stretch | None":
        """The samples with since <= time < until; None when there are none."""
        begin = max(0, int(np.ceil((since - self.time) * self.rate - 1e-6)))
        end = min(self.count, int(np.ceil((until - self.time) * self.rate - 1e-6)))
        if begin >= end:
            return None
        return msgspec.structs.replace(
            self,
            first=self.first + begin,
            time=self.time + begin / self.rate,
            samples=self.samples[:, begin:end],
        )


class Envelope(msgspec.Struct, frozen=True):
    """Least and greatest value of each column of `step` samples; columns start at multiples of it.

    Attributes:
        session, rate, time: as of a stretch; `time` is of the first column's begin.
        first: index of the first column's first sample, a multiple of `step`.
        step: samples of a column; the outer columns may be covered in part.
        uv_per_lsb: microvolts of a unit.
        low, high: shape (columns,), digital units.
    """

    session: str
    first: int
    step: int
    rate: float
    time: float
    uv_per_lsb: float
    low: NDArray[np.int16]
    high: NDArray[np.int16]


def only(block: Block, lead: Lead) -> Block | None:
    """The block with one of its leads; None when it has not got it."""
    if lead not in block.leads:
        return None
    row = block.leads.index(lead)
    size = len(block.payload) // len(block.leads)
    return msgspec.structs.replace(
        block,
        leads=(lead,),
        uv_per_lsb=(block.uv_per_lsb[row],),
        payload=block.payload[row * size : (row + 1) * size],
    )


def stretches(taken: Iterable[Taken]) -> Iterator[Stretch]:
    """Join one patient's blocks, whatever order they arrived in; what overlaps counts once."""
    sessions: dict[str, list[Taken]] = {}
    for one in taken:
        sessions.setdefault(one.block.session, []).append(one)
    for blocks in sessions.values():
        for group in _joined(sorted(blocks, key=lambda one: one.block.first)):
            yield _stretch(group)


def covered(found: Sequence[Stretch], since: float, until: float) -> float:
    """Seconds between `since` and `until` that the stretches have."""
    cut = (stretch.between(since, until) for stretch in found)
    return sum(stretch.count / stretch.rate for stretch in cut if stretch is not None)


def envelope(stretch: Stretch, step: int) -> Envelope:
    """The envelope of a stretch's first lead."""
    samples = stretch.samples[0]
    first = stretch.first - stretch.first % step
    edges = np.arange(first, stretch.end, step) - stretch.first
    starts = np.maximum(edges, 0)
    return Envelope(
        session=stretch.session,
        first=first,
        step=step,
        rate=stretch.rate,
        time=stretch.time + (first - stretch.first) / stretch.rate,
        uv_per_lsb=stretch.uv_per_lsb[0],
        low=np.minimum.reduceat(samples, starts),
        high=np.maximum.reduceat(samples, starts),
    )


def _joined(blocks: Iterable[Taken]) -> Iterator[list[Taken]]:
    """Groups of blocks that follow one another; one that adds nothing is left out."""
    group: list[Taken] = []
    for one in blocks:
        if group and one.block.end <= group[-1].block.end:
            continue
        if group and not _follows(group[-1].block, one.block):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _follows(before: Block, block: Block) -> bool:
    return (
        block.first <= before.end
        and block.leads == before.leads
        and block.rate == before.rate
        and block.uv_per_lsb == before.uv_per_lsb
    )


def _stretch(group: Sequence[Taken]) -> Stretch:
    head = group[0].block
    pieces, end = [], head.first
    for block in (one.block for one in group):
        samples = np.frombuffer(block.payload, "<i2").reshape(len(block.leads), -1)
        pieces.append(samples[:, end - block.first :])
        end = block.end
    zero = min(one.time - one.block.end / head.rate for one in group)
    return Stretch(
        session=head.session,
        first=head.first,
        rate=head.rate,
        time=zero + head.first / head.rate,
        leads=head.leads,
        uv_per_lsb=head.uv_per_lsb,
        samples=np.concatenate(pieces, axis=1),
    )
