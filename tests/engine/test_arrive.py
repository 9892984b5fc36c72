"""The room `arrive`: order, duplicates, holes, lead-off and the clock."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg.messages import Block, LeadOff
from ecg.types import Lead
from stream.engine import arrive
from stream.engine.arrive import Arrival, Hole, Run

RATE = 250.0
TRUTH = np.arange(20_000, dtype=np.int16)


def block(first: int, count: int, lead_off: tuple[LeadOff, ...] = ()) -> Block:
    """Samples first … first + count of TRUTH."""
    return Block(
        patient="p",
        session="s",
        seq=0,
        first=first,
        rate=RATE,
        leads=(Lead.II,),
        uv_per_lsb=(2.0,),
        payload=TRUTH[first : first + count].tobytes(),
        lead_off=lead_off,
    )


def feed(blocks: list[Block], end: int | None = None) -> list[Run | Hole]:
    """All pieces that a stream of blocks gives."""
    state = arrive.open_stream(blocks[0])
    pieces = [piece for b in blocks for piece in arrive.accept(state, b, (0,), 0.0)]
    return pieces + (arrive.finish(state, (0,), end) if end is not None else [])


def joined(pieces: list[Run | Hole]) -> np.ndarray:
    """Pieces laid end to end, holes as NaN; fails when they overlap or leave a space."""
    parts, at = [], 0
    for piece in pieces:
        assert piece.first == at
        part = (
            piece.signals[0] if isinstance(piece, Run) else np.full(piece.end - piece.first, np.nan)
        )
        parts.append(part)
        at += len(part)
    return np.concatenate(parts)


@given(st.data())
def test_any_order_within_two_seconds_gives_every_sample_once(data):
    """Blocks shuffled within 2 s, some twice, come out as the signal itself."""
    cuts = data.draw(st.lists(st.integers(5, 150), min_size=3, max_size=40))
    starts = np.cumsum([0, *cuts[:-1]])
    blocks = [block(int(s), n) for s, n in zip(starts, cuts, strict=True)]
    delays = [data.draw(st.integers(0, 350)) for _ in blocks]
    blocks += [b for b in blocks if data.draw(st.booleans())]
    delays += [data.draw(st.integers(0, 350)) for _ in range(len(blocks) - len(delays))]
    order = sorted(range(len(blocks)), key=lambda i: (blocks[i].first + delays[i], i))
    pieces = feed([blocks[i] for i in order], end=sum(cuts))
    np.testing.assert_array_equal(joined(pieces), 2.0 * TRUTH[: sum(cuts)])


@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(5, 1250)), min_size=1, max_size=30))
def test_hostile_sequences_never_repeat_or_reorder_a_sample(spans):
    """Whatever blocks come, pieces are disjoint, in order, true, and the memory bounded."""
    blocks = [block(first, count) for first, count in spans]
    state = arrive.open_stream(blocks[0])
    at = state.next
    for b in blocks:
        for piece in arrive.accept(state, b, (0,), 0.0):
            assert piece.first == at
            if isinstance(piece, Run):
                np.testing.assert_array_equal(
                    piece.signals[0], 2.0 * TRUTH[at : at + len(piece.signals[0])]
                )
                at += len(piece.signals[0])
            else:
                at = piece.end
        assert sum(w.end > state.next for w in state.waiting) == len(state.waiting)
        waiting_span = max((w.end for w in state.waiting), default=state.next) - state.next
        assert waiting_span <= arrive.REORDER_SECONDS * RATE


def test_hole_is_declared_after_two_seconds_and_late_block_is_backfill():
    """A missing block becomes a hole once 2 s follow it; when it comes then, it is not live."""
    state = arrive.open_stream(block(0, 250))
    arrive.accept(state, block(0, 250), (0,), 0.0)
    pieces = arrive.accept(state, block(500, 200), (0,), 0.0)
    assert pieces == []
    pieces = arrive.accept(state, block(700, 100), (0,), 0.0)
    assert pieces[0] == Hole(250, 500)
    assert arrive.accept(state, block(250, 250), (0,), 0.0) == []
    assert state.late == 250


def test_stream_met_in_the_middle_starts_there():
    """A consumer that joins at a late record begins with it, without a hole from zero."""
    pieces = feed([block(5000, 100)])
    assert [piece.first for piece in pieces] == [5000]


def test_lead_off_becomes_a_hole_of_its_own_kind():
    """Samples with the electrode off are cut out, at the very sample of the mark."""
    marks = (LeadOff(100, (True,)), LeadOff(180, (False,)))
    pieces = feed([block(0, 150, marks[:1]), block(150, 150, marks[1:])])
    holes = [(p.first, p.end) for p in pieces if isinstance(p, Hole) and p.lead_off]
    assert holes == [(100, 150), (150, 180)]
    assert [p.first for p in pieces if isinstance(p, Run)] == [0, 180]


def test_goodbye_closes_the_last_hole():
    """What is missing at the end of the session is a hole too."""
    assert feed([block(0, 100)], end=160)[-1] == Hole(100, 160)


@pytest.mark.parametrize("ppm", [-100, 0, 100, 15_000])
def test_clock_finds_the_true_rate_in_spite_of_delays(ppm):
    """Effective rate within 0.05 % of a drifting crystal, with arrival delays up to 0.5 s."""
    true_rate = RATE * (1 + ppm * 1e-6)
    random = np.random.default_rng(7)
    state = Arrival(RATE, 0)
    for end in range(25, 100_000, 25):
        arrive.observe(state, end, 1e9 + end / true_rate + min(random.exponential(0.05), 0.5))
    assert state.fitted == pytest.approx(true_rate, rel=5e-4)
    assert arrive.time_of(state, 90_000) == pytest.approx(1e9 + 90_000 / true_rate, abs=0.03)


def test_replay_at_speed_reports_no_rate():
    """A record played at 20 times its speed has no effective rate."""
    state = Arrival(RATE, 0)
    for end in range(25, 100_000, 25):
        arrive.observe(state, end, end / RATE / 20)
    assert state.fitted == 0.0


def test_state_is_plain_data():
    """A saved and restored stream goes on as if nothing had happened."""
    state = arrive.open_stream(block(0, 100))
    arrive.accept(state, block(300, 100), (0,), 5.0)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Arrival)
    assert again == state
