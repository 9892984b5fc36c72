"""Cut samples of any length into blocks that the protocol takes; gather those too short for one."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg import messages as m

ENVELOPE_BYTES = 8 * 1024
"""Room kept in a message for all but the payload: 64 lead-off changes, 64 pace marks, eight flags
of 256 characters and the names take 5 KiB at most."""

MAX_MARKS = 63
"""Lead-off changes, and pace marks, taken at a time: a block may carry 64 (ecg/messages.py), and the
state at its start may be one of them."""


class Cut(NamedTuple):
    """Blocks to send, and the samples [first, end) given up for being too few for a block."""

    blocks: list[m.Block]
    lost: tuple[int, int] | None


class Cutter:
    """Turns one session's samples into self-describing blocks.

    What a caller hands over goes out at once, in pieces of equal size if it is too long; only what
    is shorter than the shortest block (20 ms) waits for more.

    Args:
        hello: the session; gives patient, rate, leads, gains and location of every block.
        flags: of every block, e.g. `demo`.

    Attributes:
        next: index after the last sample taken.
    """

    def __init__(self, hello: m.Hello, flags: tuple[str, ...] = ()) -> None:
        self.next = 0
        self._hello = hello
        self._flags = flags
        self._seq = 0
        self._shortest = math.ceil(m.MIN_BLOCK_SECONDS * hello.rate)
        self.limit(m.Limits())
        self._held: NDArray[np.int16] = np.empty((0, len(hello.leads)), np.int16)
        self._held_time: float | None = None
        self._lead_off: list[m.LeadOff] = []
        self._pace: list[int] = []
        self._off: tuple[bool, ...] | None = None

    def limit(self, limits: m.Limits) -> None:
        """Keep to what the gateway takes, never to more than the protocol allows."""
        size = min(limits.max_message_bytes, m.MAX_MESSAGE_BYTES) - ENVELOPE_BYTES
        seconds = min(limits.max_block_seconds, m.MAX_BLOCK_SECONDS)
        longest = min(size // (2 * len(self._hello.leads)), int(seconds * self._hello.rate))
        self._longest = max(longest, 2 * self._shortest)

    def cut(
        self,
        samples: NDArray[np.int16],
        *,
        first: int | None = None,
        device_time: float | None = None,
        lead_off: Iterable[m.LeadOff] = (),
        pace: Iterable[int] = (),
    ) -> Cut:
        """Blocks of the samples that follow.

        Args:
            samples: int16, (n, leads); (n,) is fine for one lead.
            first: index of the first of them, if it is not `next`.
            device_time: the device's clock at the first of them, seconds since 1970.
            lead_off: changes of the lead-off state within them, by rising sample index.
            pace: pace marks within them, by rising sample index.

        Raises:
            TypeError: not int16.
            ValueError: not of the session's number of leads, a mark outside the samples, or `first`
                before `next`: a session's samples only go forward.
        """
        samples, first = self._checked(samples), self.next if first is None else first
        if first < self.next:
            raise ValueError(f"sample {first} lies before {self.next}, the next of this session")
        lead_off, pace = tuple(lead_off), tuple(pace)
        self._check_marks(lead_off, pace, first, first + len(samples))
        lost = self.give_up() if first > self.next else None
        self.next = first + len(samples)
        self._lead_off += lead_off
        self._pace += pace
        if len(self._held):
            samples, device_time = np.concatenate((self._held, samples)), self._held_time
        if len(samples) < self._shortest:
            self._held, self._held_time = samples.copy(), device_time
            return Cut([], lost)
        self._held = self._held[:0]
        return Cut(list(self._pieces(samples, device_time)), lost)

    def give_up(self) -> tuple[int, int] | None:
        """Forget a remainder too short for a block; returns its samples [first, end), if any."""
        lost = (self.next - len(self._held), self.next) if len(self._held) else None
        self._held = self._held[:0]
        if self._lead_off:
            self._off = self._lead_off[-1].off
        self._lead_off.clear()
        self._pace.clear()
        return lost

    def _checked(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        if samples.dtype != np.int16:
            raise TypeError(f"samples are {samples.dtype}, not int16 in units of uv_per_lsb")
        if samples.ndim == 1:
            samples = samples[:, None]
        leads = len(self._hello.leads)
        if samples.ndim != 2 or samples.shape[1] != leads:
            raise ValueError(f"samples of shape {samples.shape}, not (n, {leads})")
        return samples

    def _check_marks(
        self, lead_off: Sequence[m.LeadOff], pace: Sequence[int], first: int, end: int
    ) -> None:
        for at in (*pace, *(change.at for change in lead_off)):
            if not first <= at < end:
                raise ValueError(f"mark at {at}, outside samples {first} to {end - 1}")
        for change in lead_off:
            if len(change.off) != len(self._hello.leads):
                leads = len(self._hello.leads)
                raise ValueError(f"{len(change.off)} lead-off flags for {leads} leads")
        if max(len(self._lead_off) + len(lead_off), len(self._pace) + len(pace)) > MAX_MARKS:
            raise ValueError(f"more than {MAX_MARKS} marks at a time")

    def _pieces(self, samples: NDArray[np.int16], time: float | None) -> Iterator[m.Block]:
        start = self.next - len(samples)
        if len(samples) <= self._longest:
            yield self._block(start, samples, time)
            return
        count = -(-len(samples) // self._longest)
        edges = [len(samples) * i // count for i in range(count + 1)]
        for a, b in pairwise(edges):
            at = None if time is None else time + a / self._hello.rate
            yield self._block(start + a, samples[a:b], at)

    def _block(self, first: int, samples: NDArray[np.int16], time: float | None) -> m.Block:
        hello, end = self._hello, first + len(samples)
        block = m.Block(
            patient=hello.patient.id,
            session=hello.session,
            seq=self._seq,
            first=first,
            rate=hello.rate,
            leads=hello.leads,
            uv_per_lsb=hello.uv_per_lsb,
            payload=_payload(samples),
            device_time=time,
            lead_off=self._states(first, end),
            pace=tuple(_until(self._pace, self._pace, end)) if self._pace else (),
            flags=self._flags,
            unit=hello.location.unit,
            bed=hello.location.bed,
        )
        self._seq += 1
        return block

    def _states(self, first: int, end: int) -> tuple[m.LeadOff, ...]:
        """Changes within the block; the state at its start too, once there was any change.

        A block describes itself: whoever joins here, or lost the block before, must know.
        """
        if not self._lead_off and self._off is None:
            return ()
        changes = _until(self._lead_off, [change.at for change in self._lead_off], end)
        if self._off is not None and (not changes or changes[0].at > first):
            changes.insert(0, m.LeadOff(first, self._off))
        self._off = changes[-1].off if changes else None
        return tuple(changes)


def _payload(samples: NDArray[np.int16]) -> bytes:
    """Lead-major, little-endian."""
    return samples.astype("<i2", copy=False).tobytes(order="F")


def _until(marks: list[Any], at: list[int], end: int) -> list[Any]:
    """Take the marks that stand before `end`."""
    count = sum(index < end for index in at)
    taken = marks[:count]
    del marks[:count]
    return taken
