"""The log: one small interface (`base`), kept by SQLite files (`sqlite`) or Kafka (`kafka`)."""

from stream.log.base import (
    Entry,
    Log,
    LogClosed,
    LogCorrupt,
    LogError,
    LogFull,
    LogInUse,
    LogReadOnly,
    LogUnavailable,
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
    "Entry",
    "Log",
    "LogClosed",
    "LogCorrupt",
    "LogError",
    "LogFull",
    "LogInUse",
    "LogReadOnly",
    "LogUnavailable",
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
