"""The log: one small interface (`base`), kept by SQLite files (`sqlite`)."""

from stream.log.base import (
    RETENTION,
    Entry,
    Log,
    LogClosed,
    LogCorrupt,
    LogError,
    LogFull,
    LogInUse,
    LogReadOnly,
    NotWritable,
    OffsetAhead,
    OffsetExpired,
    OffsetOutOfRange,
    Reader,
    Record,
    Retention,
    Topic,
)
from stream.log.sqlite import SqliteLog

__all__ = [
    "RETENTION",
    "Entry",
    "Log",
    "LogClosed",
    "LogCorrupt",
    "LogError",
    "LogFull",
    "LogInUse",
    "LogReadOnly",
    "NotWritable",
    "OffsetAhead",
    "OffsetExpired",
    "OffsetOutOfRange",
    "Reader",
    "Record",
    "Retention",
    "SqliteLog",
    "Topic",
]
