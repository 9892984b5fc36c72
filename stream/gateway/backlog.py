"""How long what the log has taken waits for its analysis, by partition. Pure.

At each look the end of a partition is marked. The oldest mark that the worker's committed position has
not reached is how far the analysis is behind: something that the log had then is not analysed yet. So
the lag is never overstated, and understated by no more than the time between two looks, or, once it is
long, by a thirtieth of itself.
"""

from collections.abc import Mapping
from typing import Final

MARKS: Final = 64
"""Marks of a partition; beyond that every other one goes, so memory is bounded however long it lasts."""


class Backlog:
    """What is not analysed yet. `now` is any clock in seconds that never goes back."""

    def __init__(self) -> None:
        self._marks: dict[int, list[tuple[float, int]]] = {}
        self._lags: dict[int, float] = {}

    def look(self, now: float, ends: Mapping[int, int], positions: Mapping[int, int]) -> None:
        """Judge partitions by where their logs end and where the worker's commits stand.

        Args:
            now: when the ends were known.
            ends: next offset of each partition to be judged; any other is forgotten.
            positions: next offset to be analysed; a partition that no worker ever had is absent.
        """
        for partition in self._marks.keys() - ends.keys():
            del self._marks[partition], self._lags[partition]
        for partition, end in ends.items():
            position = positions.get(partition, 0)
            marks = [*self._marks.get(partition, ()), (now, end)]
            marks = [mark for mark in marks if mark[1] > position]
            if len(marks) > MARKS:
                del marks[1::2]
            self._marks[partition] = marks
            self._lags[partition] = now - marks[0][0] if marks else 0.0

    def lag(self, partition: int) -> float:
        """Seconds by which the analysis of a partition was behind at the last look."""
        return self._lags.get(partition, 0.0)

    @property
    def behind(self) -> frozenset[int]:
        """The partitions whose marks are not all reached."""
        return frozenset(partition for partition, marks in self._marks.items() if marks)

    @property
    def longest(self) -> float:
        """The longest lag of all partitions, in s."""
        return max(self._lags.values(), default=0.0)
