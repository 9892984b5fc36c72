"""Run-by-run comparison: couplets and runs of ectopic beats, as EC57 4.3.4 and WFDB's rxr(1) do it.

A row is one or more beats of a kind one after the other; a couplet has two, a run three and more. For
sensitivity each row of the reference is looked for in the test: the longest row among the test's
beats from 150 ms before its first to 150 ms after its last beat. For positive predictivity the two
files change places. A row counts as found when that one reaches the least length of its kind: 2 for
a couplet, 3 for a short run (3 to 5 beats), 6 for a long one.

What a row is made of can be read in two ways, and both are reported:

- As rxr does: fusion beats are ventricular, so a row of F is one of V. An episode of ventricular
  flutter or fibrillation is a long row of V, one of atrial fibrillation a long row of S, and the normal
  beats in it are S. An unreadable stretch ends a row.
- Beats of the class alone (V_ALONE, S_ALONE): an episode of ventricular fibrillation ends a row, what
  either file has in it, or the reference in its unreadable stretches, does not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecg.types import CLASSES, BeatClass
from inference.evaluation.annotations import Annotations, Beats, is_shutdown, window_samples
from inference.evaluation.ec57 import LEARNING_S

LONGEST: Final = 6
"""Lengths from here on are one row and column of the matrices, as in rxr."""

KINDS: Final = {"couplet": (2, 2), "short": (3, 5), "long": (6, 6), "run": (3, 6)}
"""Least and greatest length (6 = six or more) of each kind; `run` is every one of three or more."""

_BEATS: Final = (*CLASSES, "A")
_NEVER: Final = 1 << 62


@dataclass(frozen=True)
class RunMatrices:
    """Lengths 0 to 6 (six or more) of each row and of its longest counterpart.

    Attributes:
        sensitivity: int64 (7, 7), rows: rows of the reference, columns: found in the test.
        predictivity: int64 (7, 7), rows: rows of the test, columns: found in the reference.
    """

    sensitivity: NDArray[np.int64]
    predictivity: NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """What of a file matters to rows, in time order.

    Attributes:
        samples: of each label.
        names: a class of `CLASSES`, A (N in atrial fibrillation), U (unreadable from here on), or the
            start and end of ventricular `[`, `]` and of atrial fibrillation `{`, `}`.
    """

    samples: list[int]
    names: list[str]

    def outside(self, *files: Beats) -> "Labels":
        """Without what lies in ventricular fibrillation of these files, but for its brackets."""
        at = np.array(self.samples, np.int64)
        inside = np.zeros(len(at), np.bool_)
        for file in files:
            inside |= file.fibrillation.contain(at) | file.shutdown.contain(at)
        kept = [k for k, name in enumerate(self.names) if name not in _BEATS or not inside[k]]
        return Labels([self.samples[k] for k in kept], [self.names[k] for k in kept])


@dataclass(frozen=True)
class Target:
    """What a row is made of, by names of labels.

    Attributes:
        beats: they make it longer.
        breaks: they end it.
        opens: begins an episode that is a long row by itself; closes: the end of that.
        leaves: what ends an episode in the file that is searched.
        other: the other kind's episode begins, which ends a row in the file that is searched.
    """

    beats: str
    breaks: str
    opens: str = ""
    closes: str = ""
    leaves: str = ""
    other: str = ""


V_RXR: Final = Target("VF", "NASQU", opens="[", closes="]", leaves="]{U", other="{")
S_RXR: Final = Target("SA", "NVFQU", opens="{", closes="}", leaves="}[U", other="[")
V_ALONE: Final = Target("V", "NASFQ[")
S_ALONE: Final = Target("S", "NAVFQ[")
ALONE: Final = {"v_runs": V_ALONE, "s_runs": S_ALONE}
RXR: Final = {"v_runs_rxr": V_RXR, "s_runs_rxr": S_RXR}
"""Both readings, by their names in a report."""


def labels(found: Annotations, mapping: dict[str, BeatClass]) -> Labels:
    """The labels of an annotation file; `mapping` gives the class of each beat symbol."""
    out = Labels([], [])
    state = _State()
    for k, symbol in enumerate(found.symbols):
        if symbol in mapping:
            name = mapping[symbol].value
            name = "A" if name == "N" and state.atrial else name
        elif symbol == "~":
            name = state.unreadable(shut=is_shutdown(found, k))
        else:
            name = state.rhythm(symbol, found.notes[k])
        if name:
            out.samples.append(int(found.samples[k]))
            out.names.append(name)
    return out


class _State:
    """Which episodes go on in a file."""

    def __init__(self) -> None:
        self.atrial = False
        self._ventricular = False
        self._shut = False

    def unreadable(self, *, shut: bool) -> str:
        """U where an unreadable stretch begins."""
        begins = shut and not self._shut
        self._shut = shut
        return "U" if begins else ""

    def rhythm(self, symbol: str, note: str) -> str:
        """The bracket that a flutter mark or the note of a rhythm stands for, empty for none."""
        if symbol == "[" or (symbol == "+" and note.startswith("(VF")):
            begins = not self._ventricular
            self.atrial, self._ventricular = self.atrial and not begins, True
            return "[" if begins else ""
        if symbol == "+" and note.startswith("(AF"):
            begins = not self.atrial
            self.atrial, self._ventricular = True, self._ventricular and not begins
            return "{" if begins else ""
        if symbol == "+" and note and self.atrial:
            self.atrial = False
            return "}"
        if (symbol == "]" or (symbol == "+" and note)) and self._ventricular:
            self._ventricular = False
            return "]"
        return ""


def compare_runs(
    reference: Labels, test: Labels, rate: float, target: Target, learning_s: float = LEARNING_S
) -> RunMatrices:
    """Compare the rows of `target` in two files of one record, both ways."""
    start, window = round(learning_s * rate), window_samples(rate)
    return RunMatrices(
        _matrix(reference, test, target, start, window),
        _matrix(test, reference, target, start, window),
    )


def _matrix(
    these: Labels, others: Labels, target: Target, start: int, window: int
) -> NDArray[np.int64]:
    matrix = np.zeros((LONGEST + 1, LONGEST + 1), np.int64)
    search = _Search(others, target)
    for length, first, last in find_runs(these, target, start):
        matrix[length, search.longest(first - window, last + window)] += 1
    return matrix


def find_runs(file: Labels, target: Target, start: int = 0) -> Iterator[tuple[int, int, int]]:
    """Length (6: six or more), first and last sample of each row from sample `start` on.

    Like rxr it leaves the last sample where the row before had it while an episode has neither a
    beat of its own nor an end: one that another beat ends at once is looked for nowhere.
    """
    length, first, last = 0, start, 0
    for at, name in zip(file.samples, file.names, strict=True):
        if at < start:
            length = _before(length, name, target)
            last = start if length else 0
        elif name in target.beats:
            first = first if length else at
            length, last = min(length + 1, LONGEST), at
        elif name == target.opens and not length:
            length, first = LONGEST, at
        elif name == target.closes and length:
            last = at
        elif name in target.breaks and length:
            yield length, first, last
            length = 0
    if length:
        yield length, first, last


def _before(length: int, name: str, target: Target) -> int:
    """An episode that goes on at the start is a row that begins there."""
    if name == target.opens:
        return LONGEST
    return 0 if name in "]}" else length


class _Search:
    """Reads a file onwards, from window to window, as rxr does."""

    def __init__(self, file: Labels, target: Target) -> None:
        self._samples, self._names, self._target = file.samples, file.names, target
        self._k = 0
        self._episode = -1
        """End of the last episode that reached into a window."""

    def longest(self, low: int, high: int) -> int:
        """The longest row between samples `low` and `high`, inclusive."""
        self._to(low)
        if self._episode > low:
            return LONGEST
        best = length = 0
        while self._k < len(self._names) and self._samples[self._k] <= high:
            name = self._names[self._k]
            if name == self._target.opens:
                self._leave()
                return LONGEST
            if name in self._target.beats:
                length = min(length + 1, LONGEST)
            elif name in self._target.breaks or name == self._target.other:
                length = 0
            best = max(best, length)
            self._k += 1
        return best

    def _to(self, low: int) -> None:
        """Go to the first label from `low` on, unless an episode reaches beyond it."""
        while self._episode <= low and self._k < len(self._names) and self._samples[self._k] < low:
            if self._names[self._k] == self._target.opens:
                self._leave()
            else:
                self._k += 1

    def _leave(self) -> None:
        """Go to what ends the episode that begins here."""
        self._k += 1
        while self._k < len(self._names) and self._names[self._k] not in self._target.leaves:
            self._k += 1
        self._episode = self._samples[self._k] if self._k < len(self._names) else _NEVER


def found_of(matrix: NDArray[np.int64], kind: str) -> tuple[int, int]:
    """(found, all) runs of a kind in one of the matrices."""
    least, greatest = KINDS[kind]
    rows = matrix[least : greatest + 1]
    return int(rows[:, least:].sum()), int(rows.sum())
