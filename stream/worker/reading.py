"""Records of the log as the worker takes them: what cannot be read stalls nobody.

It is told with its place and a stable code (`ecg.rejected`), and left out.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from ecg import wire
from ecg.errors import WireError
from ecg.messages import Acknowledge, Admit, Discharge, PauseAudio, Rejected, SetLimits
from stream.engine.intake import Arrived, patient_of
from stream.log import OffsetExpired, Reader, Record

Refuse = Callable[[Rejected], None]
AnyCommand = Acknowledge | PauseAudio | SetLimits | Admit | Discharge

MAX_TEXT: Final = 256

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


def _ignore(_: Rejected) -> None:
    """It was told when it was first read."""


def arrivals(records: Iterable[Record], refuse: Refuse = _ignore) -> list[Arrived]:
    """Decode samples; what is none goes to `refuse`."""
    found: list[Arrived] = []
    for record in records:
        try:
            message = wire.samples.read(record.value)
            _check_key(record, patient_of(message))
        except WireError as error:
            refuse(_rejected(record, error))
            continue
        found.append((message, record.time_ms / 1000))
    return found


def commands(records: Sequence[Record], refuse: Refuse = _ignore) -> list[Asked]:
    """Decode commands; what is none goes to `refuse`."""
    found: list[Asked] = []
    for record in records:
        try:
            command = wire.commands.read(record.value)
            _check_key(record, command.patient)
        except WireError as error:
            refuse(_rejected(record, error))
            continue
        found.append(Asked(command, record.offset, record.time_ms / 1000))
    return found


def _check_key(record: Record, patient: str) -> None:
    """The key chooses the partition: under another one a patient's records would lose their order."""
    if record.key != patient:
        raise WireError("mismatch", "the key is not the patient", field="key", limit=patient)


def _rejected(record: Record, error: WireError) -> Rejected:
    return Rejected(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key[:MAX_TEXT],
        time=record.time_ms / 1000,
        code=error.code,
        text=error.text[:MAX_TEXT],
        field=error.field[:MAX_TEXT],
        limit=error.limit[:MAX_TEXT],
    )
