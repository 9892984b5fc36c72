"""Strips: the signal from 10 s before to 5 s after an alarm's onset, fetched once it is there."""

from typing import Final

import msgspec

from ecg.conditions import CATALOGUE
from ecg.messages import Alarm
from stream.engine.streams import Stream

BEFORE_SECONDS: Final = 10.0
AFTER_SECONDS: Final = 5.0


class Wanted(msgspec.Struct, frozen=True):
    """A strip to be made when the stream has reached sample `end`."""

    alarm: str
    patient: str
    session: str
    first: int
    end: int
    time: float
    """Of the onset, seconds since 1970."""


def wanted(alarm: Alarm, rate: float) -> Wanted | None:
    """The strip that an alarm calls for, if it is one about the patient."""
    if CATALOGUE[alarm.kind].technical:
        return None
    first = max(0, alarm.onset_sample - round(BEFORE_SECONDS * rate))
    end = alarm.onset_sample + round(AFTER_SECONDS * rate)
    return Wanted(alarm.id, alarm.patient, alarm.session, first, end, alarm.onset_time)


def due(strip: Wanted, stream: Stream | None) -> bool:
    """Whether its signal is complete: reached by the stream, or of a session that is over."""
    if stream is None or strip.session != stream.session:
        return True
    return stream.closed or stream.arrival.next >= strip.end
