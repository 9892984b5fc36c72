"""What the gateway and the analyser of uploaded files say to each other, and what lies in a folder.

The gateway writes an `Order` to the analyser's standard input, one JSON object a line, and reads a
`Report` from its standard output in the same way. The uploaded files lie in the job's folder under
`SOURCE`; the analyser leaves the files named below beside them.
"""

from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

SOURCE: Final = "source"
"""Folder of the files as they were uploaded, under safe names."""
RESULT: Final = "result.json"
"""`Result`."""
BEATS: Final = "beats.bin"
"""`BEAT` records in order of time."""
ALARMS: Final = "alarms.jsonl"
"""Every alarm, one `Condition` a line."""
SIGNAL: Final = "signal.i2"
"""The analysed lead as little-endian int16; 0 within gaps."""
GAPS: Final = "gaps.i8"
"""Pairs of int64, [start, end) of each gap, in order."""

BEAT: Final = np.dtype(
    [
        ("sample", "<i8"),
        ("class", "u1"),  # index into ecg.types.CLASSES
        ("probabilities", "<f4", 5),
        ("rr", "<f4"),  # seconds, NaN where unknown
        ("quality", "<f4"),
    ]
)

MAX_NAME_BYTES: Final = 200
"""Of a file's name in UTF-8: file systems take 255, and a suffix may come to it."""
MOST_LISTED: Final = 1000
"""Alarms and gaps that the result itself lists; the rest is in `ALARMS` and `GAPS`."""


Positive = Annotated[float, Meta(gt=0, le=1e6)]
Unit = Annotated[str, Meta(pattern="^(?i:n|u|µ|m|)v$")]
LeadName = Annotated[str, Meta(max_length=64)]


class Options(msgspec.Struct, frozen=True):
    """What a request may say of a file that does not say it itself, and which lead is analysed.

    Attributes:
        rate: Hz.
        unit: of the values of a CSV file.
        uv_per_lsb: microvolts per unit of a CSV file with a converter's raw numbers.
        lead: by number from 0, or by name.
    """

    rate: Positive | None = None
    unit: Unit | None = None
    uv_per_lsb: Positive | None = None
    lead: LeadName = "0"


class Order(msgspec.Struct, frozen=True):
    """Analyse what lies in this folder; archives may unpack to at most `max_bytes`."""

    id: str
    folder: str
    max_bytes: int
    options: Options = Options()


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a file cannot be used, in the words of the problem details: stable code, what and where."""

    code: str
    detail: str
    field: str = ""
    limit: str = ""
    where: str = ""


def no_room(error: OSError) -> Failure:
    """The disk does not take a file: it is full, or it fails."""
    return Failure("store_unavailable", f"no room for the file: {error.strerror or error}")


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an order goes: `seconds` of `total` analysed; at the end `done`, or a failure."""

    id: str
    seconds: float = 0.0
    total: float = 0.0
    done: bool = False
    failure: Failure | None = None


# ── The result ────────────────────────────────────────────────────────────────────────────────


class HeartRate(msgspec.Struct, frozen=True):
    """Per minute, over the seconds in which it is known."""

    mean: float
    low: float
    high: float


class Condition(msgspec.Struct, frozen=True):
    """One alarm from onset to end; samples are the file's own, times seconds from its start."""

    id: str
    kind: str
    text: str
    priority: str
    """information, low, medium or high; the highest that it reached"""
    technical: bool
    onset_sample: int
    onset_time: float
    end_sample: int
    end_time: float
    value: float | None
    limit: float | None
    measure: str
    suppressed_by: str


class Kinds(msgspec.Struct, frozen=True):
    """How often a kind of condition occurred, and for how long."""

    kind: str
    text: str
    priority: str
    technical: bool
    count: int
    seconds: float


class Stretch(msgspec.Struct, frozen=True):
    """Samples `first` … `end`, exclusive."""

    first: int
    end: int


class TrendMinute(msgspec.Struct, frozen=True):
    """One minute, counted from the start of the file."""

    minute: int
    heart_rate: HeartRate | None
    beats: int
    v_beats: int
    s_beats: int
    seconds: int


class Result(msgspec.Struct, frozen=True):
    """The verdict on a file.

    Attributes:
        name: of the record.
        format: csv, edf, wfdb, or single_beats (rows of 187 values, each a beat by itself).
        model: id of the model that named the beats.
        rate: samples per second.
        lead: the file's own name of the analysed lead; `leads`: all that could have been.
        uv_per_lsb: microvolts per unit of the signal that `/signal` gives.
        samples, seconds: length, gaps included; `gap_seconds`: of it without signal.
        gaps: without signal, the first MOST_LISTED of `gaps_total`.
        beats: count by class N S V F Q.
        heart_rate: absent when it was never known.
        conditions: by kind, the most urgent first.
        alarms: in order of onset, the first MOST_LISTED of `alarms_total`.
        trend: minutes with data.
        notes: what was guessed, and what limits the result.
    """

    name: str
    format: str
    model: str
    rate: float
    lead: str
    leads: tuple[str, ...]
    uv_per_lsb: float
    samples: int
    seconds: float
    gap_seconds: float
    gaps: tuple[Stretch, ...]
    gaps_total: int
    beats: dict[str, int]
    heart_rate: HeartRate | None
    conditions: tuple[Kinds, ...]
    alarms: tuple[Condition, ...]
    alarms_total: int
    trend: tuple[TrendMinute, ...]
    notes: tuple[str, ...]
    disclaimer: str = "Not a medical device."


def example() -> dict[str, Any]:
    """A result as the API's documentation shows it."""
    rate = HeartRate(91.5, 60.0, 168.0)
    alarm = Condition(
        id="205:record:VTACH:107628",
        kind="VTACH",
        text="Ventricular tachycardia",
        priority="high",
        technical=False,
        onset_sample=107628,
        onset_time=298.967,
        end_sample=109169,
        end_time=303.247,
        value=182.4,
        limit=100.0,
        measure="/min",
        suppressed_by="",
    )
    kind = Kinds("VTACH", "Ventricular tachycardia", "high", technical=False, count=1, seconds=4.28)
    result = Result(
        name="205",
        format="wfdb",
        model="beat-2026-11",
        rate=360.0,
        lead="MLII",
        leads=("MLII", "V1"),
        uv_per_lsb=5.0,
        samples=650000,
        seconds=1805.556,
        gap_seconds=0.0,
        gaps=(),
        gaps_total=0,
        beats={"N": 2571, "S": 3, "V": 71, "F": 0, "Q": 2},
        heart_rate=rate,
        conditions=(kind,),
        alarms=(alarm,),
        alarms_total=1,
        trend=(TrendMinute(0, rate, 89, 2, 0, 60),),
        notes=(),
    )
    return dict(msgspec.to_builtins(result))
