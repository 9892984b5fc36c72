"""Records of the log as the worker takes them: what cannot be read stalls nobody."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ecg import wire
from ecg.errors import WireError
from ecg.messages import Acknowledge, Admit, Discharge, PauseAudio, SetLimits
from stream.engine.intake import Arrived, patient_of
from stream.log import OffsetExpired, Reader, Record

AnyCommand = Acknowledge | PauseAudio | SetLimits | Admit | Discharge

_log = logging.getLogger("beatwire.worker")


class Asked(msgspec.Struct, frozen=True):
    """A command, and its place and time in the log."""

    command: AnyCommand
    offset: int
    time: float


async def poll(reader: Reader, count: int, seconds: float) -> list[Record]:
    """Poll; a place that the log no longer has is left, loudly."""
    try:
        return await reader.poll(count, seconds)
    except OffsetExpired as error:
        lost = error.begin - error.position
        _log.error("%s: %d records had expired unread; on at %d", error.topic, lost, error.begin)
        reader.seek(error.begin, error.partition)
        return []


def arrivals(records: Iterable[Record]) -> list[Arrived]:
    """Decode samples; what cannot be read is logged and left out."""
    found: list[Arrived] = []
    for record in records:
        message = _decode(wire.samples, record)
        if message is None:
            continue
        if patient_of(message) != record.key:
            _log.warning("samples[%d]: of %s under another's key", record.offset, record.key)
            continue
        found.append((message, record.time_ms / 1000))
    return found


def commands(records: Sequence[Record]) -> list[Asked]:
    """Decode commands; what cannot be read is logged and left out."""
    return [
        Asked(command, record.offset, record.time_ms / 1000)
        for record in records
        if (command := _decode(wire.commands, record)) is not None
    ]


def _decode(codec: wire.Codec, record: Record) -> Any:
    try:
        return codec.decode(record.value)
    except WireError as error:
        place = f"{record.topic}[{record.offset}]"
        _log.warning("%s: %s: %s", place, error.code, error)
        return None
