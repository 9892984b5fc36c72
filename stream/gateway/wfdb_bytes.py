"""A WFDB record as bytes: header(5), signal(5) in format 16, and annot(5), all of PhysioNet's manual.

The `wfdb` package would do it, but it takes a second to import, which would halt the gateway's loop.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecg.types import BeatClass

NO_SAMPLE: Final = -(1 << 15)
"""What format 16 has where there is no sample."""

_CODES: Final = {
    BeatClass.N: 1,
    BeatClass.S: 9,  # SVPB: of the codes for S the one that names no origin
    BeatClass.V: 5,
    BeatClass.F: 6,
    BeatClass.Q: 13,
}
_SKIP: Final = 59
_END: Final = b"\0\0"


def header(
    name: str,
    rate: float,
    samples: NDArray[np.int16],
    leads: Sequence[str],
    uv_per_lsb: Sequence[float],
    comments: Sequence[str] = (),
) -> bytes:
    """The `.hea` of a record whose signals lie in `name.dat`.

    Args:
        name: letters, digits, `_` and `-`.
        rate: Hz.
        samples: shape (count, leads), digital units; `NO_SAMPLE` where there is none.
        leads: name of each column.
        uv_per_lsb: microvolts of a unit, by column.
        comments: lines for people.
    """
    sums = samples.sum(0, dtype=np.int64).astype(np.int16)  # the low 16 bits, signed
    lines = [f"{name} {len(leads)} {rate:g} {len(samples)}"]
    for column, (lead, gain) in enumerate(zip(leads, uv_per_lsb, strict=True)):
        scale = f"{1000 / gain:.9g}(0)/mV"
        lines.append(f"{name}.dat 16 {scale} 16 0 {samples[0, column]} {sums[column]} 0 {lead}")
    lines += [f"# {comment}" for comment in comments]
    return ("\n".join(lines) + "\n").encode()


def signal(samples: NDArray[np.int16]) -> bytes:
    """The `.dat` of shape (count, leads): sample by sample, little-endian."""
    return samples.astype("<i2").tobytes()


def annotations(beats: Iterable[tuple[int, BeatClass]]) -> bytes:
    """The annotation file of beats at rising samples."""
    made = bytearray()
    before = 0
    for sample, label in beats:
        interval, before = sample - before, sample
        if interval >= 1 << 10:
            made += struct.pack("<HHH", _SKIP << 10, interval >> 16, interval & 0xFFFF)
            interval = 0
        made += struct.pack("<H", _CODES[label] << 10 | interval)
    return bytes(made) + _END
