"""The device's side of an ingest connection as a pure state machine: no socket, clock or task.

    WAITING --connected--> GREETING --WELCOME--> STREAMING --finished, all acknowledged--> LEAVING
       ^                      |                      |                                        |
       +---- disconnected ----+----------------------+------------ unless closed cleanly -----+
                                                                                              v
    a fatal Problem that lasts leads to REFUSED from anywhere                                DONE

- `push` takes samples at any time, connected or not, into the ring of unacknowledged blocks.
- `outgoing` gives the frames to send now: HELLO when greeting; blocks within the gateway's credit,
  a heartbeat each second while streaming; GOODBYE once finished and all is acknowledged.
- A connection that ends, whatever the reason, loses nothing: after the next WELCOME everything
  from the acknowledged index on is sent again. Duplicates are harmless to the gateway.
- Only a full ring loses samples, and says so: `Dropped`.

The caller owns the socket: it must call `connected` after opening it, hand every frame to
`received`, send what `outgoing` gives after each call, call `tick` at `next_deadline`, close when
an event asks for it (`Silent`, `Refused`, `Finished`), and call `disconnected` after any end.
`now` is seconds since 1970 on a clock that never jumps.
"""

from collections.abc import Iterable
from enum import Enum, auto
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from client.backoff import Backoff
from client.cutter import Cutter
from client.ring import Entry, Ring
from client.session_events import (
    Acknowledged,
    Buffer,
    Dropped,
    Event,
    Finished,
    Lost,
    Refused,
    Silent,
    Welcomed,
)
from ecg import messages as m
from ecg.errors import WireError
from ecg.wire import from_device, pack, to_device

HEARTBEAT: Final = 1.0
"""Seconds between two heartbeats (PROTOCOL)."""

SILENCE: Final = 5.0
"""Seconds without any message after which the peer is taken for dead: five heartbeats, so that a
Wi-Fi roaming of 2–3 s does not cost a reconnect."""

LASTING: Final = frozenset(
    {"unauthorized", "forbidden", "superseded", "version", "malformed", "unknown_type"}
    | {"missing_field", "wrong_type", "out_of_range", "mismatch", "not_finite", "too_large"}
    | {"bad_cursor", "unknown_channel", "hello_first", "subscribe_first"}
)
"""Codes of fatal problems that trying again cannot cure; after any other the device comes back."""


class State(Enum):
    """Where the session stands; the picture is at the top of this file."""

    WAITING = auto()
    GREETING = auto()
    STREAMING = auto()
    LEAVING = auto()
    DONE = auto()
    REFUSED = auto()


DEFAULT_BUFFER: Final = Buffer()
DEFAULT_BACKOFF: Final = Backoff()

ONLINE: Final = frozenset({State.GREETING, State.STREAMING, State.LEAVING})
"""States in which there is a connection that must show life."""


class DeviceSession:
    """One session of one device, from its first sample to GOODBYE, over any number of connections.

    Args:
        hello: who streams what; `hello.session` must be new for each reset of the sample counter,
            since the gateway takes a known index for a duplicate.
        flags: of every block, e.g. `demo`.
        buffer: bounds of what may wait for its acknowledgement.
        backoff: when to reconnect. Its jitter is seeded by the session id, so that devices differ
            and a run repeats.

    Attributes:
        state: where it stands.
        durable: everything below this sample index is acknowledged.
        dropped: samples given up so far.
        retry_at: when to connect, while WAITING; the first time at once.
        portion: samples that can be waited for: a quarter of what the buffer holds.

    Raises:
        WireError: HELLO breaks the protocol.
    """

    def __init__(
        self,
        hello: m.Hello,
        *,
        flags: tuple[str, ...] = (),
        buffer: Buffer = DEFAULT_BUFFER,
        backoff: Backoff = DEFAULT_BACKOFF,
    ) -> None:
        self._greeting = pack(hello)
        from_device.decode(self._greeting)
        self.hello = hello
        self.state = State.WAITING
        self.durable = 0
        self.dropped = 0
        self.retry_at = 0.0
        self._cutter = Cutter(hello, flags)
        self._ring = Ring(buffer.seconds, buffer.bytes)
        whole = min(buffer.seconds * hello.rate, buffer.bytes / (2 * len(hello.leads)))
        self.portion = max(1, int(whole / 4))
        self._backoff = backoff
        self._dice = Random(hello.session)  # noqa: S311 - jitter, no secret
        self._failures = 0
        self._credit = 0
        self._heard = 0.0
        self._beat_due = 0.0
        self._greet = False
        self._reason: str | None = None

    # ── The device ────────────────────────────────────────────────────────────────────────────

    @property
    def end(self) -> int:
        """Index after the last sample taken."""
        return self._cutter.next

    @property
    def waiting(self) -> int:
        """Blocks that wait for their acknowledgement."""
        return len(self._ring)

    def has_room(self, samples: int) -> bool:
        """Whether `samples` more can be pushed without dropping anything."""
        size = samples * 2 * len(self.hello.leads) + 512
        return self._ring.fits(samples / self.hello.rate, size)

    def push(
        self,
        samples: NDArray[np.int16],
        *,
        first: int | None = None,
        device_time: float | None = None,
        lead_off: Iterable[m.LeadOff] = (),
        pace: Iterable[int] = (),
    ) -> list[Event]:
        """Take samples: int16 (n, leads), as `Cutter.cut` describes them.

        Args:
            samples: in units of `uv_per_lsb`.
            first: index of the first one if it is not the next; a jump tells of a gap.
            device_time: the device's clock at the first one.
            lead_off: changes of the lead-off state within them.
            pace: pace marks within them.

        Raises:
            TypeError, ValueError: they do not suit the session; nothing was taken.
        """
        if self._reason is not None:
            raise ValueError("the session is finished")
        blocks, lost = self._cutter.cut(
            samples, first=first, device_time=device_time, lead_off=lead_off, pace=pace
        )
        events: list[Event] = [self._drop(*lost)] if lost else []
        for block in blocks:
            events += self._keep(block)
        return events

    def finish(self, reason: str = "end") -> list[Event]:
        """No more samples come: GOODBYE follows as soon as all are acknowledged."""
        self._reason = reason
        lost = self._cutter.give_up()
        return [self._drop(*lost)] if lost else []

    def _keep(self, block: m.Block) -> list[Event]:
        if block.end <= self.durable:
            return []
        entry = Entry(block.first, block.end, block.count / block.rate, pack(block))
        return [self._drop(old.first, old.end) for old in self._ring.push(entry)]

    def _drop(self, first: int, end: int) -> Dropped:
        self.dropped += end - first
        return Dropped(first, end)

    # ── The network ───────────────────────────────────────────────────────────────────────────

    def connected(self, now: float) -> None:
        """A connection is open; HELLO is outgoing."""
        self.state = State.GREETING
        self._greet = True
        self._heard = now

    def disconnected(self, now: float, reason: str = "", *, clean: bool = False) -> list[Event]:
        """The connection ended (`clean`: by a complete closing handshake), or did not open."""
        self._ring.rewind()
        if self.state is State.LEAVING and clean:
            self.state = State.DONE
        if self.state in {State.DONE, State.REFUSED}:
            return []
        self.state = State.WAITING
        self._failures += 1
        self.retry_at = now + self._backoff.delay(self._failures, self._dice)
        return [Lost(reason, self.retry_at)]

    def received(self, frame: bytes | str, now: float) -> list[Event]:
        """Handle one frame.

        Raises:
            WireError: the gateway breaks the protocol; close the connection.
        """
        message = to_device.decode(frame)
        self._heard = now
        match message:
            case m.Ack():
                return self._acknowledge(message)
            case m.Welcome():
                return self._welcome(message, now)
            case m.Problem():
                return self._complain(message)
            case m.Alarm():
                return [message]
        self._failures = 0  # a heartbeat: the gateway has been well for a second
        return []

    def _welcome(self, welcome: m.Welcome, now: float) -> list[Event]:
        if self.state is not State.GREETING:
            raise WireError("unexpected", "WELCOME without HELLO", field="type")
        self.state = State.STREAMING
        self._beat_due = now + HEARTBEAT
        self._cutter.limit(welcome.limits)
        self._settle(welcome.durable, welcome.credit)
        return [Welcomed(self.durable)]

    def _acknowledge(self, ack: m.Ack) -> list[Event]:
        if ack.session != self.hello.session:
            return []
        if self.state is State.GREETING:
            raise WireError("unexpected", "ACK before WELCOME", field="type")
        self._failures = 0
        before = self.durable
        self._settle(ack.durable, ack.credit)
        return [Acknowledged(self.durable)] if self.durable > before else []

    def _settle(self, durable: int, credit: int) -> None:
        """What is durable stays durable, even if a restarted gateway does not know it yet."""
        self.durable = max(self.durable, durable)
        self._credit = credit
        self._ring.acknowledge(self.durable)

    def _complain(self, problem: m.Problem) -> list[Event]:
        if problem.fatal and problem.code in LASTING:
            return [problem, *self.refuse(problem)]
        return [problem]

    def refuse(self, problem: m.Problem) -> list[Event]:
        """The gateway will not take this device, as the caller knows: HTTP 401, for example."""
        self.state = State.REFUSED
        return [Refused(problem)]

    # ── Time ──────────────────────────────────────────────────────────────────────────────────

    def next_deadline(self) -> float | None:
        """When `tick` and `outgoing` want to be called next, None while there is no connection."""
        if self.state not in ONLINE:
            return None
        silence = self._heard + SILENCE
        return min(silence, self._beat_due) if self.state is State.STREAMING else silence

    def tick(self, now: float) -> list[Event]:
        """Notice a dead peer."""
        dead = self.state in ONLINE and now >= self._heard + SILENCE
        return [Silent()] if dead else []

    def outgoing(self, now: float) -> tuple[list[bytes], list[Event]]:
        """Frames to send now, in order, and what that means."""
        if self.state is State.GREETING and self._greet:
            self._greet = False
            return [self._greeting], []
        if self.state is not State.STREAMING:
            return [], []
        frames = self._ring.take(self._credit)
        if now >= self._beat_due:
            self._beat_due = now + HEARTBEAT
            frames.append(pack(m.Heartbeat(time=now)))
        if self._reason is None or len(self._ring):
            return frames, []
        self.state = State.LEAVING
        return [*frames, self._goodbye(self._reason)], [Finished()]

    def _goodbye(self, reason: str) -> bytes:
        patient, session = self.hello.patient.id, self.hello.session
        return pack(m.Goodbye(patient=patient, session=session, end=self.end, reason=reason))
