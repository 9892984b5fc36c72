"""Open a record of any format that we read, and read and write WFDB annotation files.

WFDB and EDF need the optional extra: pip install 'beatwire[records]'. CSV needs nothing more.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from client.formats.csv import open_csv
from client.formats.edf import open_edf
from client.formats.record import MICROVOLTS, Given, LeadOff, Record, RecordError
from client.formats.wfdb_files import Annotations, open_wfdb, read_annotations, write_annotations

__all__ = [
    "Annotations",
    "LeadOff",
    "Record",
    "RecordError",
    "open_record",
    "read_annotations",
    "write_annotations",
]

_CSV: Final = (".csv", ".tsv", ".txt")
_EDF: Final = (".edf", ".bdf")
_WFDB: Final = (".hea", ".dat", ".mat")


def open_record(
    path: str | Path,
    leads: Sequence[int | str] | None = None,
    *,
    rate: float | None = None,
    unit: str = "",
    uv_per_lsb: float | None = None,
) -> Record:
    """Open the record at `path`.

    Args:
        path: a WFDB record (with or without `.hea`, `.dat`, `.mat`), an EDF or BDF file, or a CSV
            file (`client.formats.csv` describes it).
        leads: by number from 0, the header's label or the standard name, in the order wanted;
            None takes every signal in a unit of voltage.
        rate: Hz, for a CSV file without a time column; other files say it themselves.
        unit: of a CSV file's values (V, mV, uV, nV), instead of what its header says.
        uv_per_lsb: microvolts per unit of a CSV file that holds a converter's raw numbers.

    Raises:
        RecordError: the file is absent or malformed, a lead is not there, an extra is missing.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    given = Given(rate, unit, uv_per_lsb)
    _check(given, path)
    if suffix in _CSV:
        return open_csv(path, leads, given)
    for name, value in given._asdict().items():
        if value not in {None, ""}:
            code = "rate" if name == "rate" else "unit"
            raise RecordError(code, name, f"only a CSV file takes a {name}", path)
    if suffix in _EDF:
        return open_edf(path, leads)
    return open_wfdb(path.with_suffix("") if suffix in _WFDB else path, leads)


def _check(given: Given, path: Path) -> None:
    if given.rate is not None and not given.rate > 0:
        raise RecordError("rate", "rate", f"{given.rate} is not > 0", path)
    if given.uv_per_lsb is not None and not given.uv_per_lsb > 0:
        raise RecordError("unit", "uv_per_lsb", f"{given.uv_per_lsb} is not > 0", path)
    if given.unit and given.unit.lower() not in MICROVOLTS:
        raise RecordError("unit", "unit", f"{given.unit!r} is not one of V, mV, uV, nV", path)
    if given.unit and given.uv_per_lsb is not None:
        raise RecordError("unit", "unit", "unit and uv_per_lsb exclude one another", path)
