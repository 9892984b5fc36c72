"""Spikes of a pacemaker that the device marked: none is a beat, and captured beats stay."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal as filters
from synthesis import UV, blocks
from test_ward import Rule

from ecg.messages import Alarm, Beat
from stream.engine import arrive, pacing
from stream.engine.ward import Ward

CAPTURED = 25.0
"""Seconds after which the pulses go on and the heart stands still."""

FINE = 20_000
"""Samples per second in which a spike is drawn before the device filters it."""


def paced(rate, cutoff, millivolts, milliseconds, seconds=45):
    """70 /min through a device's low-pass of second order, in uV, and the seconds of the marks."""
    marks = np.arange(0.5, seconds - 0.2, 60 / 70)
    spikes = np.zeros(seconds * FINE)
    for at in marks:
        spikes[int(at * FINE) : int(at * FINE) + int(milliseconds * FINE / 1000)] = (
            1000 * millivolts
        )
    low = filters.butter(2, cutoff, fs=FINE, output="sos")
    x = filters.sosfilt(low, spikes)[:: FINE // rate]
    t = np.arange(seconds * rate) / rate
    for at in marks[marks < CAPTURED]:
        for centre, width, height in ((0.06, 0.022, 1200), (0.13, 0.025, -400), (0.32, 0.05, -300)):
            x = x + height * np.exp(-0.5 * ((t - at - centre) / width) ** 2)
    return x + np.random.default_rng(1).normal(0, 8, len(x)), marks


@pytest.mark.parametrize(
    ("rate", "cutoff", "millivolts", "milliseconds"),
    [(250, 40, 2, 2), (250, 40, 20, 2), (250, 100, 5, 0.5), (500, 150, 20, 2), (500, 40, 5, 1)],
)
def test_marked_spikes_without_capture_are_no_beats(rate, cutoff, millivolts, milliseconds):
    """An arrest under a pacemaker that goes on is told within 5 s; while it captures, each beat is one."""
    x, marks = paced(rate, cutoff, millivolts, milliseconds)
    ward, events = Ward(Rule()), []
    for block in blocks(np.round(x / UV).astype(np.int16), [rate // 10], rate=float(rate)):
        at = np.rint(marks * rate).astype(int)
        inside = tuple(at[(at >= block.first) & (at < block.end)].tolist())
        events += ward.push([(msgspec.structs.replace(block, pace=inside), block.end / rate)])
    beats = np.array([e.sample / rate for e in events if isinstance(e, Beat)])
    late = marks[(marks > 5) & (marks < CAPTURED)] + 0.06
    assert all(np.abs(beats - at).min() < 0.04 for at in late)
    assert not (beats > CAPTURED + 0.3).any()
    (asystole,) = [e for e in events if isinstance(e, Alarm) and e.kind == "ASYSTOLE"]
    assert asystole.detected_sample / rate - beats.max() < 5.0


@given(st.lists(st.integers(5, 60), min_size=3, max_size=20), st.sets(st.integers(0, 300)))
def test_how_the_signal_is_cut_changes_nothing(sizes, marks):
    """Each sample within 28 ms after a mark is the one before the mark, whatever the blocks."""
    samples = np.random.default_rng(0).integers(-1000, 1000, 400).astype(np.int16)
    state, heard = None, []
    for block in blocks(samples, sizes):
        inside = tuple(sorted(m for m in marks if block.first <= m < block.end))
        block = msgspec.structs.replace(block, pace=inside)  # noqa: PLW2901
        state = state or arrive.open_stream(block)
        for piece in arrive.accept(state, block, (0,), 0.0):
            heard += piece.signals[0].tolist()
    wanted = (samples * np.float32(UV)).tolist()
    for k in range(len(wanted)):
        if any(m <= k < m + 7 for m in marks):  # 28 ms at 250 Hz
            wanted[k] = wanted[max(k - 1, 0)]
    assert heard == wanted


def test_what_is_not_marked_is_passed_on_as_it_is():
    """No copy, no change: most patients have no pacemaker."""
    signals = [np.arange(50, dtype=np.float32)]
    assert pacing.blanked(signals, 100, [(90, 100), (150, 157)], (0.0,)) is signals
