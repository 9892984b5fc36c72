"""Room `intervals`: QRS duration, QT and QTc from the median beat."""

from stream.engine.intervals.beat import LENGTH
from stream.engine.intervals.room import (
    MEASURE,
    STATE,
    complete,
    cut,
    expect,
    fit,
    keep,
    measure,
    restart,
    unknown,
)

__all__ = [
    "LENGTH",
    "MEASURE",
    "STATE",
    "complete",
    "cut",
    "expect",
    "fit",
    "keep",
    "measure",
    "restart",
    "unknown",
]
