"""The state of all patients: one array of records for each signal room, one row for each stream.

The bytes of a row are its checkpoint: plain arrays of fixed size, written and read whole.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stream.engine import clean, detect, fibrillation, intervals, quality, rhythm, segment

ROOMS: Final = {
    "clean": clean.STATE,
    "quality": quality.STATE,
    "detect": detect.STATE,
    "segment": segment.STATE,
    "fibrillation": fibrillation.STATE,
    "intervals": intervals.STATE,
    "rhythm": rhythm.STATE,
}
"""The rooms that keep state, in the order of the flow."""

ROW_BYTES: Final = sum(dtype.itemsize for dtype in ROOMS.values())
"""Size of one row, of all rooms together."""


class Bank:
    """Rows of state, taken and given back; grows by doubling.

    Args:
        rows: how many rows to begin with.
    """

    def __init__(self, rows: int = 16) -> None:
        self.rooms: dict[str, NDArray[Any]] = {
            name: np.zeros(rows, dtype) for name, dtype in ROOMS.items()
        }
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
        """The row's state, `ROW_BYTES` bytes."""
        return b"".join(array[row].tobytes() for array in self.rooms.values())

    def restore(self, row: int, data: bytes) -> None:
        """Put back what `save` gave.

        Raises:
            ValueError: not the size of a row, so not from this engine.
        """
        if len(data) != ROW_BYTES:
            raise ValueError(f"a row has {ROW_BYTES} bytes, not {len(data)}")
        at = 0
        for array in self.rooms.values():
            array[row] = np.frombuffer(data, array.dtype, 1, at)[0]
            at += array.dtype.itemsize

    def _grow(self) -> None:
        size = len(self.rooms["clean"])
        for name, array in self.rooms.items():
            self.rooms[name] = np.concatenate([array, np.zeros(size, array.dtype)])
        self._free = list(range(2 * size - 1, size - 1, -1))
