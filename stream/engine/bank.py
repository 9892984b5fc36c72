"""The state of all patients: one array of records for each signal room, one row for each lead or patient.

The bytes of a row are its checkpoint: plain arrays of fixed size, written and read whole.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream.engine import (
    choose,
    clean,
    detect,
    fibrillation,
    intervals,
    quality,
    rhythm,
    segment,
    wide,
)

LEAD: Final = {
    "clean": clean.STATE,
    "quality": quality.STATE,
    "detect": detect.STATE,
    "segment": segment.STATE,
    "wide": wide.STATE,
    "fibrillation": fibrillation.STATE,
    "intervals": intervals.STATE,
}
"""The rooms that know one lead, in the order of the flow."""

PATIENT: Final = {"choose": choose.STATE, "rhythm": rhythm.STATE}
"""The rooms that know all of a patient."""


class Bank:
    """Rows of state, taken and given back; grows by doubling.

    Args:
        states: what each room keeps: LEAD or PATIENT.
        rows: how many rows to begin with.

    Attributes:
        rooms: the rows of each room.
        size: bytes of one row, of all rooms together.
    """

    def __init__(self, states: Mapping[str, np.dtype[Any]], rows: int = 16) -> None:
        self.rooms: dict[str, NDArray[Any]] = {
            name: np.zeros(rows, dtype) for name, dtype in states.items()
        }
        self.size = sum(dtype.itemsize for dtype in states.values())
        self._free = list(range(rows - 1, -1, -1))

    def take(self) -> int:
        """An all-zero row."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        for array in self.rooms.values():
            array[row] = np.zeros((), array.dtype)
        return row

    def give(self, row: int) -> None:
        """Return a row that nobody needs any more."""
        self._free.append(row)

    def save(self, row: int) -> bytes:
        """The row's state, `size` bytes."""
        return b"".join(array[row].tobytes() for array in self.rooms.values())

    def restore(self, row: int, data: bytes) -> None:
        """Put back the `size` bytes that `save` gave."""
        at = 0
        for array in self.rooms.values():
            array[row] = np.frombuffer(data, array.dtype, 1, at)[0]
            at += array.dtype.itemsize

    def _grow(self) -> None:
        size = max(map(len, self.rooms.values()))
        for name, array in self.rooms.items():
            self.rooms[name] = np.concatenate([array, np.zeros(size, array.dtype)])
        self._free = list(range(2 * size - 1, size - 1, -1))
