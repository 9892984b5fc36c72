"""Noise: only what is lethal is set in it, and it says so itself (ALARMS.md, technical alarms)."""

import math

import pytest
from rhythm_script import Beats, Player, played

LEAD_IN = "N" * 12


def noisy_from(beats, start, until):
    """Quiet up to `start` seconds, noisy from then on."""
    player = played(beats, start)
    player.noisy = True
    return player.play(beats, until)


@pytest.mark.parametrize(
    "classes", ["VVNN", "VNVNVNVN", "NNVNNVNNV", "V" * 15], ids=["pair", "big", "tri", "slow run"]
)
def test_in_noise_nothing_minor_is_set(classes):
    """Pairs, patterns and slow runs are what noise looks like."""
    beats = Beats().say(LEAD_IN)
    start = beats.now + 0.5
    beats.say(classes)
    assert noisy_from(beats, start, beats.now + 0.5).edges() == [("ARTIFACT", "set")]


@pytest.mark.parametrize(("alike", "told"), [(0.95, [("VTACH", "set")]), (0.7, [])])
def test_in_noise_vtach_is_set_by_beats_that_are_alike(alike, told):
    """A confident run of six: no NSVT before it, but the tachycardia itself. Movement is less alike."""
    beats = Beats().say(LEAD_IN)
    player = played(beats, beats.now + 0.1)
    beats.say("VVVVVV", 0.4)
    player.looks = {"V": (alike, 0.1, False, 0.9)}
    player.noisy = True
    assert player.play(beats, beats.now + 0.5).edges() == [("ARTIFACT", "set"), *told]


@pytest.mark.parametrize(
    ("towers", "noisy", "beats", "told"),
    [
        (False, False, 5, True),
        (True, False, 9, False),
        (True, False, 10, True),
        (True, True, 15, False),
    ],
)
def test_a_run_that_towers_over_the_patients_own_beats_must_last(towers, noisy, beats, told):
    """Electrode motion is called noise after 4 s, not before; its bumps may be as alike as beats."""
    script = Beats().say(LEAD_IN)
    player = played(script, script.now + 0.1)
    player.looks = {"V": (0.95, 0.1, False, 0.9)}
    player.towers, player.noisy = towers, noisy
    player.play(script.say("V" * beats, 0.4), script.now + 0.5)
    assert (("VTACH", "set") in player.edges()) == told


def test_in_noise_asystole_is_set_and_pause_waits_for_its_end():
    """An arrest is told; the pause only when the noise is over."""
    beats = Beats().say(LEAD_IN)
    player = noisy_from(beats, beats.now + 0.1, beats.now + 5)
    assert player.edges() == [("ARTIFACT", "set"), ("ASYSTOLE", "set")]
    player.noisy = False
    assert player.play(beats, beats.now + 6).edges()[2:] == [
        ("ARTIFACT", "clear"),
        ("PAUSE", "set"),
    ]


def test_in_noise_a_rhythm_too_even_for_noise_is_analysed():
    """A tachycardia of 150 /min with large waves reads as noise: rate and analysis go on."""
    beats = Beats().say("N" * 80, 0.4)
    player = noisy_from(beats, 5.0, 31.0)
    assert player.edges("CANNOT_ANALYZE") == []
    assert player.vitals()["heart_rate"] == pytest.approx(150, abs=1)


def test_intervals_found_in_noise_are_no_rate_after_it():
    """Beats were lost in it, 30 /min seem to be left: neither in it nor after it is that told."""
    beats = Beats().say("N" * 20, 0.75)
    start = beats.now
    beats.say("NNNNN", [1.7, 2.4, 1.4, 2.8, 1.9])
    player = noisy_from(beats, start, beats.now)
    assert math.isnan(player.vitals()["heart_rate"])
    player.noisy = False
    beats.say(9 * "N", 0.8)
    for second in range(8):
        rate = player.play(beats, start + 11 + second).vitals()["heart_rate"]
        assert math.isnan(rate) or rate > 50
    assert rate > 55


@pytest.mark.parametrize("valid", [True, False])
def test_no_reliable_beat_for_20_s_is_cannot_analyze(valid):
    """In noise or without a usable signal; there is no heart rate then; a good beat ends it."""
    beats = Beats().say("N" * 6)
    for _ in range(32):
        beats.say("N", 0.55).say("N", 1.05)
    player = played(beats, 10.0)
    player.noisy = valid
    player.play(beats, 32.0, valid=valid)
    told = player.first("CANNOT_ANALYZE")
    assert told.at == pytest.approx(29.6, abs=0.6)
    assert told.onset == pytest.approx(9.6, abs=0.6)
    assert math.isnan(player.vitals()["heart_rate"])
    player.noisy = False
    player.play(beats, 40.0)
    assert player.first("CANNOT_ANALYZE", "clear").at == pytest.approx(32.8, abs=0.9)
    assert player.vitals()["heart_rate"] == pytest.approx(75, abs=4)  # of uneven intervals


def test_asystole_is_not_cannot_analyze():
    """A quiet flat line can be analysed very well."""
    beats = Beats().say(LEAD_IN)
    assert played(beats, beats.now + 40).edges("CANNOT_ANALYZE") == []


def test_poor_beats_in_a_quiet_signal_are_no_noise():
    """Quality is for beats, noise for the signal: nothing technical is said."""
    player = Player()
    player.quality = 0.1
    assert player.play(Beats().say("N" * 60), 45).edges() == []
