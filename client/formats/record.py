"""What a record is once it is open, whatever its file format, and how a reader fills it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg.types import Lead

CHUNK: Final = 1 << 18
"""Samples that a reader handles at a time: 2 MiB per lead, so that 24 h never lie there as floats."""

INT16_MAX: Final = 32767

MAX_SAMPLES: Final = 172_800_000
"""Samples per lead: 48 h at 1000 Hz. A header or a hole in time that says more is not believed."""

MICROVOLTS: Final = {"v": 1e6, "mv": 1e3, "uv": 1.0, "µv": 1.0, "μv": 1.0, "nv": 1e-3}
"""Microvolts per unit of voltage as record headers spell it; any other unit is not an ECG lead."""


class RecordError(ValueError):
    """A record or annotation file cannot be used as it is.

    Attributes:
        code: stable reason (`not-found`, `missing-extra`, `bad-header`, `bad-value`, `no-lead`,
            `rate`, `unit`, `too-long`, `not-text`, `single-beats`, `discontinuous`, `bad-annotation`,
            `unreachable`).
        field: the offending part, in the format's own words; in a table the column.
        where: the file, with `:line` where lines exist.
        limit: the limit that was broken, in words, empty where there is none.
    """

    def __init__(
        self, code: str, field: str, what: str, where: str | Path, *, limit: str = ""
    ) -> None:
        super().__init__(f"{where}: {field}: {what}" + (f" (limit: {limit})" if limit else ""))
        self.limit = limit
        self.code = code
        self.field = field
        self.what = what
        self.where = str(where)


class Given(NamedTuple):
    """What the caller knows of a file that does not say it itself (CSV).

    Attributes:
        rate: Hz.
        unit: of the values, as in MICROVOLTS.
        uv_per_lsb: microvolts per unit of a converter's raw numbers; excludes `unit`.
    """

    rate: float | None = None
    unit: str = ""
    uv_per_lsb: float | None = None


class LeadOff(NamedTuple):
    """Samples [start, end) in which one lead (its column) is invalid while another is not."""

    lead: int
    start: int
    end: int


class Chunk(NamedTuple):
    """A stretch as a reader delivers it: integers without baseline, and which are invalid."""

    values: NDArray[np.int64]
    invalid: NDArray[np.bool_]


@dataclass(frozen=True)
class Record:
    """An open record in digital units: microvolt = sample × uv_per_lsb.

    Attributes:
        name: the file's name without suffix.
        rate: sampling rate in Hz.
        leads: standard name of each lead, `unknown` where the header's name is none.
        labels: the header's own name of each lead.
        uv_per_lsb: microvolts per digital unit of each lead.
        samples: int16 (samples, leads), baseline subtracted; 0 where invalid.
        gaps: [start, end) in which every lead is invalid, in order.
        lead_off: [start, end) in which some leads are invalid, by lead, then in order.
        available: the header's names of all leads that could have been chosen.
        notes: what the reader had to guess.
    """

    name: str
    rate: float
    leads: tuple[Lead, ...]
    labels: tuple[str, ...]
    uv_per_lsb: tuple[float, ...]
    samples: NDArray[np.int16]
    gaps: tuple[tuple[int, int], ...]
    lead_off: tuple[LeadOff, ...]
    available: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Samples per lead, gaps included."""
        return len(self.samples)

    @property
    def seconds(self) -> float:
        """Duration in seconds, gaps included."""
        return len(self) / self.rate

    def blocks(self, seconds: float) -> Iterator[tuple[int, NDArray[np.int16]]]:
        """Cut the record into blocks of `seconds`, as a device would send them.

        Yields:
            (first sample, int16 (n, leads)); blocks end at multiples of `seconds` and at gaps, so
            a gap shows as a jump of the first sample. The arrays are views, not copies.
        """
        size = round(seconds * self.rate)
        if size < 1:
            raise ValueError(f"a block of {seconds} s holds no sample at {self.rate} Hz")
        for start, end in self._valid():
            first = start
            while first < end:
                stop = min(end, (first // size + 1) * size)
                yield first, self.samples[first:stop]
                first = stop

    def _valid(self) -> Iterator[tuple[int, int]]:
        start = 0
        for gap_start, gap_end in (*self.gaps, (len(self), len(self))):
            if gap_start > start:
                yield start, gap_start
            start = gap_end


class Signal(NamedTuple):
    """One signal as a file's header describes it, before it is chosen."""

    label: str
    unit: str


def parse_lead(label: str) -> Lead:
    """Standard name of a header's label, `unknown` where it is none; EDF's "ECG V1" is V1."""
    word = label.strip()
    for prefix in ("ecg ", "ekg ", "lead "):
        if word.lower().startswith(prefix):
            word = word[len(prefix) :].strip()
    return next((lead for lead in Lead if lead.lower() == word.lower()), Lead.UNKNOWN)


def choose(
    signals: Sequence[Signal], wanted: Sequence[int | str] | None, where: str | Path
) -> list[int]:
    """Columns of the wanted leads (by number from 0, label or standard name), or of all voltages.

    Raises:
        RecordError: `no-lead` when a wanted lead is absent or not a voltage, or there is none.
    """
    if wanted is None:
        columns = [i for i, s in enumerate(signals) if s.unit.lower() in MICROVOLTS]
    else:
        columns = [_column(signals, lead, where) for lead in wanted]
    if not columns:
        raise RecordError("no-lead", "leads", "no signal in a unit of voltage", where)
    return columns


def _column(signals: Sequence[Signal], wanted: int | str, where: str | Path) -> int:
    names = ", ".join(s.label for s in signals)
    column = _find(signals, wanted)
    if column is None:
        raise RecordError("no-lead", "leads", f"{wanted!r} is not among {names}", where)
    unit = signals[column].unit
    if unit.lower() not in MICROVOLTS:
        raise RecordError("no-lead", "leads", f"{wanted!r} is in {unit!r}, not a voltage", where)
    return column


def _find(signals: Sequence[Signal], wanted: int | str) -> int | None:
    if isinstance(wanted, int) or wanted.isdecimal():
        return int(wanted) if 0 <= int(wanted) < len(signals) else None
    for i, signal in enumerate(signals):
        if signal.label.strip().lower() == wanted.strip().lower():
            return i
    lead = parse_lead(wanted)
    if lead is Lead.UNKNOWN:
        return None
    return next((i for i, s in enumerate(signals) if parse_lead(s.label) is lead), None)


def assemble(
    name: str,
    rate: float,
    signals: Sequence[Signal],
    *,
    uv_per_unit: Sequence[float],
    length: int,
    read: Callable[[], Iterator[Chunk]],
    available: Sequence[Signal] = (),
    notes: Sequence[str] = (),
) -> Record:
    """Build the record from a reader that delivers it chunk by chunk.

    Values that do not fit int16 (24-bit converters, far baselines) are divided by the smallest
    whole number that makes them fit, and `uv_per_lsb` grows by it.

    Args:
        name: the record's name.
        rate: sampling rate in Hz.
        signals: the chosen signals.
        uv_per_unit: microvolts per unit of each signal's integers.
        length: samples per lead.
        read: starts reading from the beginning; called a second time when values do not fit.
        available: every signal of the file; those in a unit of voltage could have been chosen.
        notes: what was guessed.

    Raises:
        RecordError: `too-long` when there are more than MAX_SAMPLES.
    """
    if length > MAX_SAMPLES:
        limit = f"{MAX_SAMPLES} samples per lead"
        raise RecordError("too-long", "samples", f"there are {length}", name, limit=limit)
    divisor = np.ones(len(signals), np.int64)
    while True:
        samples, invalid, peak = _fill(read(), length, divisor)
        if (peak <= INT16_MAX * divisor).all():
            break
        divisor = -(-peak // INT16_MAX).clip(max=-1)
    gaps = tuple(runs(np.asarray(invalid.all(axis=1))))
    return Record(
        name=name,
        rate=rate,
        leads=tuple(parse_lead(s.label) for s in signals),
        labels=tuple(s.label for s in signals),
        uv_per_lsb=tuple(float(u * d) for u, d in zip(uv_per_unit, divisor, strict=True)),
        samples=samples,
        gaps=gaps,
        lead_off=_lead_off(invalid),
        available=tuple(s.label for s in available if s.unit.lower() in MICROVOLTS),
        notes=tuple(notes),
    )


def _fill(
    chunks: Iterator[Chunk], length: int, divisor: NDArray[np.int64]
) -> tuple[NDArray[np.int16], NDArray[np.bool_], NDArray[np.int64]]:
    samples = np.zeros((length, len(divisor)), np.int16)
    invalid = np.ones(samples.shape, np.bool_)
    peak = np.zeros(len(divisor), np.int64)
    first = 0
    for chunk in chunks:
        values = np.where(chunk.invalid, 0, chunk.values)
        magnitude = np.where(values < 0, ~values, values)  # int16 holds one more below zero
        peak = np.maximum(peak, magnitude.max(axis=0, initial=0))
        rows = slice(first, first + len(values))
        # Halves round up: floor((2 v + d) / 2 d) is exact in integers.
        samples[rows] = ((2 * values + divisor) // (2 * divisor)).astype(np.int16)
        invalid[rows] = chunk.invalid
        first = rows.stop
    return samples, invalid, peak


def _lead_off(invalid: NDArray[np.bool_]) -> tuple[LeadOff, ...]:
    some = ~invalid.all(axis=1)
    return tuple(
        LeadOff(lead, start, end)
        for lead in range(invalid.shape[1])
        for start, end in runs(invalid[:, lead] & some)
    )


def runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """[start, end) of each stretch of true flags."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    for start, end in edges.reshape(-1, 2):
        yield int(start), int(end)
