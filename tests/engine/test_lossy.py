"""A link that loses a little every few seconds hides neither an arrest nor a fibrillation, and makes none."""

import numpy as np
import pytest
from rhythm_script import Beats, Player
from synthesis import UV, Spell, blocks, signal
from test_fibrillation import fibrillating
from test_ward import Rule

from ecg.messages import Alarm
from ecg.types import RATE
from stream.engine.ward import Ward

CALM = 20.0
"""Seconds of sinus rhythm, without loss, at the start."""


def alarms(samples, every, missing):
    """When (s) alarms of each kind began, with `missing` samples lost every so many seconds from CALM on."""
    ward, told, lost = Ward(Rule()), {}, round(CALM * RATE)
    kept = np.ones(len(samples), bool)
    for start in range(lost, len(samples), round(every * RATE)):
        kept[start : start + missing] = False
    edges = np.flatnonzero(np.diff(kept)) + 1
    for first, piece in zip([0, *edges], np.split(samples, edges), strict=True):
        if not kept[first]:
            continue
        for block in blocks(piece, [RATE // 10], first=int(first)):
            for event in ward.push([(block, block.end / RATE)]):
                if isinstance(event, Alarm) and event.phase == "start":
                    told.setdefault(event.kind, event.detected_sample / RATE)
    return told


LOSSES = [(2.5, 1), (3.0, 25), (4.0, 1), (4.0, 100), (6.5, 25)]
"""Seconds from loss to loss, and samples lost: one, a block of 100 ms, 400 ms."""


@pytest.mark.parametrize(("every", "missing"), LOSSES)
def test_an_arrest_is_told_over_a_lossy_link(every, missing):
    """Time that is missing, and 2 s after it, do not count; the seconds between add up to four."""
    samples = signal([Spell(CALM, 70), Spell(60, 0)])
    told = alarms(samples, every, missing)
    rounds = 4.0 / (every - 2.0 - missing / RATE) + 1
    assert told["ASYSTOLE"] <= CALM + 4.0 + rounds * every


@pytest.mark.parametrize(("every", "missing"), [(1.0, 1), (2.0, 25)])
def test_a_link_too_lossy_to_tell_an_arrest_says_so(every, missing):
    """Nothing can be heard between the losses: CANNOT_ANALYZE after 20 s, as in noise."""
    told = alarms(signal([Spell(CALM, 70), Spell(30, 0)]), every, missing)
    assert told["CANNOT_ANALYZE"] == pytest.approx(CALM + 20, abs=2)


@pytest.mark.parametrize(("every", "missing"), [(1.0, 1), *LOSSES])
def test_fibrillation_is_told_over_a_lossy_link(every, missing):
    """The waveform is judged over the last 4 s that came."""
    waves = np.round(fibrillating(np.arange(30 * RATE) / RATE, 1) / UV).astype(np.int16)
    told = alarms(np.concatenate([signal([Spell(CALM, 70)]), waves]), every, missing)
    assert told["VFIB"] <= CALM + 8.0


@pytest.mark.parametrize("rate", [45, 75, 130])
@pytest.mark.parametrize(("every", "missing"), [(1.0, 1), (2.0, 75), (5.0, 250), *LOSSES])
def test_a_heart_that_beats_is_no_arrest_over_a_lossy_link(every, missing, rate):
    """Missing data never reads as asystole, however often they are missing."""
    told = alarms(signal([Spell(CALM, rate), Spell(100, rate)]), every, missing)
    assert not told.keys() & {"ASYSTOLE", "PAUSE", "VFIB", "VTACH", "EXTREME_BRADY"}


def test_a_pause_goes_on_over_a_brief_gap_and_not_over_a_long_one():
    """It is told once, not anew after each loss."""
    for seconds, edges in ((0.5, []), (1.5, [("PAUSE", "clear")])):
        player = Player()
        beats = Beats().say("N" * 12)
        player.play(beats, beats.now + 2.5)
        assert player.edges() == [("PAUSE", "set")]
        start = player.horizon / RATE + 0.1
        player.gap(start, start + seconds)
        player.play(Beats(), start + seconds + 0.5)
        assert player.edges()[1:] == edges


def test_what_is_missing_is_no_time_without_a_beat():
    """After a minute without data, CANNOT_ANALYZE waits for 20 s of signal."""
    player = Player()
    beats = Beats().say("N" * 12)
    player.play(beats, beats.now)
    end = player.horizon / RATE + 60
    player.gap(player.horizon / RATE, end)
    player.noisy = True
    player.play(Beats(), end + 15)
    assert player.edges("CANNOT_ANALYZE") == []
    player.play(Beats(), end + 21)
    assert player.edges("CANNOT_ANALYZE") == [("CANNOT_ANALYZE", "set")]
