"""A table of isolated beats: every row is answered, and answered Q.

The engine names a beat by what it knows of its patient: the usual shape, the rhythm before, the P
wave. A row begins at the R peak, without any of these and without its amplitude; a wide beat may be
ventricular or this patient's bundle branch block. Q is EC57's word for what cannot be classified
(docs/decisions/0013-single-beats.md).
"""

from pathlib import Path
from typing import Final

import numpy as np

from client.formats import csv_dialect
from client.formats.record import RecordError
from client.formats.single_beats import RATE, VALUES, read_beats
from ecg.types import CLASSES, BeatClass
from stream.uploads import ALARMS, BEAT, BEATS, GAPS, SIGNAL, Result

_Q: Final = CLASSES.index(BeatClass.Q)
_UNITS: Final = 1000
"""Of the signal that is kept, per unit of the table."""

NOTE: Final = (
    "single beats: a row has neither the rhythm nor the usual shape of its patient, which the class of a "
    "beat depends on; every row is therefore Q (unclassifiable). Upload the record that they are from."
)


def answer_rows(path: Path, folder: Path) -> Result:
    """Write beats and signal of the table at `path` into `folder`; returns the result.

    Raises:
        RecordError: `bad-value` with line and column.
    """
    count = 0
    dialect = csv_dialect.judge(path)
    with (folder / BEATS).open("wb") as beats, (folder / SIGNAL).open("wb") as signal:
        for rows, lines in read_beats(path, dialect):
            wrong = ~((rows >= 0.0) & (rows <= 1.0)).all(axis=1)
            if wrong.any():
                where = f"{path}:{lines[np.argmax(wrong)]}"
                what = "a value is missing, or not within 0 to 1"
                raise RecordError("bad-value", "row", what, where, limit="0 to 1")
            signal.write(np.rint(rows * _UNITS).astype("<i2").tobytes())
            beats.write(_marks(count, len(rows)))
            count += len(rows)
    for name in (ALARMS, GAPS):
        (folder / name).touch()
    return _result(path.stem, count)


def _marks(first: int, count: int) -> bytes:
    """A beat at the begin of each row."""
    marks = np.zeros(count, BEAT)
    marks["sample"] = (first + np.arange(count)) * VALUES
    marks["class"] = _Q
    marks["probabilities"][:, _Q] = 1.0
    marks["rr"] = np.nan
    return marks.tobytes()


def _result(name: str, count: int) -> Result:
    return Result(
        name=name,
        format="single_beats",
        model="",
        rate=RATE,
        lead="",
        leads=(),
        uv_per_lsb=1.0,
        samples=count * VALUES,
        seconds=round(count * VALUES / RATE, 3),
        gap_seconds=0.0,
        gaps=(),
        gaps_total=0,
        beats={label.value: count * (label is BeatClass.Q) for label in CLASSES},
        heart_rate=None,
        conditions=(),
        alarms=(),
        alarms_total=0,
        trend=(),
        notes=(NOTE,),
    )
