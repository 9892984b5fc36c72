"""A record through the live pipeline at full speed: the one runner of `annotate` and of uploads.

Nothing here differs from the stream but the clock: a block arrives when its last sample was taken.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from client.records import Record, RecordError
from client.replay import LeadOffTrack
from ecg.messages import MAX_RATE, MIN_RATE, Block, Goodbye
from stream.engine.events import Event
from stream.engine.pipeline import Classifier
from stream.engine.ward import Ward

BLOCK_SECONDS: Final = 0.1
"""As a device sends live: alarms are decided no later than there."""


def check_rate(record: Record, where: str | Path) -> None:
    """Refuse a record of a rate that no device may have; `where` it is said to be.

    Raises:
        RecordError: `rate`.
    """
    if not MIN_RATE <= record.rate <= MAX_RATE:
        limit = f"{MIN_RATE:g} to {MAX_RATE:g} Hz"
        raise RecordError("rate", "rate", f"{record.rate:g} Hz", where, limit=limit)


def play(
    record: Record, classifier: Classifier, block_seconds: float = BLOCK_SECONDS
) -> Iterator[tuple[float, Event]]:
    """Everything that the pipeline says of a record, with the stream's time in seconds.

    Of a record with several leads the first is heard, and the second where that one fails.

    Longer blocks are cheaper; beats and onsets do not depend on them, only when an alarm is decided.

    Raises:
        RecordError: no device may have the record's rate.
    """
    check_rate(record, record.name)
    ward = Ward(classifier)
    name = "".join(c if c.isalnum() or c in "_.-" else "-" for c in record.name)[:64] or "record"
    now = 0.0
    for block in blocks(record, name, block_seconds):
        now = block.end / record.rate
        yield from ((now, event) for event in ward.push([(block, now)]))
    end = Goodbye(patient=name, session="record", end=len(record))
    yield from ((now, event) for event in ward.push([(end, now)]))
    yield from ((now, event) for event in ward.tick(now))


def blocks(record: Record, patient: str, seconds: float) -> Iterator[Block]:
    """The record as a device would send it, with its leads off where they are invalid alone."""
    track = LeadOffTrack(record)
    for seq, (first, samples) in enumerate(record.blocks(seconds)):
        yield Block(
            patient=patient,
            session="record",
            seq=seq,
            first=first,
            rate=record.rate,
            leads=record.leads,
            uv_per_lsb=record.uv_per_lsb,
            payload=np.ascontiguousarray(samples.T, "<i2").tobytes(),
            lead_off=tuple(track.within(first, first + len(samples))),
        )
