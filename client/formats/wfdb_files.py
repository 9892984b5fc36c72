"""WFDB records (PhysioNet's format; .dat or .mat signals) and annotation files, by `wfdb`."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from client.formats.record import (
    CHUNK,
    MAX_SAMPLES,
    MICROVOLTS,
    Chunk,
    Record,
    RecordError,
    Signal,
    assemble,
    choose,
)

INVALID: Final = {
    **dict.fromkeys(("80", "508"), -(1 << 7)),
    **dict.fromkeys(("310", "311"), -(1 << 9)),
    **dict.fromkeys(("16", "61", "160", "516"), -(1 << 15)),
    **dict.fromkeys(("24", "524"), -(1 << 23)),
    "212": -(1 << 11),
    "32": -(1 << 31),
}
"""The digital value that means "no sample" in each storage format (signal(5) of the WFDB manual)."""

_LEAST_BITS: Final = {
    **dict.fromkeys(("8", "80"), 8.0),
    **dict.fromkeys(("310", "311"), 32 / 3),
    "212": 12.0,
    **dict.fromkeys(("16", "61", "160"), 16.0),
    "24": 24.0,
    "32": 32.0,
}
"""Bits of a sample in the formats without compression (signal(5))."""

_READ_ERRORS: Final = (ValueError, OSError, IndexError, KeyError, TypeError)
"""What `wfdb` raises on malformed files; it has no exception type of its own for them."""


def load_wfdb(where: Path) -> ModuleType:
    """Import `wfdb`, an optional extra.

    Raises:
        RecordError: `missing-extra` when it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # wfdb 4.3 uses what pandas 3 deprecates; its user can do nothing about it.
            warnings.simplefilter("ignore", DeprecationWarning)
            import wfdb  # noqa: PLC0415 - an optional extra
    except ImportError:
        what = "reading WFDB files needs: pip install 'beatwire[records]'"
        raise RecordError("missing-extra", "wfdb", what, where) from None
    return wfdb  # type: ignore[no-any-return]


def open_wfdb(path: Path, leads: Sequence[int | str] | None) -> Record:
    """Read the WFDB record at `path` (without suffix)."""
    where = path.with_name(path.name + ".hea")
    if not where.is_file():
        raise RecordError("not-found", "record", "there is no such file", where)
    wfdb = load_wfdb(where)
    header = _header(wfdb, path, where)
    signals = [
        Signal(n or "", u or "mV") for n, u in zip(header.sig_name, header.units, strict=True)
    ]
    columns = choose(signals, leads, where)
    baseline = np.array([header.baseline[c] for c in columns], np.int64)
    absent = np.array([INVALID.get(header.fmt[c], np.iinfo(np.int64).min) for c in columns])

    def read() -> Iterator[Chunk]:
        for first in range(0, header.sig_len, CHUNK):
            stop = min(first + CHUNK, header.sig_len)
            values = _digital(wfdb, path, columns, first, stop)
            yield Chunk(values - baseline, values == absent)

    scale = [MICROVOLTS[signals[c].unit.lower()] / header.adc_gain[c] for c in columns]
    chosen = [signals[c] for c in columns]
    rate, length = float(header.fs), int(header.sig_len)
    return assemble(
        path.name, rate, chosen, uv_per_unit=scale, length=length, read=read, available=signals
    )


def _header(wfdb: ModuleType, path: Path, where: Path) -> Any:
    try:
        header = wfdb.rdheader(str(path))
    except _READ_ERRORS as error:
        raise RecordError("bad-header", "header", str(error), where) from error
    if not isinstance(header, wfdb.Record):
        raise RecordError("bad-header", "segments", "multi-segment records are not read", where)
    if not header.n_sig or not header.sig_len:
        what = "the number of signals and of samples must stand in the header and be at least 1"
        raise RecordError("bad-header", "signals", what, where)
    if not header.fs or header.fs <= 0:
        raise RecordError("bad-header", "sampling frequency", f"{header.fs} is not > 0", where)
    for name in {*header.file_name}:  # wfdb refuses a name with a folder in it
        if not where.with_name(name).is_file():
            raise RecordError("not-found", "signal file", f"there is no file {name}", where)
    _check_length(header, where)
    return header


def _check_length(header: Any, where: Path) -> None:
    """Refuse a declared length that the files cannot hold, before anything is made of that size."""
    least = header.sig_len * min(_LEAST_BITS.get(fmt, 0.0) for fmt in header.fmt) / 8
    held = max(where.with_name(name).stat().st_size for name in header.file_name)
    if least > held or header.sig_len > MAX_SAMPLES:
        what = f"{header.sig_len} samples are declared, the signal file has {held} bytes"
        limit = f"{MAX_SAMPLES} samples per lead"
        raise RecordError("bad-value", "number of samples", what, where, limit=limit)


def _digital(
    wfdb: ModuleType, path: Path, columns: list[int], first: int, stop: int
) -> NDArray[np.int64]:
    where, field = path.with_name(path.name + ".hea"), f"samples {first} to {stop}"
    try:
        record = wfdb.rdrecord(
            str(path), sampfrom=first, sampto=stop, channels=columns, physical=False
        )
    except _READ_ERRORS as error:
        raise RecordError("bad-value", field, str(error), where) from error
    values = np.asarray(record.d_signal, np.int64)
    if values.shape != (stop - first, len(columns)):
        what = f"the signal file ends early, it should hold {stop} samples"
        raise RecordError("bad-value", field, what, where)
    return values


@dataclass(frozen=True)
class Annotations:
    """The content of a WFDB annotation file, in time order.

    Attributes:
        samples: int64 (n,), on the record's own sampling grid.
        symbols: WFDB code of each (`N`, `V`, `+`, `~`, …).
        subtypes: int64 (n,); for `~` the noisy or unreadable signals as bits.
        notes: text of each, empty where there is none (rhythm: `(AFIB`).
        rate: Hz, when the file says it.
    """

    samples: NDArray[np.int64]
    symbols: tuple[str, ...]
    subtypes: NDArray[np.int64]
    notes: tuple[str, ...]
    rate: float | None


def read_annotations(path: str | Path, extension: str = "atr") -> Annotations:
    """Read `path.extension` (path of the record without suffix).

    Raises:
        RecordError: `not-found`, `bad-annotation` or `missing-extra`.
    """
    where = Path(f"{path}.{extension}")
    if not where.is_file():
        raise RecordError("not-found", "annotations", "there is no such file", where)
    wfdb = load_wfdb(where)
    content = where.read_bytes()
    if not content.endswith(_END):  # wfdb reads what is left without a word
        what = "no end mark: it is cut off, or no annotation file"
        raise RecordError("bad-annotation", "annotations", what, where)
    if content == _END:
        return Annotations(np.zeros(0, np.int64), (), np.zeros(0, np.int64), (), None)
    try:
        found = wfdb.rdann(str(path), extension)
    except _READ_ERRORS as error:
        raise RecordError("bad-annotation", "annotations", str(error), where) from error
    return Annotations(
        samples=np.asarray(found.sample, np.int64),
        symbols=tuple(found.symbol),
        subtypes=np.asarray(found.subtype, np.int64),
        notes=tuple(note.rstrip("\0") for note in found.aux_note),
        rate=None if found.fs is None else float(found.fs),
    )


_END: Final = b"\0\0"
"""The end mark of an annotation file (annot(5)), all that a file without annotations holds."""


def write_annotations(
    folder: str | Path,
    record_name: str,
    extension: str,
    samples: Sequence[int] | NDArray[np.int64],
    symbols: Sequence[str],
    rate: float,
    *,
    subtypes: Sequence[int] | None = None,
    notes: Sequence[str] | None = None,
) -> Path:
    """Write `folder/record_name.extension`, readable by every WFDB tool; none at all is fine.

    Args:
        folder: where to write; it is made when it does not exist.
        record_name: letters, digits, `_` and `-` (WFDB's rule).
        extension: letters only (WFDB's rule), for example `bw`.
        samples: on the record's own sampling grid, not decreasing.
        symbols: WFDB code of each (`N`, `S`, `V`, `F`, `Q`, `+`, `~`, …).
        rate: the record's sampling rate in Hz.
        subtypes: of each, 0 where absent (for `~`: unreadable signals as bits).
        notes: text of each, empty where there is none.

    Returns:
        The file written.

    Raises:
        RecordError: `bad-annotation` or `missing-extra`.
    """
    where = Path(folder) / f"{record_name}.{extension}"
    wfdb = load_wfdb(where)
    where.parent.mkdir(parents=True, exist_ok=True)
    if len(samples) == 0:
        where.write_bytes(_END)
        return where
    try:
        wfdb.wrann(
            record_name,
            extension,
            np.asarray(samples, np.int64),
            symbol=list(symbols),
            subtype=None if subtypes is None else np.asarray(subtypes, np.int64),
            aux_note=None if notes is None else list(notes),
            fs=rate,
            write_dir=str(where.parent),
        )
    except _READ_ERRORS as error:
        raise RecordError("bad-annotation", "annotations", str(error), where) from error
    return where
