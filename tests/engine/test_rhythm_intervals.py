"""Rules over time: pause, asystole, VF, missed beat, R on T, AF, gaps (ALARMS.md, by name)."""

import numpy as np
import pytest
from rhythm_script import Beats, Player, played

LEAD_IN = "N" * 12


def irregular(seconds, seed=1, mean=0.7, classes="N", spread=0.4):
    """Intervals drawn at random, as in atrial fibrillation; `spread` of the mean to both sides."""
    rng = np.random.default_rng(seed)
    beats = Beats()
    while beats.now < seconds:
        rr = float(rng.uniform(1 - spread, 1 + spread) * mean)
        beats.say(classes[len(beats.beats) % len(classes)], rr)
    return beats


# ── Silence ──────────────────────────────────────────────────────────────────────────────────


def test_pause_after_2_s_and_asystole_after_4_s_from_the_last_beat():
    """Flat signal with the lead on: both carry the last beat as onset."""
    beats = Beats().say(LEAD_IN)
    player = played(beats, beats.now + 6)
    assert player.edges() == [("PAUSE", "set"), ("ASYSTOLE", "set")]
    assert player.first("PAUSE").at == pytest.approx(beats.now + 2.0, abs=0.11)
    assert player.first("ASYSTOLE").at == pytest.approx(beats.now + 4.0, abs=0.11)
    assert player.first("ASYSTOLE").onset == pytest.approx(beats.now, abs=0.01)


def test_pause_ends_with_the_next_beat():
    """A pause of 2.5 s is no asystole; its length is told when it ends."""
    player = played(Beats().say(LEAD_IN).say("N", 2.5).say("NN"))
    assert player.edges("PAUSE", "ASYSTOLE") == [("PAUSE", "set"), ("PAUSE", "clear")]
    assert player.first("PAUSE", "clear").value == pytest.approx(2.5)


def test_asystole_ends_with_two_beats_within_3_s():
    """One escape beat does not end it, nor does a second one 3.5 s later."""
    beats = Beats().say(LEAD_IN).say("V", 6.0).say("V", 3.5).say("N", 0.8)
    player = played(beats)
    assert player.edges("ASYSTOLE") == [("ASYSTOLE", "set"), ("ASYSTOLE", "clear")]
    assert player.first("ASYSTOLE", "clear").at == pytest.approx(beats.now, abs=0.11)


def test_asystole_needs_no_class():
    """With the model failed every beat is Q of confidence 0, and the arrest is found all the same."""
    player = Player()
    player.confidence = player.quality = 0.0
    beats = Beats().say("Q" * 10)
    assert ("ASYSTOLE", "set") in player.play(beats, beats.now + 5).edges()


def test_lead_off_never_reads_as_asystole():
    """Ten seconds of lead-off raise nothing, and silence counts anew after it."""
    beats = Beats().say(LEAD_IN)
    player = played(beats, beats.now + 0.5)
    player.play(beats, beats.now + 10, valid=False)
    player.play(beats, beats.now + 12, valid=True)
    assert player.edges() == []


def test_arrest_under_noise_is_found_when_the_noise_stops():
    """Unusable signal, then flat: ASYSTOLE 3 s (the detector learns) and 4 s after its return."""
    beats = Beats().say(LEAD_IN)
    player = played(beats, beats.now + 0.5).play(beats, 20, valid=False).play(beats, 30)
    assert player.first("ASYSTOLE").at == pytest.approx(27.0, abs=0.2)


def test_a_silence_that_is_loud_is_asystole_only_when_it_is_quiet():
    """Something as strong as a QRS moves: noise, or lost beats. When it stops, the arrest is told."""
    beats = Beats().say("N" * 12)
    player = played(beats, beats.now + 0.5)
    player.silence = 1
    player.play(beats, beats.now + 8)
    assert player.edges("ASYSTOLE") == []
    player.silence = 0
    player.play(beats, beats.now + 8.2)
    assert player.edges("ASYSTOLE") == [("ASYSTOLE", "set")]


def test_silence_counts_anew_after_a_blocked_amplifier():
    """3 s to be seen again, and then as ever: pause after 2 s, asystole after 4 s."""
    beats = Beats().say("N" * 12)
    player = played(beats, beats.now + 0.5)
    player.silence = 2
    end = player.play(beats, beats.now + 3).horizon / 250
    player.silence = 0
    player.play(beats, end + 9)
    assert player.first("PAUSE").at == pytest.approx(end + 5, abs=0.2)
    assert player.first("ASYSTOLE").at == pytest.approx(end + 7, abs=0.2)


def test_missing_data_never_reads_as_asystole():
    """A gap of 10 s, jumped over or walked through, raises nothing."""
    beats = Beats().say(LEAD_IN)
    end = beats.now
    beats.now += 10.0
    beats.say(LEAD_IN)
    for skip in (True, False):
        player = played(beats, end + 0.1)
        player.gap(end + 0.2, end + 10)
        player.play(Beats(), end + 10, skip=skip).play(beats, beats.now + 0.5)
        assert player.edges() == []


def test_gap_is_no_interval():
    """The heart rate after a gap holds no interval that spans it."""
    beats = Beats().say(LEAD_IN)
    end = beats.now
    beats.now += 3.0
    beats.say(LEAD_IN)
    player = played(beats, end + 0.1)
    player.gap(end + 0.2, end + 2.5)
    player.play(beats, beats.now)
    assert player.vitals()["heart_rate"] == pytest.approx(75, abs=0.1)


def test_gap_ends_what_cannot_be_followed_and_keeps_what_is_lethal():
    """VTACH stays over a gap until three other beats; bigeminy ends with it."""
    beats = Beats().say(LEAD_IN).say("VNVNVNV").say("VVVVV", 0.4)
    player = played(beats, beats.now + 0.1)
    player.gap(beats.now + 0.2, beats.now + 3)
    player.play(Beats(), beats.now + 3)
    assert player.edges("BIGEMINY", "VTACH")[-1] == ("VTACH", "set")
    assert ("BIGEMINY", "clear") in player.edges()
    beats.now += 3.0
    player.play(beats.say("NNN"), beats.now + 0.2)
    assert player.edges()[-1] == ("VTACH", "clear")


def test_signal_lost_for_a_minute_upholds_nothing():
    """An asystole under lead-off cannot be active for ever: after 60 s it is left to the latch."""
    beats = Beats().say(LEAD_IN)
    player = played(beats, beats.now + 5).play(beats, beats.now + 64, valid=False)
    assert ("ASYSTOLE", "clear") not in player.edges()
    assert ("ASYSTOLE", "clear") in player.play(beats, beats.now + 67, valid=False).edges()


def test_first_beats_may_be_late():
    """A session that starts has time to learn: no pause within 5 s, an arrest within 8 s."""
    assert played(Beats(), 4.9).edges() == []
    assert ("ASYSTOLE", "set") in played(Beats(), 7.5).edges()


# ── Fibrillation ─────────────────────────────────────────────────────────────────────────────


def test_fibrillation_is_vfib_and_never_asystole():
    """VF has no QRS: VFIB is set, ASYSTOLE is not."""
    beats = Beats().say(LEAD_IN)
    player = played(beats, beats.now + 0.5).play(beats, 30, fibrillation=True)
    assert ("VFIB", "set") in player.edges()
    assert player.edges("ASYSTOLE") == []
    assert player.vitals()["rhythm"] == "VF"


def test_in_fibrillation_nothing_minor_is_set():
    """Pauses and runs of what the QRS detector finds in VF are no news; VTACH is."""
    beats = Beats().say(LEAD_IN)
    player = played(beats, beats.now)
    beats.now += 2.5
    beats.say("SSSSSS", 0.3).say("VNV", 0.3)
    player.play(beats, beats.now + 1, fibrillation=True)
    assert player.edges() == [("VFIB", "set")]


def test_vfib_is_set_with_the_verdict_and_its_onset_is_4_s_earlier():
    """The verdict includes its whole duration."""
    beats = Beats().say("N" * 40)
    player = played(beats, 12).play(beats, 13, fibrillation=True)
    assert player.first("VFIB").at == pytest.approx(12.1, abs=0.01)
    assert player.first("VFIB").onset == pytest.approx(8.1, abs=0.01)


def test_vfib_ends_with_an_organised_rhythm():
    """The verdict has fallen (it takes 4 s for that), and two beats have come since."""
    beats = Beats().say(LEAD_IN)
    player = played(beats, beats.now + 0.5).play(beats, 20, fibrillation=True)
    beats.now = 20.0
    player.play(beats.say(LEAD_IN), beats.now)
    assert player.first("VFIB", "clear").at == pytest.approx(21.6, abs=0.2)


def test_vf_that_ends_in_asystole_says_so():
    """The verdict ends, no beat comes: ASYSTOLE a second later, VFIB stays."""
    beats = Beats().say(LEAD_IN)
    player = played(beats, beats.now + 0.5).play(beats, 20, fibrillation=True).play(beats, 25)
    assert player.first("ASYSTOLE").at == pytest.approx(21.0, abs=0.2)
    assert ("VFIB", "clear") not in player.edges()


def test_a_pause_after_vf_is_told_before_the_rhythm_is_organised():
    """One beat, and then silence for 2 s: VFIB holds, but what is paused is no fibrillation."""
    beats = Beats().say(LEAD_IN)
    player = played(beats, beats.now + 0.5).play(beats, 20, fibrillation=True)
    beats.now = 20.0
    player.play(beats.say("N"), 23.5)
    assert player.first("PAUSE").at == pytest.approx(beats.beats[-1][0] + 2.0, abs=0.2)
    assert ("VFIB", "clear") not in player.edges()


def test_no_verdict_counts_while_the_signal_is_invalid():
    """A detached lead may wobble like fibrillation."""
    beats = Beats().say(LEAD_IN)
    player = played(beats, 10).play(beats, 20, fibrillation=True, valid=False)
    assert player.edges("VFIB") == []


# ── Single intervals ─────────────────────────────────────────────────────────────────────────


def test_missed_beat():
    """An interval of 1.9 times the average between regular beats; it is no pause."""
    player = played(Beats().say(LEAD_IN).say("N", 0.8 * 1.9).say("NNN"))
    assert player.edges() == [("MISSED_BEAT", "once")]
    assert player.told[0].value == pytest.approx(1.52)


def test_missed_beat_at_a_high_rate_is_an_interval_above_1_s():
    """At 120 /min 0.95 s is nothing although it is 1.9 times the average; 1.05 s is."""
    fast = "N" * 16
    assert played(Beats().say(fast, 0.5).say("N", 0.95).say("NNN", 0.5)).edges() == []
    player = played(Beats().say(fast, 0.5).say("N", 1.05).say("NNN", 0.5))
    assert player.edges() == [("MISSED_BEAT", "once")]


def test_a_slower_rate_or_the_pause_after_a_pvc_is_no_missed_beat():
    """The next interval must be short again, and three N must stand before."""
    assert played(Beats().say(LEAD_IN).say("NNNN", 1.5)).edges("MISSED_BEAT") == []
    assert played(Beats().say(LEAD_IN).say("V", 0.5).say("N", 1.5).say("NN")).edges() == []


def test_an_asystole_that_ends_is_no_missed_beat():
    """Ten seconds of silence were told as what they are."""
    beats = Beats().say(LEAD_IN).say("N", 10.0).say("NNN")
    assert played(beats).edges("MISSED_BEAT", "ASYSTOLE") == [
        ("ASYSTOLE", "set"),
        ("ASYSTOLE", "clear"),
    ]


def test_r_on_t():
    """A PVC within a third of the average interval, then a pause of at least 1.25 times it."""
    player = played(Beats().say(LEAD_IN, 0.9).say("V", 0.28).say("N", 1.3).say("NN", 0.9))
    assert player.edges() == [("R_ON_T", "once")]


@pytest.mark.parametrize(("coupling", "pause"), [(0.4, 1.3), (0.28, 1.0)])
def test_later_pvc_or_one_without_a_pause_is_no_r_on_t(coupling, pause):
    """Both conditions are needed."""
    beats = Beats().say(LEAD_IN, 0.9).say("V", coupling).say("N", pause).say("NN", 0.9)
    assert played(beats).edges("R_ON_T") == []


# ── Irregularity ─────────────────────────────────────────────────────────────────────────────


def test_a_minute_of_irregular_rhythm_is_afib():
    """Set about 60 s after its onset, which is told; the rhythm is called AF."""
    player = played(irregular(90), 90)
    assert player.edges("AFIB", "IRREGULAR_HR") == [("AFIB", "set")]
    assert player.first("AFIB").at == pytest.approx(65, abs=10)
    assert player.first("AFIB").onset < 15
    assert player.vitals()["rhythm"] == "AF"


def test_fibrillation_of_the_ventricles_is_no_af():
    """What the QRS detector finds in VF is irregular, and nothing of the atria."""
    beats = irregular(120)
    player = Player().play(beats, 100, fibrillation=True).play(beats, 110)
    assert player.edges("AFIB", "IRREGULAR_HR") == []


def test_afib_says_its_end_once():
    """Onset and end, nothing in between."""
    beats = irregular(180)
    player = played(beats.say("N" * 90), beats.now)
    assert player.edges("AFIB") == [("AFIB", "set"), ("AFIB", "clear")]


def test_irregular_with_p_waves_is_irregular_hr_until_a_minute_is_regular():
    """P waves speak against fibrillation."""
    player = Player()
    player.p_evidence = 0.9
    beats = irregular(120)
    start = beats.now
    player.play(beats.say("N" * 120), beats.now)
    assert player.edges("AFIB", "IRREGULAR_HR") == [
        ("IRREGULAR_HR", "set"),
        ("IRREGULAR_HR", "clear"),
    ]
    assert player.first("IRREGULAR_HR", "clear").at > start + 60


@pytest.mark.parametrize(("p_waves", "told"), [(0.05, {"AFIB"}), (0.6, set())])
def test_some_disorder_is_afib_only_where_no_p_waves_are(p_waves, told):
    """Intervals within 15 % of their mean: less than AF mostly has, but as much as it may have."""
    player = Player()
    player.p_evidence = p_waves
    player.play(irregular(180, spread=0.15), 180)
    assert {kind for kind, _ in player.edges("AFIB", "IRREGULAR_HR")} == told


def test_disorder_with_many_s_beats_is_no_afib():
    """Every fifth beat is S: the atria beat early, they do not fibrillate."""
    player = played(irregular(180, classes="NNNNS"), 180)
    assert {kind for kind, _ in player.edges("AFIB", "IRREGULAR_HR")} == {"IRREGULAR_HR"}


@pytest.mark.parametrize(
    ("classes", "intervals"),
    [
        ("NV", [0.5, 1.1]),  # ventricular bigeminy
        ("NNV", [0.8, 0.5, 1.1]),  # trigeminy
        ("NS", [0.5, 1.0]),  # atrial bigeminy
        ("NN", [0.5, 1.0]),  # the same, when the model misses it
    ],
)
def test_bigeminy_and_frequent_pvcs_are_not_af(classes, intervals):
    """Patterns are irregular, but two alike intervals are followed by alike ones."""
    repeats = 150 // len(classes)
    rng = np.random.default_rng(3)
    jitter = [float(x) for x in rng.normal(0, 0.01, repeats * len(classes))]
    rr = [a + b for a, b in zip(intervals * repeats, jitter, strict=True)]
    assert played(Beats().say(classes * repeats, rr)).edges("AFIB", "IRREGULAR_HR") == []


def test_random_pvcs_in_sinus_rhythm_are_not_af():
    """One beat in five is a PVC with a compensatory pause, at random."""
    rng = np.random.default_rng(5)
    beats = Beats()
    while beats.now < 150:
        if rng.random() < 0.2:
            beats.say("V", float(rng.uniform(0.4, 0.6))).say("N", float(rng.uniform(1.0, 1.2)))
        else:
            beats.say("N", float(rng.normal(0.8, 0.015)))
    assert played(beats).edges("AFIB", "IRREGULAR_HR") == []


def test_respiratory_sinus_arrhythmia_is_not_af():
    """A rate that swings by 15 % with each breath is regular enough."""
    beats = Beats()
    while beats.now < 150:
        beats.say("N", 0.9 * (1 + 0.15 * float(np.sin(2 * np.pi * beats.now / 4.5))))
    assert played(beats).edges("AFIB") == []
