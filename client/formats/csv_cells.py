"""What a field of a CSV file may hold: a number, a clock time, or a word for "no sample"."""

from datetime import datetime
from typing import Final

MISSING: Final = ("", "nan", "na", "n/a", "null", "none", "-", "--")
"""What stands for "no sample", in lower case."""


def number_of(cell: str, decimal: str) -> float | None:
    """The field's number, None when it holds none."""
    try:
        return float(cell.replace(decimal, "."))
    except ValueError:
        return None


def clock(cell: str) -> float | None:
    """Seconds of `hh:mm:ss.fff`, `mm:ss.fff` or an ISO date and time; None when it is neither."""
    text = cell.strip("'\"[] ")
    try:
        if "-" in text[1:] or "/" in text:
            return datetime.fromisoformat(text.replace("/", "-")).timestamp()
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        return None
    if not 2 <= len(parts) <= 3:
        return None
    seconds = 0.0
    for part in parts:
        seconds = 60.0 * seconds + part
    return seconds
