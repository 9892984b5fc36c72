"""The device session, sentence by sentence."""

from random import Random

import pytest
from model_gateway import truth
from test_session_blocks import hello

from client.backoff import Backoff
from client.session import HEARTBEAT, LASTING, SILENCE, DeviceSession, State
from client.session_events import (
    Acknowledged,
    Buffer,
    Dropped,
    Finished,
    Lost,
    Refused,
    Silent,
    Welcomed,
)
from ecg import messages as m
from ecg.errors import WireError
from ecg.wire import from_device, pack


def welcome(durable: int = 0, credit: int = 4) -> bytes:
    return pack(m.Welcome(durable=durable, credit=credit))


def ack(durable: int, credit: int = 4) -> bytes:
    return pack(m.Ack(session="s", durable=durable, credit=credit))


def sent(session: DeviceSession, now: float = 0.0) -> list[m.Message]:
    return [from_device.decode(frame) for frame in session.outgoing(now)[0]]


def firsts(messages: list[m.Message]) -> list[int]:
    return [message.first for message in messages if isinstance(message, m.Block)]


def push(session: DeviceSession, blocks: int) -> list:
    """Push blocks of 25 samples, 100 ms."""
    return [e for _ in range(blocks) for e in session.push(truth(session.end, 25))]


@pytest.fixture
def session() -> DeviceSession:
    """Connected and welcomed at time 0."""
    session = DeviceSession(hello())
    session.connected(0.0)
    assert sent(session) == [hello()]
    assert session.received(welcome(), 0.0) == [Welcomed(0)]
    return session


def test_hello_opens_and_nothing_follows_before_welcome():
    """Blocks pushed while greeting wait."""
    session = DeviceSession(hello())
    push(session, 2)
    assert sent(session) == []
    session.connected(0.0)
    assert sent(session) == [hello()]
    assert sent(session) == []
    session.received(welcome(), 0.1)
    assert firsts(sent(session)) == [0, 25]


def test_no_more_blocks_in_flight_than_the_credit(session):
    """Six blocks, credit four: the rest follows with the acknowledgement."""
    push(session, 6)
    assert firsts(sent(session)) == [0, 25, 50, 75]
    assert sent(session) == []
    assert session.received(ack(50), 0.2) == [Acknowledged(50)]
    assert firsts(sent(session)) == [100, 125]


def test_credit_may_shrink_to_nothing(session):
    """Credit 0 holds the device until a later ACK gives more."""
    push(session, 6)
    session.received(ack(0, credit=0), 0.1)
    assert sent(session) == []
    session.received(ack(0, credit=1), 0.2)
    assert firsts(sent(session)) == [0]


def test_acknowledgement_is_cumulative_and_keeps_a_block_cut_in_half(session):
    """ACK 60 forgets 0–50 and keeps 50–75, of which a part is missing."""
    push(session, 4)
    sent(session)
    session.received(ack(60), 0.1)
    assert session.waiting == 2
    assert session.durable == 60


def test_acks_that_go_back_or_are_for_another_session_change_nothing(session):
    """A late or foreign ACK is harmless."""
    push(session, 4)
    sent(session)
    session.received(ack(50), 0.1)
    assert session.received(ack(25), 0.2) == []
    assert session.received(pack(m.Ack(session="other", durable=100, credit=4)), 0.3) == []
    assert (session.durable, session.waiting) == (50, 2)


def test_reconnect_resends_from_the_acknowledged_index(session):
    """What was in flight goes again, in order, after the next WELCOME."""
    push(session, 4)
    sent(session)
    session.received(ack(25), 0.1)
    session.disconnected(0.2)
    push(session, 1)
    session.connected(1.0)
    assert sent(session) == [hello()]
    session.received(welcome(25, credit=8), 1.1)
    assert firsts(sent(session)) == [25, 50, 75, 100]


def test_a_welcome_that_knows_too_little_repeats_nothing_acknowledged(session):
    """WELCOME.durable may be too low; what was acknowledged is gone from the ring and stays so."""
    push(session, 4)
    sent(session)
    session.received(ack(50), 0.1)
    session.disconnected(0.2)
    session.connected(1.0)
    sent(session)
    assert session.received(welcome(0), 1.1) == [Welcomed(50)]
    assert firsts(sent(session)) == [50, 75]


def test_a_resumed_session_skips_what_the_gateway_has():
    """A replay begun again under its old session id sends only what is new."""
    session = DeviceSession(hello())
    session.connected(0.0)
    sent(session)
    session.received(welcome(60), 0.0)
    push(session, 4)
    assert firsts(sent(session)) == [50, 75]


def test_a_full_ring_drops_the_oldest_unsent_and_says_so():
    """One second of ring, offline: 12 blocks of 100 ms leave the last ten."""
    session = DeviceSession(hello(), buffer=Buffer(seconds=1.0))
    assert push(session, 12) == [Dropped(0, 25), Dropped(25, 50)]
    assert (session.waiting, session.dropped) == (10, 50)
    session.connected(0.0)
    sent(session)
    session.received(welcome(credit=99), 0.0)
    assert firsts(sent(session)) == list(range(50, 300, 25))


def test_what_is_on_the_wire_is_not_dropped_before_what_is_not():
    """Credit two, one second of ring: blocks 0 and 25 are on their way, 50 gives way."""
    session = DeviceSession(hello(), buffer=Buffer(seconds=1.0))
    session.connected(0.0)
    sent(session)
    session.received(welcome(credit=2), 0.0)
    push(session, 10)
    assert firsts(sent(session)) == [0, 25]
    assert push(session, 1) == [Dropped(50, 75)]


def test_the_ring_is_bounded_by_bytes_too():
    """1000 bytes hold about ten blocks of 100 bytes with their envelope, never more."""
    session = DeviceSession(hello(), buffer=Buffer(bytes=1000))
    dropped = push(session, 50)
    assert dropped
    assert session.waiting * 50 < 1000
    assert session.dropped == 25 * len(dropped)


def test_has_room_tells_before_it_is_too_late():
    """While there is room, a push drops nothing."""
    session = DeviceSession(hello(), buffer=Buffer(seconds=1.0, bytes=4000))
    while session.has_room(25):
        assert push(session, 1) == []
    assert session.waiting >= 4


def test_a_heartbeat_each_second_while_streaming(session):
    """At 1 s, not before, and once; the deadline says when."""
    assert session.next_deadline() == HEARTBEAT
    assert sent(session, 0.99) == []
    assert sent(session, 1.0) == [m.Heartbeat(time=1.0)]
    assert sent(session, 1.5) == []
    assert session.next_deadline() == 2.0


@pytest.mark.parametrize("welcomed", [False, True])
def test_silence_ends_a_connection(welcomed):
    """Five seconds without a word, greeted or not, and the peer is dead."""
    session = DeviceSession(hello())
    session.connected(10.0)
    if welcomed:
        session.received(welcome(), 10.0)
    assert session.tick(10.0 + SILENCE - 0.001) == []
    assert session.tick(10.0 + SILENCE) == [Silent()]


def test_any_message_is_a_sign_of_life(session):
    """A heartbeat of the gateway moves the deadline."""
    assert session.received(pack(m.Heartbeat(time=0.0)), 4.0) == []
    sent(session, 4.0)
    assert session.tick(SILENCE) == []
    assert session.tick(4.0 + SILENCE) == [Silent()]


def test_goodbye_follows_the_last_acknowledgement(session):
    """GOODBYE names the end; the session is done when the gateway closes cleanly."""
    push(session, 1)
    sent(session)
    session.finish("switched off")
    assert sent(session) == []
    session.received(ack(25), 0.1)
    frames, events = session.outgoing(0.1)
    goodbye = m.Goodbye(patient="p", session="s", end=25, reason="switched off")
    assert [from_device.decode(f) for f in frames] == [goodbye]
    assert events == [Finished()]
    assert session.disconnected(0.2, clean=True) == []
    assert session.state is State.DONE


def test_a_goodbye_that_may_be_lost_is_said_again(session):
    """The connection broke after GOODBYE: come back and say it again."""
    session.finish()
    sent(session)
    assert isinstance(session.disconnected(0.2)[0], Lost)
    session.connected(1.0)
    sent(session)
    session.received(welcome(), 1.0)
    assert isinstance(sent(session)[0], m.Goodbye)


def test_finish_names_a_remainder_too_short_for_a_block(session):
    """Three samples at the end cannot be sent."""
    session.push(truth(0, 3))
    assert session.finish() == [Dropped(0, 3)]
    assert session.dropped == 3
    with pytest.raises(ValueError, match="finished"):
        push(session, 1)


@pytest.mark.parametrize("code", sorted(LASTING))
def test_lasting_problems_refuse_the_device(session, code):
    """Trying again with the same credential or the same mistake would not help."""
    problem = m.Problem(code=code, text="no")
    assert session.received(pack(problem), 0.1) == [problem, Refused(problem)]
    assert session.disconnected(0.2) == []
    assert session.state is State.REFUSED
    assert session.next_deadline() is None


@pytest.mark.parametrize("fatal", [False, True])
def test_passing_problems_are_told_and_survived(session, fatal):
    """The log of the gateway fails: the device is told, and comes back."""
    problem = m.Problem(code="log_unavailable", text="disk full", fatal=fatal)
    assert session.received(pack(problem), 0.1) == [problem]
    assert session.state is State.STREAMING
    assert isinstance(session.disconnected(0.2)[0], Lost)


def test_a_warning_with_a_lasting_code_does_not_refuse(session):
    """`superseded` that is not fatal only informs."""
    problem = m.Problem(code="superseded", text="two devices", fatal=False)
    assert session.received(pack(problem), 0.1) == [problem]
    assert session.state is State.STREAMING


@pytest.mark.parametrize(
    "frame", [ack(0), b"\xc1", b"", pack(hello()), pack(m.Welcome(durable=0, credit=4))[:-1]]
)
def test_a_gateway_that_breaks_the_protocol_raises(frame):
    """ACK before WELCOME, rubbish, a message of the wrong direction: a typed error."""
    session = DeviceSession(hello())
    session.connected(0.0)
    with pytest.raises(WireError):
        session.received(frame, 0.1)


def test_a_second_welcome_raises(session):
    """WELCOME answers HELLO, once."""
    with pytest.raises(WireError, match="WELCOME"):
        session.received(welcome(), 0.1)


def test_a_hello_that_breaks_the_protocol_raises_at_once():
    """The error names the field before any connection is made."""
    with pytest.raises(WireError) as caught:
        DeviceSession(hello(rate=60.0))
    assert caught.value.field == "rate"


def test_back_off_grows_and_is_forgotten_after_an_acknowledgement(session):
    """Delays stay within half and all of 0.1 × 2ⁿ up to 5 s; success starts again."""
    delays = []
    for _ in range(9):
        (lost,) = session.disconnected(100.0, "refused")
        delays.append(lost.retry_at - 100.0)
    steps = [min(0.1 * 2**n, 5.0) for n in range(9)]
    assert all(s / 2 <= d <= s for d, s in zip(delays, steps, strict=True))
    session.connected(200.0)
    session.received(welcome(), 200.0)
    session.received(ack(0), 200.1)
    assert session.disconnected(300.0)[0].retry_at <= 300.1


def test_back_off_never_overflows():
    """After a week of failures it still waits 2.5 to 5 s."""
    assert 2.5 <= Backoff().delay(100_000, Random(1)) <= 5.0


def test_devices_do_not_knock_together():
    """The jitter differs from session to session and repeats for the same one."""

    def first(name: str) -> float:
        return DeviceSession(m.Hello(**_fields(name))).disconnected(0.0)[0].retry_at

    assert len({first(f"s{i}") for i in range(100)}) == 100
    assert first("s1") == first("s1")


def _fields(session: str) -> dict:
    base = hello()
    return {
        "device": base.device,
        "session": session,
        "patient": base.patient,
        "rate": base.rate,
        "leads": base.leads,
        "uv_per_lsb": base.uv_per_lsb,
    }


def test_an_alarm_for_the_bedside_is_passed_on(session):
    """The gateway may push an alarm back to the device."""
    alarm = m.Alarm(
        id="a",
        update_no=1,
        phase="start",
        state="active",
        patient="p",
        session="s",
        kind="VTACH",
        priority=3,
        text="VT",
        code=None,
        onset_sample=0,
        onset_time=0.0,
        detected_sample=0,
        detected_time=0.0,
    )
    assert session.received(pack(alarm), 0.1) == [alarm]
