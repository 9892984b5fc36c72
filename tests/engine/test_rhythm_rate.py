"""Heart rate and PVC rate: the rate tests of ALARMS.md by name, and time to alarm."""

import math

import numpy as np
import pytest
from rhythm_script import Beats, Player, played

from stream.engine import rhythm
from stream.engine.alarms.limits import LimitState, judge, set_limits


def steady(beats, seconds, classes, rr):
    """Repeat a pattern for so many seconds."""
    end = beats.now + seconds
    while beats.now < end - 1e-9:
        beats.say(classes, rr)
    return beats


@pytest.mark.parametrize(
    ("name", "classes", "rr", "rate"),
    [
        ("bigeminy 80", "NV", [0.5, 1.0], 80),
        ("slow alternating 60", "NV", [0.6, 1.4], 60),
        ("rapid alternating 120", "NV", [0.35, 0.65], 120),
        ("bidirectional 90", "NV", [60 / 90, 60 / 90], 90),
    ],
)
def test_rate_on(name, classes, rr, rate):
    """Every beat counts; the alternation does not show in the rate."""
    player = played(steady(Beats(), 40, classes, rr), 40)
    assert [r for t, r in player.rates if t > 20] == pytest.approx([rate] * 20, abs=1), name


@pytest.mark.parametrize("rate", [20, 30, 45, 60, 80, 120, 200, 250])
def test_rate_of_a_steady_rhythm(rate):
    """Within 1 /min over the whole range; below 50 the last four intervals tell it."""
    player = played(steady(Beats(), 40, "N", 60 / rate), 40)
    assert player.vitals()["heart_rate"] == pytest.approx(rate, abs=1)


def test_rate_is_the_mean_of_the_last_12_intervals():
    """Of uneven ones, and what lies before them counts no more."""
    rng = np.random.default_rng(4)
    intervals = [float(rr) for rr in rng.uniform(0.7, 0.9, 12)]
    player = played(steady(Beats(), 10, "N", 0.5).say("N" * 12, intervals))
    assert player.vitals()["heart_rate"] == pytest.approx(60 / np.mean(intervals), rel=1e-3)


def test_rate_is_the_mean_of_the_last_4_when_three_in_a_row_exceed_1200_ms():
    """Two do not suffice."""
    two = played(steady(Beats(), 20, "N", 0.8).say("NN", 1.3))
    assert two.vitals()["heart_rate"] == pytest.approx(60 / ((10 * 0.8 + 2.6) / 12), rel=1e-3)
    three = played(steady(Beats(), 20, "N", 0.8).say("NNN", 1.3))
    assert three.vitals()["heart_rate"] == pytest.approx(60 / ((0.8 + 3.9) / 4), rel=1e-3)


def time_to_alarm(before, after, phase):
    """Seconds from the last beat of the old rate to the change, by vitals at 1 Hz."""
    beats = steady(Beats(phase), 30, "N", 60 / before)
    step = beats.now
    steady(beats, 15, "N", 60 / after)
    state = LimitState()
    set_limits(state, 60, 100)
    for second, rate in Player().play(beats, beats.now).rates:
        found = judge(state, round(second * 250), 250.0, None if math.isnan(rate) else rate, 0.0)
        if found:
            return found[0].kind, second + 0.45 - step
    raise AssertionError("no alarm")


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize(("after", "kind"), [(120, "HR_HIGH"), (40, "EXTREME_BRADY")])
def test_step_from_80_with_limits_60_100(after, kind, phase):
    """The horizon (0.45 s) included, whatever the phase of the 1 Hz clock: below 6 s.

    With a low limit of 60 a rate below 50 is extreme at once.
    """
    found, seconds = time_to_alarm(80, after, phase)
    assert found == kind
    assert seconds <= 5.8


def test_rate_is_never_held():
    """After 4 s without a beat, or with the lead off, there is none."""
    beats = steady(Beats(), 20, "N", 0.8)
    player = played(beats, beats.now + 3.5)
    assert not math.isnan(player.vitals()["heart_rate"])
    assert math.isnan(player.play(beats, beats.now + 4.5).vitals()["heart_rate"])
    off = played(beats, beats.now).play(beats, beats.now + 0.2, valid=False)
    assert math.isnan(off.vitals()["heart_rate"])
    assert off.vitals()["rhythm"] == "unknown"


@pytest.mark.parametrize(
    ("name", "rr", "known"), [("regular", [0.36, 0.34], True), ("erratic", [0.4, 0.6], False)]
)
def test_erratic_beats_in_noise_are_no_rate(name, rr, known):
    """What noise gives for beats comes at random; a tachycardia may look like noise, but not so."""
    beats = steady(Beats(), 20, "NN", rr)
    player = Player().play(beats, 15)
    assert not math.isnan(player.vitals()["heart_rate"])
    player.noisy = True
    player.play(beats, 20)
    assert math.isnan(player.vitals()["heart_rate"]) != known, name


@pytest.mark.parametrize(
    ("name", "rr", "alike", "rate"),
    [
        ("T waves counted with every other beat", [0.34, 0.34, 0.68], 0.7, None),
        ("as uneven, but beats that are alike", [0.34, 0.34, 0.68], 0.9, 60 / 0.453),
        ("bigeminy at 120", [0.35, 0.65], 0.2, 120),
        ("a rapid even rhythm of two shapes", [0.35, 0.35], 0.2, 60 / 0.35),
    ],
)
def test_fast_beats_that_are_uneven_and_unlike_each_other_are_no_rate(name, rr, alike, rate):
    """What noise that goes unnoticed adds to the beats does not look like them, nor come on time."""
    player = Player()
    player.looks = {"N": (alike, 0.9, False, 0.0)}
    found = player.play(steady(Beats(), 30, len(rr) * "N", rr), 29).vitals()["heart_rate"]
    assert math.isnan(found) if rate is None else found == pytest.approx(rate, abs=3), name


@pytest.mark.parametrize(
    ("name", "label", "strange", "quality", "rr", "counts"),
    [
        ("movement between two beats at 120", "N", True, 0.7, 0.5, False),
        ("the same, surely a beat", "N", True, 0.9, 0.5, True),
        ("the same, of the patient's usual shape", "N", False, 0.7, 0.5, True),
        ("a ventricular beat in noise", "V", True, 0.7, 0.5, True),
        ("movement at 75: no reason to call a rate slow", "N", True, 0.7, 0.8, True),
    ],
)
def test_a_doubtful_strange_beat_is_not_counted_in_a_fast_rate(
    name, label, strange, quality, rr, counts
):
    """It makes two intervals out of one, and an alarm of a rate near its limit."""
    beats = steady(Beats(), 20, "N", rr)
    player = Player().play(beats, beats.now + 0.01)
    beats.say(label, 0.4 * rr)
    player.looks = {label: (0.5, 0.5, strange, 0.0)}
    player.quality = quality
    player.play(beats, beats.now + 0.01)
    beats.say("N", 0.6 * rr)
    player.looks, player.quality = {}, 0.95
    found = player.play(beats, beats.now + 0.05).vitals()["heart_rate"]
    truth = 60 / rr * (12 / 11 if counts else 1)
    assert found == pytest.approx(truth, rel=0.005), name


def test_what_was_left_out_before_a_gap_is_in_no_interval_after_it():
    """Nothing spans a gap: not the time up to a beat that did not count, either."""
    beats = steady(Beats(), 20, "N", 0.5)
    player = Player().play(beats, beats.now + 0.01)
    beats.say("N", 0.2)
    player.looks, player.quality = {"N": (0.5, 0.5, True, 0.0)}, 0.7
    player.play(beats, beats.now + 0.01)
    player.gap(beats.now + 0.1, beats.now + 1.0)
    beats.now += 1.0
    steady(beats, 4, "N", 0.5)
    player.looks, player.quality = {}, 0.95
    found = player.play(beats, beats.now + 0.1).vitals()["heart_rate"]
    assert found == pytest.approx(120, abs=0.1)


def test_few_intervals_are_a_rate_when_they_agree():
    """One in which a beat was lost is not outvoted yet."""
    assert math.isnan(played(Beats().say("NNNN", [1, 0.7, 3.6, 0.9])).vitals()["heart_rate"])
    assert played(Beats().say("NNNN", 1.7)).vitals()["heart_rate"] == pytest.approx(35.3, abs=0.1)


def test_rate_after_an_arrest_starts_anew():
    """The silence itself is no interval."""
    beats = steady(Beats(), 20, "N", 0.8)
    beats.now += 8.0
    player = played(steady(beats, 5, "N", 0.8), beats.now)
    assert player.vitals()["heart_rate"] == pytest.approx(75, abs=1)


def test_rate_needs_three_intervals():
    """One artefact must not be a rate."""
    assert math.isnan(played(Beats().say("NNN")).vitals()["heart_rate"])
    assert played(Beats().say("NNNN")).vitals()["heart_rate"] == pytest.approx(75, abs=1)


def test_v_per_minute_counts_the_last_60_s():
    """Twelve PVCs count for a minute and then no more."""
    beats = Beats().say("N" * 10).say("NV" * 12)
    last = beats.now
    steady(beats, 80, "N", 0.8)
    player = played(beats, last + 1)
    assert player.vitals()["v_per_minute"] == 12
    assert player.play(beats, last + 40).vitals()["v_per_minute"] == 12
    assert player.play(beats, last + 70).vitals()["v_per_minute"] == 0


def test_no_state_depends_on_when_a_beat_was_handed_over():
    """Beats given early wait for the horizon: the state is the same, bit for bit."""
    rng = np.random.default_rng(2)
    beats = Beats()
    for label in rng.choice(list("NNNNSVVFQ"), 120):
        beats.say(str(label), float(rng.uniform(0.3, 1.5)))
    late, early = Player(), Player()
    for end in np.arange(0.1, beats.now, 0.1):
        late.play(beats, end)
    given = 0
    for hop in range(1, late.horizon // 25 + 1):
        while given < len(beats.beats) and beats.beats[given][0] * 250 < hop * 25 + 110:
            at, label = beats.beats[given]
            rhythm.beat(early.state, at * 250, label, 0.95, 0.95)
            given += 1
        early.horizon = hop * 25
        early._hop(valid=True, fibrillation=False)
    assert early.told == late.told
