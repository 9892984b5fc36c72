"""What an analysed file gave, read from its folder in pages. Blocking: call it in a thread."""

import csv
import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg.types import CLASSES
from stream.uploads import BEAT, BEATS, GAPS, RESULT, SIGNAL, Result

MAX_PAGE: Final = 10_000
"""Beats in one answer: 2 MB of JSON."""
MAX_POINTS: Final = 20_000
_BATCH: Final = 4096


class BeatItem(msgspec.Struct, frozen=True):
    """One beat: R at `sample`, `time` seconds from the start; `rr` in seconds where it is known."""

    sample: int
    time: float
    label: str = msgspec.field(name="class")
    probabilities: dict[str, float]
    rr: float | None
    quality: float


class BeatPage(msgspec.Struct, frozen=True):
    """Beats `after` … ; `next` is the `after` of the next page, absent at the end."""

    total: int
    beats: list[BeatItem]
    next: int | None


class SignalPage(msgspec.Struct, frozen=True):
    """A stretch of the analysed lead, in units of `uv_per_lsb` microvolts.

    Each point stands for `step` samples: their lowest and highest value (equal when `step` is 1), or
    nothing within a gap.
    """

    first: int
    end: int
    rate: float
    uv_per_lsb: float
    step: int
    low: list[int | None]
    high: list[int | None]


def read_result(folder: Path) -> Result:
    """The whole result."""
    return msgspec.json.decode((folder / RESULT).read_bytes(), type=Result)


def beat_page(folder: Path, rate: float, after: int, limit: int) -> BeatPage:
    """Some beats, in order of time."""
    total = (folder / BEATS).stat().st_size // BEAT.itemsize
    first = min(after, total)
    rows = _beats(folder, first, limit)
    end = first + len(rows)
    return BeatPage(total, [_item(row, rate) for row in rows], end if end < total else None)


def beat_lines(folder: Path, rate: float) -> Iterator[bytes]:
    """Every beat as a JSON line."""
    return _stream(folder, rate, lambda items: b"".join(map(_json_line, items)))


def beat_rows(folder: Path, rate: float) -> Iterator[bytes]:
    """Every beat as a row of CSV, with a header."""
    names = ["sample", "time", "class", *(f"p_{name}" for name in CLASSES), "rr", "quality"]
    yield (",".join(names) + "\r\n").encode()
    yield from _stream(folder, rate, _csv_rows)


def signal_page(folder: Path, result: Result, start: int, end: int, points: int) -> SignalPage:
    """Samples [start, end), at most `points` of them or as many pairs of lowest and highest."""
    step = max(1, math.ceil((end - start) / points))
    values = np.fromfile(folder / SIGNAL, "<i2", count=end - start, offset=2 * start)
    gap = _in_gaps(folder, start, end)
    low, high = [], []
    for at in range(0, len(values), step):
        known = values[at : at + step][~gap[at : at + step]]
        low.append(int(known.min()) if len(known) else None)
        high.append(int(known.max()) if len(known) else None)
    return SignalPage(start, end, result.rate, result.uv_per_lsb, step, low, high)


def _beats(folder: Path, after: int, limit: int) -> NDArray[Any]:
    return np.fromfile(folder / BEATS, BEAT, count=limit, offset=after * BEAT.itemsize)


def _item(row: Any, rate: float) -> BeatItem:
    sample, label, probabilities, rr, quality = row.item()
    return BeatItem(
        sample=sample,
        time=round(sample / rate, 4),
        label=CLASSES[label].value,
        probabilities={
            name.value: round(float(p), 4) for name, p in zip(CLASSES, probabilities, strict=True)
        },
        rr=None if math.isnan(rr) else round(rr, 4),
        quality=round(quality, 3),
    )


def _stream(
    folder: Path, rate: float, encode: Callable[[list[BeatItem]], bytes]
) -> Iterator[bytes]:
    after = 0
    while len(rows := _beats(folder, after, _BATCH)):
        yield encode([_item(row, rate) for row in rows])
        after += len(rows)


def _json_line(item: BeatItem) -> bytes:
    return msgspec.json.encode(item) + b"\n"


def _csv_rows(items: list[BeatItem]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(
        [i.sample, i.time, i.label, *i.probabilities.values(), i.rr, i.quality] for i in items
    )
    return text.getvalue().encode()


def _in_gaps(folder: Path, start: int, end: int) -> NDArray[np.bool_]:
    inside = np.zeros(end - start, np.bool_)
    gaps = np.fromfile(folder / GAPS, "<i8").reshape(-1, 2)
    met = gaps[(gaps[:, 1] > start) & (gaps[:, 0] < end)]
    for first, last in met.tolist():
        inside[max(first - start, 0) : last - start] = True
    return inside
