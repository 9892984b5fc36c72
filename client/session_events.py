"""What a device session tells its owner, and the bounds that the owner sets."""

from dataclasses import dataclass

from ecg import messages as m


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The gateway takes blocks; it has everything below `durable`."""

    durable: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Everything below sample index `durable` is stored."""

    durable: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """Samples `first` to `end` were given up: the ring was full, or too few were left for a block."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing came for `SILENCE` seconds: the connection is dead, close it."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection ended; connect again at `retry_at`."""

    reason: str
    retry_at: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The gateway will not take this device, now or later: close, and change what it says."""

    problem: m.Problem


@dataclass(frozen=True, slots=True)
class Finished:
    """All is acknowledged and GOODBYE is among the outgoing frames: send them and close."""


SessionEvent = Welcomed | Acknowledged | Dropped | Silent | Lost | Refused | Finished
Event = SessionEvent | m.Problem | m.Alarm
"""What the session tells: its own events, and what the gateway said to a person."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bounds of the ring of unacknowledged blocks.

    Attributes:
        seconds: of signal; ten minutes outlast a restart of the gateway and most network failures.
        bytes: encoded; 16 MiB are ten minutes of 12 leads at 1000 Hz, rounded up.
    """

    seconds: float = 600.0
    bytes: int = 16 * 1024 * 1024
