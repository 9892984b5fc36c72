"""What comes out of the pipeline, besides the messages `Beat`, `Vitals` and `Gap`."""

import msgspec

from ecg.conditions import Change
from ecg.messages import Beat, Gap, Vitals


class Opened(msgspec.Struct, frozen=True):
    """A patient's stream begins: the first record of a new session has come."""

    patient: str
    session: str
    time: float


class Closed(msgspec.Struct, frozen=True):
    """The device said goodbye at device sample `sample`: silence from here on is no failure."""

    patient: str
    session: str
    sample: int
    time: float


class Changed(msgspec.Struct, frozen=True):
    """A condition of the signal was set, cleared, or happened once; times are the server's.

    `lead` is the one that was heard, or those that the condition is about.
    """

    patient: str
    session: str
    change: Change
    onset_time: float
    at_time: float
    lead: str = ""


class HeartRate(msgspec.Struct, frozen=True, gc=False):
    """The heart rate at device sample `sample`, between two seconds whose vitals tell it, per minute."""

    patient: str
    session: str
    sample: int
    heart_rate: float
    lead: str


Outcome = Beat | Vitals | HeartRate | Gap | Changed | Opened | Closed
