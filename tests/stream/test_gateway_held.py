"""Back-pressure in parts: how far the analysis is behind, and which acknowledgements that holds back."""

from bisect import bisect_right

import pytest
from gateway_rig import RATE, block, goodbye, hello
from hypothesis import given
from hypothesis import strategies as st

from ecg import messages as m
from stream.gateway.backlog import MARKS, Backlog
from stream.gateway.device import DeviceConnection
from stream.gateway.held import TOLERATED_SECONDS, Held
from stream.gateway.instructions import Send, Shut, Terms
from stream.gateway.sessions import Sessions

# ── How far the analysis is behind ────────────────────────────────────────────────────────────


def test_nothing_is_behind_when_all_is_analysed_or_nothing_came():
    """The position is the end, beyond it (the log is another), or of an empty partition."""
    backlog = Backlog()
    backlog.look(1.0, {0: 10, 1: 10, 2: 0}, {0: 10, 1: 11})
    assert [backlog.lag(partition) for partition in (0, 1, 2, 3)] == [0.0] * 4
    assert (backlog.behind, backlog.longest) == (frozenset(), 0.0)


def test_a_partition_without_a_worker_is_behind_since_it_was_first_seen():
    """Each for itself; one that is not asked for any more is forgotten."""
    backlog = Backlog()
    for now in (0.0, 1.0, 2.0):
        backlog.look(now, {0: 5, 1: 7}, {1: 7})
    assert (backlog.lag(0), backlog.lag(1), backlog.longest) == (2.0, 0.0, 2.0)
    assert backlog.behind == {0}
    backlog.look(3.0, {1: 7}, {1: 7})
    assert backlog.lag(0) == 0.0


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=400),
    st.integers(1, 400),
)
def test_the_lag_is_that_of_the_oldest_record_not_analysed(steps, stall):
    """Against the times of all records: never too long, too short by a look or by a thirtieth."""
    backlog, times, position = Backlog(), [], 0
    for now, (come, go) in enumerate(steps):
        times += [now - 0.5] * come
        if now % stall:
            position = min(position + go, len(times))
        backlog.look(float(now), {0: len(times)}, {0: position})
        waited = now - times[position] if position < len(times) else 0.0
        assert backlog.lag(0) <= waited
        assert backlog.lag(0) >= waited - 1.0 - waited / 30


def test_marks_are_bounded_however_long_nobody_analyses():
    """A weekend without a worker, and the lag is still true."""
    backlog = Backlog()
    for now in range(200_000):
        backlog.look(float(now), {0: now + 1}, {})
    assert backlog.lag(0) == 199_999.0
    assert len(backlog._marks[0]) <= MARKS + 1


# ── What is held back ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lag", "seconds", "store", "wait"),
    [
        (0.0, 1.0, 0.0, 0.0),
        (TOLERATED_SECONDS, 1.0, 0.0, 0.0),
        (TOLERATED_SECONDS + 1.5, 1.0, 0.0, 1.5),
        (60.0, 1.0, 0.0, 5.0),  # the operator's bound
        (60.0, 0.1, 0.0, 0.8),  # a quarter of 32 blocks
        (60.0, 1.0, 6.0, 3.0),  # half of what the device can store
    ],
)
def test_an_acknowledgement_waits_for_the_excess_within_its_bounds(lag, seconds, store, wait):
    """Not a moment longer, and not at all where the lag is usual."""
    held = Held(Terms(credit=32, hold=5.0), store)
    held.add(250, seconds, 10.0)
    if wait:
        assert held.release(10.0 + wait - 0.01, lag) == 0
        assert held.durable == 0
    assert held.release(10.0 + wait + 0.01, lag) == 1
    assert held.durable == 250


def test_what_is_held_is_let_go_at_once_when_the_analysis_has_caught_up():
    """Oldest first, and nothing of it is lost."""
    held = Held(Terms())
    for number in range(1, 4):
        held.add(number * 250, 1.0, float(number))
    assert held.release(3.0, 60.0) == 0
    assert (held.release(3.0, 0.0), held.durable) == (3, 750)


def test_an_operator_may_switch_it_off():
    """With a bound of 0 an acknowledgement says that the log has it, and nothing else."""
    held = Held(Terms(hold=0.0))
    held.add(250, 1.0, 10.0)
    assert held.release(10.0, 1e9) == 1


def connected(credit: int, **device):
    made = DeviceConnection(1, Terms(credit=credit), Sessions(), 0.0)
    made.receive(hello(device=m.DeviceInfo("d", **device)), 0.0)
    made.appended(1, 0.0)
    return made


def sized(seq: int, count: int) -> m.Block:
    return block(seq, first=seq * count, payload=bytes(2 * count))


def acks(said) -> list[int]:
    """Up to where what was said acknowledges."""
    return [s.message.durable for s in said if isinstance(s, Send) and isinstance(s.message, m.Ack)]


def play(credit: int, seconds: float, until: float, lag: float, delay: float, pace: float):
    """A device whose blocks of so many seconds become durable after `delay`, `pace` times real time.

    Returns:
        When each block was sent, and when it was acknowledged.
    """
    made, count = connected(credit), round(seconds * RATE)
    sent: list[float] = []
    durable: list[float] = []
    acked: list[float] = []
    for step in range(round(until * 100)):
        now = step / 100
        said = made.tick(now, now, lag) if step % 50 == 0 else []
        while len(durable) < len(sent) and sent[len(durable)] + delay <= now:
            durable.append(now)
            said = [*said, *made.appended(1, now, lag)]
        for end in acks(said):
            acked += [now] * (end // count - len(acked))
        due = int((now * pace) / seconds) - len(sent)
        for _ in range(min(due, credit - (len(sent) - len(acked)))):
            made.receive(sized(len(sent), count), now)
            sent.append(now)
    return sent, acked


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.5, 1.0, 5.0])
@pytest.mark.parametrize("credit", [8, 32])
def test_a_live_device_goes_on_at_its_pace_when_nobody_analyses(credit, seconds):
    """Whatever its blocks are: its window never runs out, so nothing gathers in its ring."""
    until = max(10.0, 20 * seconds)
    sent, acked = play(credit, seconds, until, lag=1e6, delay=0.03, pace=1.0)
    assert len(sent) == pytest.approx(until / seconds, abs=1)
    late = max(after - before for before, after in zip(sent, acked, strict=False))
    assert late <= min(5.0, 0.25 * credit * seconds) + 0.5 + 0.03 + seconds


@pytest.mark.parametrize(("seconds", "times"), [(0.1, 4.5), (1.0, 6.5)])
def test_a_fast_device_is_slowed_by_its_window(seconds, times):
    """What would send hundredfold sends some four to six times as fast as live, and no faster."""
    until = 40.0
    sent, _ = play(32, seconds, until, lag=1e6, delay=0.03, pace=100.0)
    begun = 32 * seconds  # the first window goes out at once
    assert until < len(sent) * seconds - begun < times * until
    free, _ = play(32, seconds, until, lag=0.0, delay=0.03, pace=100.0)
    assert len(free) > 5 * len(sent)


@given(
    st.lists(
        st.tuples(st.sampled_from([25, 125, 250]), st.floats(0, 20), st.floats(0, 2)), max_size=60
    )
)
def test_every_block_is_acknowledged_within_the_bound_and_none_before_it_is_durable(steps):
    """Whatever the lag does meanwhile, and however large the blocks are."""
    made, now, first = connected(32), 0.0, 0
    ends: list[tuple[float, int]] = []
    told = 0
    for seq, (count, lag, wait) in enumerate(steps):
        now += wait
        made.receive(block(seq, first=first, payload=bytes(2 * count)), now)
        first += count
        ends.append((now, first))
        told = max([told, *acks(made.appended(1, now, lag)), *acks(made.tick(now, now, lag))])
        assert told <= first
        due = bisect_right(ends, (now - 5.5, 1 << 60))
        assert told >= (ends[due - 1][1] if due and wait >= 0.5 else 0)


def test_a_goodbye_is_not_kept_waiting():
    """Who leaves is told at once what the log has."""
    made = connected(32)
    made.receive(sized(0, 250), 0.0)
    assert acks(made.appended(1, 0.0, 60.0)) == []
    made.receive(goodbye(250), 0.0)
    last, shut = made.appended(1, 0.1, 60.0)
    assert acks([last]) == [250]
    assert isinstance(shut, Shut)


def test_what_is_held_is_bounded_by_the_credit():
    """A device that sends on without waiting for its acknowledgements is closed as ever."""
    made = connected(8)
    for seq in range(8):
        made.receive(sized(seq, 250), 0.0)
        assert acks(made.appended(1, 0.0, 60.0)) == []
    problem, shut = made.receive(sized(8, 250), 0.1)
    assert (problem.message.code, type(shut)) == ("too_many_in_flight", Shut)
