"""One ingest connection as a state machine: stimuli in, instructions out. Pure.

| state    | HELLO            | BLOCK                 | HEARTBEAT | GOODBYE          | silence 10 s  |
|----------|------------------|-----------------------|-----------|------------------|---------------|
| GREETING | claim, append,   | Problem hello_first,  | noted     | Problem          | Problem       |
|          | WELCOME → OPEN   | close → CLOSED        |           | hello_first, …   | silent, close |
| OPEN     | Problem          | append; ACK when      | noted     | append → LEAVING | Problem       |
|          | unexpected, …    | durable (held.py)     |           |                  | silent, close |
| LEAVING  | Problem          | Problem               | noted     | Problem          | Problem       |
|          | unexpected, …    | unexpected, …         |           | unexpected, …    | silent, close |
| CLOSED   | nothing, whatever comes; what becomes durable still counts for the session             |

In LEAVING, the last append that becomes durable sends what is left to acknowledge and closes. Every
state but CLOSED goes to CLOSED, with a Problem that says why, when a frame cannot be read, a newer
connection takes the patient, or the log fails. Samples may overlap, repeat and go back: `arrive`
in the worker sorts that out. Bad input is the end of its own connection only.

The shell (ingest.py) performs the instructions in order, calls `tick` at least every half second,
and reports appends in the order in which it was told to make them.
"""

import hmac
from collections import deque
from enum import Enum, auto
from typing import Final

import msgspec

from ecg import messages as m
from ecg.errors import WireError
from stream.gateway.advice import on_block
from stream.gateway.codes import Close
from stream.gateway.held import Held
from stream.gateway.instructions import Append, Instruction, Send, Shut, Supersede, Terms
from stream.gateway.sessions import Progress, Sessions

SILENT_SECONDS: Final = 10.0
"""Ten heartbeats missed: a connection that is dead, or a peer that is."""
HEARTBEAT_SECONDS: Final = 1.0
ACK_SECONDS: Final = 0.5
"""An ACK costs about as much as a block: so twice a second, or when a quarter of the credit is
used up, whichever is first. The protocol asks for one a second."""


class State(Enum):
    """Where a connection stands; see the table on top of this file."""

    GREETING = auto()
    OPEN = auto()
    LEAVING = auto()
    CLOSED = auto()


class DeviceConnection:
    """The machine. `now` is any clock in seconds that never goes back."""

    def __init__(
        self, number: int, terms: Terms, sessions: Sessions, now: float, bearer: str = ""
    ) -> None:
        """Begin.

        Args:
            number: which connection this is, unique in the process.
            terms: what is asked of the device.
            sessions: shared by all connections of the process.
            now: time of the connection's start.
            bearer: credential of the Authorization header, empty when there was none.
        """
        self.number = number
        self.state = State.GREETING
        self.hello: m.Hello | None = None
        self._terms = terms
        self._sessions = sessions
        self._bearer = bearer
        self._progress = Progress()
        self._held = Held(terms)
        self._in_flight: deque[m.Hello | m.Block | m.Goodbye] = deque()
        self._blocks = 0
        self._failed = self._advised = False
        self._unreported = 0
        self._heard = self._acked = self._pulse = now

    @property
    def in_flight(self) -> int:
        """Appends that are not durable yet."""
        return len(self._in_flight)

    # ── Stimuli ───────────────────────────────────────────────────────────────────────────────

    def receive(self, message: m.Message, now: float) -> list[Instruction]:
        """A message has come from the device."""
        self._heard = now
        if self.state is State.CLOSED:
            return []
        try:
            return self._take(message, now)
        except WireError as error:
            return self._refuse(error)

    def reject(self, error: WireError) -> list[Instruction]:
        """A frame has come that cannot be read."""
        return [] if self.state is State.CLOSED else self._refuse(error)

    def appended(self, count: int, now: float, lag: float = 0.0) -> list[Instruction]:
        """The oldest `count` appends have become durable; the analysis is `lag` seconds behind."""
        for _ in range(count):
            message = self._in_flight.popleft()
            if isinstance(message, m.Block) and not self._failed:
                self._note(message, now)
        leaves = self.state is State.LEAVING and not self._in_flight
        self._release(now, 0.0 if leaves else lag)
        if leaves:
            last = [self._ack(now)] if self._unreported else []
            return [*last, *self._shut(Close.NORMAL)]
        if self._state_is_up and self._ack_is_due(now):
            return [self._ack(now)]
        return []

    def failed(self, text: str) -> list[Instruction]:
        """The log did not take the oldest append: nothing after it may count as durable either.

        The device resends from its last ACK; what did become durable behind the hole comes twice.
        """
        self._in_flight.popleft()
        self._failed = True
        if self.state is State.CLOSED:
            return []
        return self._end(Close.UNAVAILABLE, "log_unavailable", text)

    def superseded(self) -> list[Instruction]:
        """A newer connection serves this patient."""
        if self.state is State.CLOSED:
            return []
        text = "a newer connection serves this patient"
        return self._end(Close.SUPERSEDED, "superseded", text)

    def alarm(self, alarm: m.Alarm) -> list[Instruction]:
        """The patient's device is to know of an alarm."""
        return [Send(alarm)] if self._state_is_up else []

    def hear(self, now: float) -> None:
        """The shell itself has not been listening: the device is not to blame for silence."""
        self._heard = now

    def tick(self, now: float, wall: float, lag: float = 0.0) -> list[Instruction]:
        """Time passes; the analysis is `lag` seconds behind.

        `wall` is the clock that heartbeats carry, in seconds since 1970.
        """
        if self.state is State.CLOSED:
            return []
        if now - self._heard >= SILENT_SECONDS:
            text = f"nothing heard for {SILENT_SECONDS:g} s"
            return self._end(Close.SILENT, "silent", text, limit=f"{SILENT_SECONDS:g} s")
        due: list[Instruction] = []
        self._release(now, lag)
        if self._state_is_up and self._ack_is_due(now):
            due.append(self._ack(now))
        if now - self._pulse >= HEARTBEAT_SECONDS:
            self._pulse = now
            due.append(Send(m.Heartbeat(time=wall)))
        return due

    def lost(self) -> None:
        """The connection is gone: free what it holds of others."""
        self.state = State.CLOSED
        if self.hello is not None:
            self._sessions.release(self.hello.patient.id, self.number)

    # ── What a message does ───────────────────────────────────────────────────────────────────

    def _take(self, message: m.Message, now: float) -> list[Instruction]:
        if isinstance(message, m.Heartbeat):
            return []
        if self.state is State.GREETING:
            return self._greet(message, now)
        if self.state is State.OPEN and isinstance(message, m.Block):
            return self._block(message)
        if self.state is State.OPEN and isinstance(message, m.Goodbye):
            return self._goodbye(message)
        kind = type(message).__name__.upper()
        raise WireError("unexpected", f"{kind} when {self.state.name.lower()}", field="type")

    def _greet(self, message: m.Message, now: float) -> list[Instruction]:
        if not isinstance(message, m.Hello):
            raise WireError("hello_first", "the first message must be HELLO", field="type")
        if not self._authorized(message.credential):
            return self._end(Close.UNAUTHORIZED, "unauthorized", "credential is missing or wrong")
        self.hello = msgspec.structs.replace(message, credential="")
        self.state, self._acked = State.OPEN, now
        self._held = Held(self._terms, message.device.store_seconds)
        patient = message.patient.id
        self._progress, older = self._sessions.claim(patient, message.session, self.number)
        supersede = [] if older in {None, self.number} else [Supersede(older)]
        welcome = m.Welcome(durable=self._progress.durable, credit=self._terms.credit)
        return [*supersede, self._append(self.hello), Send(welcome)]

    def _authorized(self, credential: str) -> bool:
        """Compare in constant time; a header that was sent is the one that counts."""
        token = self._terms.token
        shown = self._bearer or credential
        return not token or hmac.compare_digest(shown.encode(errors="replace"), token.encode())

    def _block(self, block: m.Block) -> list[Instruction]:
        hello = self.hello
        assert hello is not None
        if (
            block.patient != hello.patient.id
            or block.session != hello.session
            or block.rate != hello.rate
            or block.leads != hello.leads
        ):
            raise _mismatch(block, hello)
        if self._blocks >= self._terms.credit:
            limit = f"{self._terms.credit} blocks"
            text = f"{self._blocks} blocks are in flight already"
            return self._end(Close.TOO_MANY, "too_many_in_flight", text, limit=limit)
        self._blocks += 1
        advice = None if self._advised else on_block(block)
        self._advised = self._advised or advice is not None
        return [self._append(_placed(block, hello.location)), *([Send(advice)] if advice else [])]

    def _goodbye(self, message: m.Goodbye) -> list[Instruction]:
        hello = self.hello
        assert hello is not None
        if message.patient != hello.patient.id or message.session != hello.session:
            raise _mismatch(message, hello)
        self.state = State.LEAVING
        return [self._append(message)]

    # ── Parts ─────────────────────────────────────────────────────────────────────────────────

    @property
    def _state_is_up(self) -> bool:
        return self.state is State.OPEN or self.state is State.LEAVING

    def _append(self, message: m.Hello | m.Block | m.Goodbye) -> Append:
        self._in_flight.append(message)
        return Append(message)

    def _note(self, block: m.Block, now: float) -> None:
        """One more block is durable."""
        self._progress.add(block.first, block.end, block.rate)
        self._held.add(self._progress.durable, block.count / block.rate, now)

    def _release(self, now: float, lag: float) -> None:
        """Durable blocks that have been held back for long enough may be acknowledged."""
        count = self._held.release(now, lag)
        self._blocks -= count
        self._unreported += count

    def _ack_is_due(self, now: float) -> bool:
        if not self._unreported:
            return False
        quarter = self._unreported >= max(1, self._terms.credit // 4)
        return quarter or now - self._acked >= ACK_SECONDS

    def _ack(self, now: float) -> Send:
        assert self.hello is not None
        self._acked, self._unreported = now, 0
        durable, credit = self._held.durable, self._terms.credit
        return Send(m.Ack(session=self.hello.session, durable=durable, credit=credit))

    def _refuse(self, error: WireError) -> list[Instruction]:
        return self._end(Close.INVALID, error.code, error.text, error.field, error.limit)

    def _end(
        self, code: Close, problem: str, text: str, field: str = "", limit: str = ""
    ) -> list[Instruction]:
        message = m.Problem(code=problem, text=text[:256], field=field[:256], limit=limit[:256])
        return [Send(message), *self._shut(code)]

    def _shut(self, code: Close) -> list[Instruction]:
        self.lost()
        return [Shut(code)]


def _mismatch(message: m.Block | m.Goodbye, hello: m.Hello) -> WireError:
    """Which field differs from HELLO, and what it should have been."""
    pairs = {
        "patient": (message.patient, hello.patient.id),
        "session": (message.session, hello.session),
    }
    if isinstance(message, m.Block):
        pairs["rate"] = (f"{message.rate:g}", f"{hello.rate:g}")
        pairs["leads"] = (",".join(message.leads), ",".join(hello.leads))
    field = next(name for name, (got, expected) in pairs.items() if got != expected)
    got, expected = pairs[field]
    text = f"{field} is {got!r}, in HELLO it was {expected!r}"
    return WireError("mismatch", text, field=field, limit=expected)


def _placed(block: m.Block, location: m.Location) -> m.Block:
    """The block with its bed: whoever reads it from the log has not seen the HELLO."""
    if block.unit or block.bed or not (location.unit or location.bed):
        return block
    return msgspec.structs.replace(block, unit=location.unit, bed=location.bed)
