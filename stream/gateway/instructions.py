"""What an ingest connection decides (device.py) and its shell carries out (ingest.py), as data."""

from dataclasses import dataclass

from ecg import messages as m
from stream.gateway.codes import Close


@dataclass(frozen=True, slots=True)
class Terms:
    """What the gateway asks of a device.

    Attributes:
        token: credential to show; empty: none asked.
        credit: blocks that may be sent and not yet acknowledged.
        hold: seconds for which an acknowledgement is held back at most.
    """

    token: str = ""
    credit: int = 32
    hold: float = 5.0


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message to the device."""

    message: m.Message


@dataclass(frozen=True, slots=True)
class Append:
    """Append a message to the sample log, and report when it is durable."""

    message: m.Hello | m.Block | m.Goodbye


@dataclass(frozen=True, slots=True)
class Supersede:
    """Tell another connection that this one has taken its patient."""

    connection: int


@dataclass(frozen=True, slots=True)
class Shut:
    """Close the connection, after what was to be sent before."""

    code: Close


Instruction = Send | Append | Supersede | Shut
