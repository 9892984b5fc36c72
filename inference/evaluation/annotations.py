"""Annotation files as the evaluation needs them: beats in EC57 classes, VF and shutdown spans."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecg.types import CLASSES, BeatClass

WINDOW_S: Final = 0.150
"""EC57's match window: two annotations this far apart, inclusive, may still mean one beat."""

_N: Final = dict.fromkeys("NLRB", BeatClass.N)
_S: Final = dict.fromkeys("AaJS", BeatClass.S)
_V: Final = dict.fromkeys("VrE", BeatClass.V)
_F: Final = {"F": BeatClass.F}
_Q: Final = dict.fromkeys("/fQ?", BeatClass.Q)

BXB: Final = {**_N, **_S, **_V, **_F, **_Q, **dict.fromkeys("ejn", BeatClass.S)}
"""EC57 class of each WFDB beat symbol as bxb maps them: the escape beats e, j, n are S."""

PAPERS: Final = {**BXB, **dict.fromkeys("ejn", BeatClass.N)}
"""The same with e, j, n in N, as most papers on DS1 and DS2 do (de Chazal 2004)."""

_SHUTDOWN_BITS: Final = 0x30
"""A NOISE annotation with both bits of its subtype begins an unreadable stretch (bxb(1))."""


_END: Final = b"\0\0"
"""The end mark of an annotation file, annot(5)."""


class EvaluationError(ValueError):
    """What was asked cannot be evaluated: a file is absent or malformed, a record unknown."""


@dataclass(frozen=True)
class Annotations:
    """One annotation file, in time order: sample, WFDB symbol, subtype and text of each."""

    samples: NDArray[np.int64]
    symbols: tuple[str, ...]
    subtypes: tuple[int, ...]
    notes: tuple[str, ...]
    rate: float | None


@dataclass(frozen=True)
class Spans:
    """Stretches [start, end] in samples, in order; both ends belong to them."""

    starts: NDArray[np.float64]
    ends: NDArray[np.float64]

    def contain(self, samples: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the samples lie inside a span."""
        if len(self.starts) == 0:
            return np.zeros(len(samples), np.bool_)
        last = np.searchsorted(self.starts, samples, side="right") - 1
        return (last >= 0) & (samples <= self.ends[np.maximum(last, 0)])

    def seconds(self, start: int, end: int, rate: float) -> float:
        """How long the spans last between the samples start and end."""
        lengths = np.minimum(self.ends, end) - np.maximum(self.starts, start)
        return float(np.maximum(lengths, 0).sum() / rate)


def window_samples(rate: float) -> int:
    """The largest whole number of samples within 150 ms."""
    return int(WINDOW_S * rate + 1e-9)


def spans(pairs: list[tuple[float, float]]) -> Spans:
    """Spans from (start, end) pairs."""
    table = np.array(pairs, np.float64).reshape(-1, 2)
    return Spans(table[:, 0], table[:, 1])


@dataclass(frozen=True)
class Beats:
    """The beats of one file and where it has none by its own account.

    Attributes:
        samples: int64 (n,), not decreasing.
        classes: int8 (n,), index into `ecg.types.CLASSES`.
        fibrillation: spans between `[` and `]`.
        shutdown: unreadable spans.
    """

    samples: NDArray[np.int64]
    classes: NDArray[np.int8]
    fibrillation: Spans
    shutdown: Spans

    def __len__(self) -> int:
        """Number of beats."""
        return len(self.samples)

    def keep(self, wanted: NDArray[np.bool_]) -> "Beats":
        """The same file with some of its beats only."""
        return Beats(self.samples[wanted], self.classes[wanted], self.fibrillation, self.shutdown)


def load(path: Path, extension: str) -> Annotations:
    """Read `path.extension` (path of the record without suffix), a WFDB annotation file.

    Raises:
        EvaluationError: the file is absent or malformed, or `wfdb` is not installed.
    """
    where = path.with_name(f"{path.name}.{extension}")
    if not where.is_file():
        raise EvaluationError(f"{where}: there is no such annotation file")
    if _is_empty(where):
        return Annotations(np.zeros(0, np.int64), (), (), (), None)
    try:
        with warnings.catch_warnings():
            # wfdb 4.3 uses what pandas 3 deprecates; its user can do nothing about it.
            warnings.simplefilter("ignore", DeprecationWarning)
            import wfdb  # noqa: PLC0415 - an optional extra

            found = wfdb.rdann(str(path), extension)
    except ImportError:
        raise EvaluationError("evaluation needs: pip install 'beatwire[records]'") from None
    except (ValueError, OSError, IndexError, KeyError, TypeError) as error:
        raise EvaluationError(f"{where}: {error}") from error
    return Annotations(
        np.asarray(found.sample, np.int64),
        tuple(found.symbol),
        tuple(int(subtype) for subtype in found.subtype),
        tuple(note.rstrip("\0") for note in found.aux_note),
        float(found.fs) if found.fs else None,
    )


def _is_empty(where: Path) -> bool:
    """Whether a file has its end mark alone, which wfdb refuses; what is cut off it reads silently."""
    try:
        content = where.read_bytes()
    except OSError as error:
        raise EvaluationError(f"{where}: {error.strerror}") from error
    if not content.endswith(_END):
        raise EvaluationError(f"{where}: no end mark: it is cut off, or no annotation file")
    return content == _END


def beats(found: Annotations, rate: float, mapping: dict[str, BeatClass]) -> Beats:
    """Take the beats, VF spans and shutdown spans out of an annotation file.

    Args:
        found: the file's annotations.
        rate: Hz of their samples.
        mapping: class of each beat symbol, `BXB` or `PAPERS`; other symbols are not beats.
    """
    order = {name: index for index, name in enumerate(CLASSES)}
    rows = [i for i, symbol in enumerate(found.symbols) if symbol in mapping]
    classes = [order[mapping[found.symbols[i]]] for i in rows]
    return Beats(
        found.samples[rows],
        np.array(classes, np.int8),
        _fibrillation(found),
        _shutdown(found, mapping, window_samples(rate)),
    )


def _fibrillation(found: Annotations) -> Spans:
    pairs: list[tuple[float, float]] = []
    start = None
    for sample, symbol in zip(found.samples.tolist(), found.symbols, strict=True):
        if symbol == "[" and start is None:
            start = sample
        elif symbol == "]" and start is not None:
            pairs.append((start, sample))
            start = None
    if start is not None:
        pairs.append((start, np.inf))
    return spans(pairs)


def _shutdown(found: Annotations, mapping: Mapping[str, BeatClass], margin: int) -> Spans:
    """Shutdown spans, as bxb(1) reads them: from a shutdown mark to a mark of another quality.

    Where that is not the next annotation the mark is the AHA database's: it stands in the middle of an
    unreadable stretch that begins 150 ms after the beat or end of fibrillation before it and ends
    150 ms before the next annotation. Marks within a fibrillation say nothing.
    """
    pairs: list[tuple[float, float]] = []
    before, fibrillates = 0, False
    samples = found.samples.tolist()
    for k, (sample, symbol) in enumerate(zip(samples, found.symbols, strict=True)):
        if symbol in {"[", "]"}:
            fibrillates = symbol == "["
        if symbol == "]" or (symbol in mapping and not fibrillates):
            before = sample
        if fibrillates or not is_shutdown(found, k):
            continue
        if k + 1 == len(samples):
            pairs.append((sample, np.inf))
        elif found.symbols[k + 1] == "~" and not is_shutdown(found, k + 1):
            pairs.append((sample, samples[k + 1]))
        else:
            end = samples[k + 1] - margin
            pairs.append((min(before + margin, end), end))
    return spans(pairs)


def is_shutdown(found: Annotations, k: int) -> bool:
    """Whether annotation k begins an unreadable stretch."""
    return found.symbols[k] == "~" and found.subtypes[k] & _SHUTDOWN_BITS == _SHUTDOWN_BITS
