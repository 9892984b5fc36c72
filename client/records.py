"""Open a record of any format that we read, and read and write WFDB annotation files.

WFDB and EDF need the optional extra: pip install 'beatwire[records]'. CSV needs nothing more.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from client.formats.csv import open_csv
from client.formats.edf import open_edf
from client.formats.record import LeadOff, Record, RecordError
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
    path: str | Path, leads: Sequence[int | str] | None = None, *, rate: float | None = None
) -> Record:
    """Open the record at `path`.

    Args:
        path: a WFDB record (with or without `.hea`, `.dat`, `.mat`), an EDF or BDF file, or a CSV
            file (`client.formats.csv` describes it).
        leads: by number from 0, the header's label or the standard name, in the order wanted;
            None takes every signal in a unit of voltage.
        rate: Hz, for a CSV file without a time column; other files say it themselves.

    Raises:
        RecordError: the file is absent or malformed, a lead is not there, an extra is missing.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if rate is not None and not rate > 0:
        raise RecordError("rate", "rate", f"{rate} is not > 0", path)
    if suffix in _CSV:
        return open_csv(path, leads, rate)
    if rate is not None:
        raise RecordError("rate", "rate", "only a CSV file takes a rate", path)
    if suffix in _EDF:
        return open_edf(path, leads)
    return open_wfdb(path.with_suffix("") if suffix in _WFDB else path, leads)
