"""Stretches of stored signal: truth is the dense signal that the blocks were cut from."""

import numpy as np
from gateway_rig import block
from hypothesis import given
from hypothesis import strategies as st

from ecg.types import Lead
from stream.gateway.stretches import Taken, covered, envelope, only, stretches

RATE = 250.0
SIGNAL = np.random.default_rng(7).integers(-3000, 3000, (2, 400)).astype(np.int16)


def cut(first: int, end: int) -> Taken:
    """A block of SIGNAL that arrives with its last sample."""
    payload = np.ascontiguousarray(SIGNAL[:, first:end], "<i2").tobytes()
    fields = {"first": first, "leads": (Lead.I, Lead.II), "uv_per_lsb": (5.0, 2.5)}
    return Taken(block(**fields, payload=payload), 1000.0 + end / RATE)


spans = st.lists(
    st.tuples(st.integers(0, 399), st.integers(5, 80)).map(lambda s: (s[0], min(400, sum(s)))),
    min_size=1,
    max_size=12,
)


@given(spans, st.randoms(use_true_random=False))
def test_stretches_are_the_signal_wherever_there_is_any_and_nothing_else(found, chance):
    """Blocks that overlap, repeat and come in any order give each sample once, and no other."""
    chance.shuffle(found)
    made = list(stretches([cut(*span) for span in found]))
    present = np.zeros(400, bool)
    for first, end in found:
        present[first:end] = True
    seen = np.zeros(400, bool)
    for stretch in made:
        assert not seen[stretch.first : stretch.end].any()
        seen[stretch.first : stretch.end] = True
        np.testing.assert_array_equal(stretch.samples, SIGNAL[:, stretch.first : stretch.end])
        np.testing.assert_allclose(stretch.time, 1000.0 + stretch.first / RATE)
    np.testing.assert_array_equal(seen, present)


@given(spans, st.floats(999.9, 1002.0), st.floats(0.01, 2.0))
def test_a_cut_has_exactly_the_samples_of_its_time(found, since, seconds):
    """Since <= time < until, by the sample."""
    made = list(stretches([cut(*span) for span in found]))
    until = since + seconds
    times = np.array([s.time + i / RATE for s in made for i in range(s.count)])
    inside = np.count_nonzero((times >= since - 1e-6) & (times < until - 1e-6))
    pieces = [p for s in made if (p := s.between(since, until)) is not None]
    assert abs(sum(p.count for p in pieces) - inside) <= len(made)  # a time on the very edge
    np.testing.assert_allclose(covered(made, since, until) * RATE, sum(p.count for p in pieces))
    for piece in pieces:
        np.testing.assert_array_equal(piece.samples, SIGNAL[:, piece.first : piece.end])


@given(st.integers(0, 300), st.integers(2, 100), st.integers(1, 40))
def test_an_envelope_holds_every_sample_and_no_more(first, count, step):
    """Each column is the least and the greatest of the samples that lie in it."""
    stretch = next(stretches([cut(first, min(400, first + count))]))
    found = envelope(stretch, step)
    assert found.first % step == 0
    for column, (low, high) in enumerate(zip(found.low, found.high, strict=True)):
        begin = found.first + column * step
        inside = SIGNAL[0, max(begin, stretch.first) : min(begin + step, stretch.end)]
        assert (low, high) == (inside.min(), inside.max())
    assert found.first + len(found.low) * step >= stretch.end


def test_one_lead_of_a_block():
    """Its own samples and gain; a block without the lead has nothing."""
    whole = cut(0, 50).block
    second = only(whole, Lead.II)
    assert (second.leads, second.uv_per_lsb) == ((Lead.II,), (2.5,))
    np.testing.assert_array_equal(np.frombuffer(second.payload, "<i2"), SIGNAL[1, :50])
    assert only(whole, Lead.V1) is None


def test_a_change_of_gain_begins_a_stretch():
    """Units of one gain are never joined to those of another."""
    other = block(5, uv_per_lsb=(1.0,))
    found = list(stretches([Taken(block(4), 0.0), Taken(other, 0.0)]))
    assert [(s.first, s.uv_per_lsb) for s in found] == [(200, (5.0,)), (250, (1.0,))]


def test_time_comes_from_the_block_with_the_least_delay():
    """Two seconds of backfill do not move the signal."""
    late = Taken(cut(0, 100).block, 1005.0)
    found = list(stretches([late, cut(100, 200)]))
    assert [s.time for s in found] == [1000.0]
