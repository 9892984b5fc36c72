"""The ingest connection as a machine: what it is told, and what it then wants done."""

import msgspec
import pytest
from gateway_rig import COUNT, RATE, block, goodbye, hello
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg import messages as m
from ecg.errors import WireError
from ecg.types import Lead
from stream.engine.alarms import Book, Context
from stream.gateway.advice import LONG_SECONDS
from stream.gateway.codes import Close
from stream.gateway.device import SILENT_SECONDS, DeviceConnection, State
from stream.gateway.instructions import Append, Send, Shut, Supersede, Terms
from stream.gateway.sessions import Progress, Sessions

TERMS = Terms(credit=8)


def machine(number: int = 1, sessions: Sessions | None = None, terms: Terms = TERMS, bearer=""):
    return DeviceConnection(number, terms, sessions or Sessions(), 0.0, bearer)


def opened(**options):
    """A machine after HELLO, which is durable."""
    made = machine(**options)
    made.receive(hello(), 0.0)
    made.appended(1, 0.0)
    return made


def problem(instructions):
    """Code and field of the Problem, and the close code, of instructions that end a connection."""
    sent, shut = instructions
    return sent.message.code, sent.message.field, shut.code


def test_hello_is_appended_without_its_credential_and_welcomed():
    """The secret reaches neither log nor worker."""
    said = machine(terms=Terms("s3cret", 8)).receive(hello(credential="s3cret"), 0.0)
    assert said == [Append(hello()), Send(m.Welcome(durable=0, credit=8))]


def test_a_block_is_appended_and_acknowledged_only_when_durable():
    """No ACK before the append; none for a HELLO."""
    made = machine()
    made.receive(hello(), 0.0)
    assert made.receive(block(0), 0.0) == [Append(block(0))]
    assert made.tick(0.6, 0.0) == []
    assert made.appended(1, 0.7) == []
    assert made.appended(1, 0.8) == [Send(m.Ack(session="s1", durable=COUNT, credit=8))]


def test_a_device_of_long_blocks_is_told_once_and_not_cut_off():
    """From 2 s on: with 3 s between two blocks their patient would be silent each time (ALARMS.md)."""
    made = opened()
    for seconds, told in ((2.0, []), (2.5, ["long_blocks"]), (5.0, [])):
        payload = bytes(2 * round(RATE * seconds))
        long = msgspec.structs.replace(block(0), payload=payload)
        said = made.receive(long, 0.0)
        assert said[0] == Append(long)
        assert [(send.message.code, send.message.fatal) for send in said[1:]] == [
            (code, False) for code in told
        ]
    assert made.state is State.OPEN


@pytest.mark.parametrize("seconds", [0.1, 1.0, LONG_SECONDS, 3.0, 5.0])
def test_the_alarm_book_calls_nobody_silent_between_two_blocks(seconds):
    """Blocks of any length that arrive up to a second late raise no NO_DATA; when they stop it comes."""
    book, start = Book(), 1_700_000_000.0
    book.session(Context("p1", "s1", RATE), start)
    said = []
    for number in range(1, 21):
        now = start + seconds * number + 0.9 * (number % 2)
        end = round(number * seconds * RATE)
        said += book.tick(now) + book.arrived("p1", "s1", end, now, seconds)
    assert "NO_DATA" not in {each.alarm.kind for each in said}
    due = now + max(3.0, seconds + 2.0)
    assert not book.tick(due - 0.01)
    assert [each.alarm.kind for each in book.tick(due)] == ["NO_DATA"]


def test_acknowledgements_are_thinned_to_a_quarter_of_the_credit_or_half_a_second():
    """One ACK may cover several blocks, none waits longer than the next tick."""
    made = opened()
    for seq in range(3):
        made.receive(block(seq), 0.1)
    assert made.appended(1, 0.1) == []
    assert made.appended(1, 0.1) == [Send(m.Ack(session="s1", durable=2 * COUNT, credit=8))]
    assert made.appended(1, 0.1) == []
    assert made.tick(0.6, 0.0) == [Send(m.Ack(session="s1", durable=3 * COUNT, credit=8))]


def test_heartbeats_leave_each_second_with_the_wall_clock():
    """And not at each tick."""
    made = opened()
    assert made.tick(0.5, 100.5) == []
    assert made.tick(1.0, 101.0) == [Send(m.Heartbeat(time=101.0))]
    assert made.tick(1.5, 101.5) == []


def test_goodbye_closes_when_everything_is_durable():
    """The last ACK comes first."""
    made = opened()
    made.receive(block(0), 0.0)
    assert made.receive(goodbye(COUNT), 0.0) == [Append(goodbye(COUNT))]
    assert made.appended(1, 0.0) == []
    ack = Send(m.Ack(session="s1", durable=COUNT, credit=8))
    assert made.appended(1, 0.0) == [ack, Shut(Close.NORMAL)]


def test_the_credit_counts_blocks_in_flight():
    """One more than the credit ends the connection; HELLO does not count."""
    made = machine()
    made.receive(hello(), 0.0)
    for seq in range(8):
        made.receive(block(seq), 0.0)
    assert problem(made.receive(block(8), 0.0)) == ("too_many_in_flight", "", Close.TOO_MANY)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"patient": "p2"}, "patient"),
        ({"session": "s2"}, "session"),
        ({"rate": 500.0}, "rate"),
        ({"leads": (Lead.V1,)}, "leads"),
    ],
)
def test_a_block_that_contradicts_hello_is_refused(change, field):
    """Each field is named, and nothing is appended."""
    got = opened().receive(block(**change), 0.0)
    assert problem(got) == ("mismatch", field, Close.INVALID)


@pytest.mark.parametrize(
    ("before", "message", "code"),
    [
        ([], block(), "hello_first"),
        ([], goodbye(0), "hello_first"),
        ([hello()], hello(), "unexpected"),
        ([hello(), goodbye(0)], block(), "unexpected"),
        ([hello(), goodbye(0)], goodbye(0), "unexpected"),
        ([hello()], goodbye(0, session="s2"), "mismatch"),
    ],
)
def test_a_message_out_of_turn_is_refused(before, message, code):
    """The table on top of device.py, row by row."""
    made = machine()
    for earlier in before:
        made.receive(earlier, 0.0)
    assert problem(made.receive(message, 0.0))[0] == code


@pytest.mark.parametrize(
    ("bearer", "credential", "fine"),
    [("t", "", True), ("", "t", True), ("x", "t", False), ("", "", False), ("", "ü", False)],
)
def test_the_credential_of_the_header_or_of_hello_must_be_the_token(bearer, credential, fine):
    """A header that was sent is the one that counts."""
    made = machine(terms=Terms("t", 8), bearer=bearer)
    said = made.receive(hello(credential=credential), 0.0)
    assert (made.state is State.OPEN) == fine
    if not fine:
        assert problem(said) == ("unauthorized", "", Close.UNAUTHORIZED)


def test_a_silent_peer_is_told_and_closed():
    """In every state; any message puts it off."""
    made = opened()
    made.receive(m.Heartbeat(time=1.0), 5.0)
    assert all(isinstance(said.message, m.Heartbeat) for said in made.tick(14.9, 0.0))
    assert problem(made.tick(5.0 + SILENT_SECONDS, 0.0)) == ("silent", "", Close.SILENT)
    assert problem(machine().tick(SILENT_SECONDS, 0.0))[0] == "silent"


def test_a_shell_that_did_not_listen_does_not_blame_the_device():
    """Back-pressure of ours is not the peer's silence."""
    made = opened()
    made.hear(20.0)
    assert made.tick(20.0, 0.0) == [Send(m.Heartbeat(time=0.0))]


def test_a_newer_connection_of_the_patient_supersedes_the_older():
    """Whatever the session; the newer one is told nothing of it."""
    sessions = Sessions()
    older, newer = machine(1, sessions), machine(2, sessions)
    older.receive(hello(), 0.0)
    said = newer.receive(hello(session="s2"), 0.0)
    assert said[0] == Supersede(1)
    assert problem(older.superseded()) == ("superseded", "", Close.SUPERSEDED)
    older.lost()
    assert sessions.live == 1


def test_a_session_that_returns_is_welcomed_with_what_is_durable():
    """Also what became durable after the connection was gone."""
    sessions = Sessions()
    first = opened(sessions=sessions)
    first.receive(block(0), 0.0)
    first.lost()
    assert first.appended(1, 0.0) == []
    welcome = machine(2, sessions).receive(hello(), 0.0)[-1]
    assert welcome == Send(m.Welcome(durable=COUNT, credit=8))


def test_a_failed_append_ends_the_connection_and_what_follows_it_does_not_count():
    """A hole in the log is never acknowledged over, however long what stands behind it."""
    sessions = Sessions()
    made = opened(sessions=sessions)
    for seq in range(3):
        made.receive(block(seq, first=seq * 1000, payload=bytes(2000)), 0.0)
    made.appended(1, 0.0)
    assert problem(made.failed("disk full")) == ("log_unavailable", "", Close.UNAVAILABLE)
    made.appended(1, 0.0)
    welcome = machine(2, sessions).receive(hello(), 0.0)[-1]
    assert welcome.message.durable == 1000


def test_a_closed_machine_is_deaf():
    """Nothing that comes later has any effect."""
    made = opened()
    made.reject(WireError("malformed", "no"))
    assert made.receive(block(), 1.0) == made.tick(99.0, 0.0) == made.superseded() == []
    assert made.reject(WireError("malformed", "no")) == []


# ── Progress ──────────────────────────────────────────────────────────────────────────────────


def progress(*spans):
    made = Progress()
    for first, end in spans:
        made.add(first, end, RATE)
    return made.durable


def test_progress_starts_at_the_first_sample_that_comes():
    """A device whose ring overflowed while away does not wait for what it has lost."""
    assert progress((5000, 5050)) == 5050


def test_progress_waits_for_a_hole_of_less_than_two_seconds():
    """A block out of order must not be acknowledged away."""
    assert progress((0, 50), (100, 150), (150, 200)) == 50
    assert progress((0, 50), (100, 150), (150, 200), (50, 100)) == 200


def test_progress_gives_a_hole_up_after_two_seconds():
    """A device that lost samples goes on being acknowledged."""
    assert progress((0, 50), (100, 500)) == 50
    assert progress((0, 50), (100, 600)) == 600


@given(st.permutations(range(9)), st.lists(st.integers(0, 8), max_size=5))
def test_progress_does_not_depend_on_order_or_repetition_within_the_window(order, again):
    """Nine blocks of 50 samples are 1.8 s: every order ends at the end, never beyond a hole."""
    made, seen = Progress(), set()
    made.add(0, 0, RATE)
    for seq in [*order, *again]:
        made.add(seq * COUNT, (seq + 1) * COUNT, RATE)
        seen.add(seq)
        hole = next(i for i in range(10) if i not in seen)
        assert made.durable == hole * COUNT


def test_sessions_are_forgotten_oldest_first():
    """A bounded memory; a forgotten session is welcomed with 0, which is never too high."""
    sessions = Sessions(limit=2)
    sessions.claim("p1", "s", 1)[0].add(0, 50, RATE)
    for number, patient in enumerate(("p2", "p3")):
        sessions.claim(patient, "s", number)
    assert sessions.claim("p1", "s", 9)[0].durable == 0


# ── Hostile ───────────────────────────────────────────────────────────────────────────────────

MESSAGES = st.sampled_from(
    [hello(), hello(session="s2"), hello("p2"), goodbye(0), goodbye(0, session="s2")]
    + [m.Heartbeat(time=0.0), block(session="s2"), block(patient="p2"), block(rate=500.0)]
    + [block(seq) for seq in (0, 1, 2, 40, 2**40)]
)
STIMULI = st.one_of(
    MESSAGES.map(lambda message: ("receive", message)),
    st.just(("reject", None)),
    st.just(("appended", None)),
    st.just(("failed", None)),
    st.just(("superseded", None)),
    st.just(("lost", None)),
    st.floats(0, 12).map(lambda seconds: ("tick", seconds)),
)


class Actor:
    """Drives one machine and keeps the books that a correct shell keeps."""

    def __init__(self, number: int, sessions: Sessions) -> None:
        self.machine = machine(number, sessions)
        self.now = 0.0
        self.pending: list[m.Message] = []
        self.said: list[object] = []

    def do(self, stimulus, argument):
        self.said += self.respond(stimulus, argument)

    def respond(self, stimulus, argument):
        made = self.machine
        if stimulus == "tick":
            self.now += argument
            return made.tick(self.now, self.now)
        simple = {
            "lost": made.lost,
            "superseded": made.superseded,
            "reject": lambda: made.reject(WireError("malformed", "x" * 5000)),
        }
        if stimulus in simple:
            return simple[stimulus]() or []
        if stimulus == "receive":
            said = made.receive(argument, self.now)
            self.pending += [item.message for item in said if isinstance(item, Append)]
            return said
        if not self.pending:
            return []
        self.pending.pop(0)
        return made.appended(1, self.now) if stimulus == "appended" else made.failed("x")


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 1), STIMULI), max_size=40))
def test_no_sequence_breaks_the_machine_or_touches_another_patient(sequence):
    """Two hostile connections and a bystander who streams through it all."""
    sessions = Sessions()
    actors = [Actor(1, sessions), Actor(2, sessions)]
    bystander = machine(3, sessions)
    bystander.receive(hello("quiet"), 0.0)
    bystander.appended(1, 0.0)
    for seq, (which, (stimulus, argument)) in enumerate(sequence):
        actors[which].do(stimulus, argument)
        assert bystander.receive(block(seq, patient="quiet"), 0.0) == [
            Append(block(seq, patient="quiet"))
        ]
        bystander.appended(1, 0.0)
    assert bystander.state is State.OPEN
    for actor in actors:
        shuts = [i for i, item in enumerate(actor.said) if isinstance(item, Shut)]
        assert len(shuts) <= 1, "closed twice"
        assert all(i == len(actor.said) - 1 for i in shuts), "something after the close"
        assert actor.machine.in_flight == len(actor.pending) <= TERMS.credit + 2
        for item in actor.said:
            if isinstance(item, Send):
                msgspec.msgpack.encode(item.message)
                assert not isinstance(item.message, m.Problem) or len(item.message.text) <= 256
    for actor in actors:
        actor.machine.lost()
    assert sessions.live == 1
