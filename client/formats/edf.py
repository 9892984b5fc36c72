"""EDF, EDF+ and BDF records, by `edfio`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from client.formats.record import (
    CHUNK,
    MICROVOLTS,
    Chunk,
    Record,
    RecordError,
    Signal,
    assemble,
    choose,
)


def open_edf(path: Path, leads: Sequence[int | str] | None) -> Record:
    """Read the EDF, EDF+C or BDF file at `path`; without `leads`, all voltages of one rate.

    The digital zero of a signal need not be whole; it is rounded, an error of at most half a
    digital unit of constant offset.
    """
    edf = _open(_load_edfio(path), path)
    signals = [Signal(s.label, s.physical_dimension) for s in edf.signals]
    columns = choose(signals, leads, path)
    if leads is None:
        rate = edf.signals[columns[0]].sampling_frequency
        columns = [c for c in columns if edf.signals[c].sampling_frequency == rate]
    chosen = [edf.signals[c] for c in columns]
    rates = sorted({float(s.sampling_frequency) for s in chosen})
    if len(rates) > 1:
        what = f"the chosen leads differ: {rates} Hz"
        raise RecordError("rate", "samples per data record", what, path)
    length = int(chosen[0].samples_per_data_record) * int(edf.num_data_records)
    scales = [_scale(s, path) for s in chosen]
    uv = [MICROVOLTS[s.physical_dimension.lower()] for s in chosen]
    gains = [gain * u for (gain, _), u in zip(scales, uv, strict=True)]
    zeros = np.array([zero for _, zero in scales], np.int64)

    def read() -> Iterator[Chunk]:
        digital = [s.digital for s in chosen]
        for first in range(0, length, CHUNK):
            values = np.stack([d[first : first + CHUNK] for d in digital], axis=1)
            yield Chunk(values.astype(np.int64) - zeros, np.zeros(values.shape, np.bool_))

    named = [signals[c] for c in columns]
    return assemble(
        path.stem, rates[0], named, uv_per_unit=gains, length=length, read=read, available=signals
    )


def _load_edfio(where: Path) -> ModuleType:
    try:
        import edfio  # noqa: PLC0415 - an optional extra
    except ImportError:
        what = "reading EDF files needs: pip install 'beatwire[records]'"
        raise RecordError("missing-extra", "edfio", what, where) from None
    return edfio  # type: ignore[no-any-return]


def _open(edfio: ModuleType, path: Path) -> Any:
    if not path.is_file():
        raise RecordError("not-found", "record", "there is no such file", path)
    read = edfio.read_bdf if path.suffix.lower() == ".bdf" else edfio.read_edf
    try:
        edf = read(path)
        continuous = edf.is_continuous
    except (ValueError, OSError, IndexError, KeyError) as error:
        raise RecordError("bad-header", "header", str(error), path) from error
    if not continuous:
        what = "data records do not follow one another (EDF+D); export it as EDF+C"
        raise RecordError("discontinuous", "data records", what, path)
    return edf


def _scale(signal: Any, path: Path) -> tuple[float, int]:
    """Physical units per digital unit, and the digital value of physical zero (EDF, 1992)."""
    digital = signal.digital_max - signal.digital_min
    physical = signal.physical_max - signal.physical_min
    if digital <= 0 or physical == 0:
        what = f"an empty range in {signal.label!r}"
        raise RecordError("bad-header", "physical or digital minimum and maximum", what, path)
    gain = physical / digital
    return gain, round(signal.digital_max - signal.physical_max / gain)
