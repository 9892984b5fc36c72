"""Samples become blocks that the protocol takes, whatever the sizes in which they come."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_gateway import samples_of, truth

from client.cutter import MAX_MARKS, Cutter
from ecg import messages as m
from ecg.wire import from_device, pack


def hello(rate: float = 250.0, leads: int = 1) -> m.Hello:
    names = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")[:leads]
    return m.Hello(
        device=m.DeviceInfo("d"),
        session="s",
        patient=m.Patient("p"),
        rate=rate,
        leads=names,
        uv_per_lsb=(5.0,) * leads,
    )


@given(
    rate=st.sampled_from([125.0, 130.0, 250.0, 360.0, 1000.0]),
    leads=st.integers(1, 12),
    sizes=st.lists(st.integers(0, 9000), max_size=12),
)
def test_blocks_hold_every_sample_within_the_limits(rate, leads, sizes):
    """All samples but a remainder under 20 ms are in valid blocks, in order, each once."""
    cutter = Cutter(hello(rate, leads))
    blocks, first = [], 0
    for size in sizes:
        blocks += cutter.cut(truth(first, size, leads)).blocks
        first += size
    for block in blocks:
        assert from_device.decode(pack(block)) == block
        assert len(pack(block)) <= m.MAX_MESSAGE_BYTES
        assert (samples_of(block) == truth(block.first, block.count, leads)).all()
    assert [b.first for b in blocks[1:]] == [b.end for b in blocks[:-1]]
    assert [b.seq for b in blocks] == list(range(len(blocks)))
    done = blocks[-1].end if blocks else 0
    assert 0 <= first - done < 0.02 * rate
    assert cutter.give_up() == ((done, first) if done < first else None)


def test_single_samples_are_gathered():
    """A driver that delivers sample by sample gets the shortest blocks, 5 samples at 250 Hz."""
    cutter = Cutter(hello())
    blocks = [b for i in range(50) for b in cutter.cut(truth(i, 1)).blocks]
    assert [b.count for b in blocks] == [5] * 10


def test_a_jump_gives_up_what_is_too_short_for_a_block():
    """Three samples before a gap cannot be sent: they are named, not forgotten."""
    cutter = Cutter(hello())
    cutter.cut(truth(0, 3))
    blocks, lost = cutter.cut(truth(100, 25), first=100)
    assert lost == (0, 3)
    assert [(b.first, b.end) for b in blocks] == [(100, 125)]


def test_lead_off_state_is_told_by_every_block_after_the_first_change():
    """A consumer that joins anywhere, or lost the change, knows the state."""
    cutter = Cutter(hello(leads=2))
    on, off = (False, False), (False, True)
    told = [cutter.cut(truth(0, 25, 2)).blocks[0].lead_off]
    told.append(cutter.cut(truth(25, 25, 2), lead_off=[m.LeadOff(30, off)]).blocks[0].lead_off)
    told.append(cutter.cut(truth(50, 25, 2)).blocks[0].lead_off)
    told.append(cutter.cut(truth(75, 25, 2), lead_off=[m.LeadOff(75, on)]).blocks[0].lead_off)
    told.append(cutter.cut(truth(100, 25, 2)).blocks[0].lead_off)
    assert told == [
        (),
        (m.LeadOff(30, off),),
        (m.LeadOff(50, off),),
        (m.LeadOff(75, on),),
        (m.LeadOff(100, on),),
    ]


def test_marks_go_with_the_block_that_holds_their_sample():
    """A long hand-over is cut; pace and lead-off marks stay with their samples."""
    cutter = Cutter(hello())
    blocks = cutter.cut(
        truth(0, 2600), pace=[0, 1299, 1300, 2599], lead_off=[m.LeadOff(2000, (True,))]
    ).blocks
    assert [b.count for b in blocks] == [866, 867, 867]
    assert [b.pace for b in blocks] == [(0,), (1299, 1300), (2599,)]
    assert [b.lead_off for b in blocks] == [(), (), (m.LeadOff(2000, (True,)),)]
    assert all(from_device.decode(pack(b)) == b for b in blocks)


def test_the_most_marks_fit_into_one_message():
    """63 changes and 63 pace marks on twelve leads, with the longest names, stay under 64 KiB."""
    long = "x" * 64
    cutter = Cutter(
        m.Hello(
            device=m.DeviceInfo("d"),
            session=long,
            patient=m.Patient(long),
            rate=1000.0,
            leads=hello(leads=12).leads,
            uv_per_lsb=(0.1,) * 12,
            location=m.Location("ü" * 256, "ü" * 256),
        ),
        flags=("ü" * 256,) * 8,
    )
    states = [(False,) * 12, (True,) * 12]
    cutter.cut(truth(0, 100, 12), lead_off=[m.LeadOff(0, states[1])])
    blocks = cutter.cut(
        truth(100, 5000, 12),
        lead_off=[m.LeadOff(101 + i, states[i % 2]) for i in range(MAX_MARKS)],
        pace=range(100, 100 + MAX_MARKS),
    ).blocks
    assert max(len(pack(b)) for b in blocks) <= m.MAX_MESSAGE_BYTES
    assert all(from_device.decode(pack(b)) == b for b in blocks)


def test_device_time_moves_along_the_pieces():
    """Each piece of a long hand-over carries the time of its own first sample."""
    blocks = Cutter(hello()).cut(truth(0, 2500), device_time=1000.0).blocks
    assert [b.device_time for b in blocks] == [1000.0, 1005.0]


@pytest.mark.parametrize(
    ("samples", "given", "error"),
    [
        (np.zeros((25, 1)), {}, TypeError),
        (np.zeros((25, 2), np.int16), {}, ValueError),
        (np.zeros((25, 1, 1), np.int16), {}, ValueError),
        (truth(0, 25), {"first": -1}, ValueError),
        (truth(0, 25), {"pace": [25]}, ValueError),
        (truth(0, 25), {"lead_off": [m.LeadOff(3, (True, False))]}, ValueError),
        (truth(0, 250), {"pace": range(64)}, ValueError),
    ],
)
def test_what_does_not_suit_is_refused_and_changes_nothing(samples, given, error):
    """A wrong hand-over raises, and the next right one is sample 0."""
    cutter = Cutter(hello())
    with pytest.raises(error):
        cutter.cut(samples, **given)
    assert cutter.cut(truth(0, 25)).blocks[0].first == 0


def test_limits_of_the_gateway_shorten_blocks():
    """A gateway that takes half a second gets no more."""
    cutter = Cutter(hello())
    cutter.limit(m.Limits(max_block_seconds=0.5))
    assert max(b.count for b in cutter.cut(truth(0, 1000)).blocks) <= 125
