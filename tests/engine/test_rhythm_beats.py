"""Rules over the classes of beats: runs, pairs, bigeminy, SVT (ALARMS.md, by name)."""

import pytest
from rhythm_script import Beats, Player, played

from ecg.types import CLASSES
from stream.engine import rhythm

LEAD_IN = "N" * 12


def test_third_v_is_nsvt_and_the_fifth_makes_it_vtach_with_the_same_onset():
    """A run at 150 /min: NSVT at its third beat, VTACH at its fifth, NSVT gone without an alarm."""
    beats = Beats().say(LEAD_IN).say("VVVVVVV", 0.4)
    player = played(beats)
    assert player.edges() == [("NSVT", "set"), ("VTACH", "set"), ("NSVT", "clear")]
    nsvt, vtach, _ = player.told
    first = beats.beats[12][0]
    assert nsvt.onset == vtach.onset == pytest.approx(first, abs=0.01)
    assert nsvt.at == pytest.approx(first + 0.8, abs=0.11)
    assert vtach.at == pytest.approx(first + 1.6, abs=0.11)
    assert vtach.value == pytest.approx(150, abs=1)


def test_vtach_ends_with_the_third_beat_that_is_not_v():
    """Two sinus beats within a tachycardia do not end it."""
    beats = Beats().say(LEAD_IN).say("VVVVVVV", 0.4).say("NN").say("VVV", 0.4).say("NNN")
    player = played(beats)
    assert player.edges("VTACH") == [("VTACH", "set"), ("VTACH", "clear")]
    assert player.first("VTACH", "clear").at == pytest.approx(beats.now, abs=0.11)


@pytest.mark.parametrize("count", [3, 4])
def test_three_or_four_fast_v_are_nsvt_only(count):
    """A short run clears with the next other beat and never becomes VTACH."""
    player = played(Beats().say(LEAD_IN).say("V" * count, 0.4).say("NNNN"))
    assert player.edges() == [("NSVT", "set"), ("NSVT", "clear")]


def test_run_below_100_is_run_pvcs_and_from_14_beats_a_ventricular_rhythm():
    """An idioventricular rhythm of 75 /min is no tachycardia however long it lasts."""
    player = played(Beats().say(LEAD_IN).say("V" * 15).say("NNNN"))
    assert player.edges() == [
        ("RUN_PVCS", "set"),
        ("VENT_RHYTHM", "set"),
        ("RUN_PVCS", "clear"),
        ("VENT_RHYTHM", "clear"),
    ]
    onset, at = player.first("VENT_RHYTHM").onset, player.first("VENT_RHYTHM").at
    assert at - onset == pytest.approx(13 * 0.8, abs=0.11)


def test_run_exactly_at_100_is_a_tachycardia():
    """The limit itself belongs to VTACH (≥ 100 /min)."""
    assert ("VTACH", "set") in played(Beats().say(LEAD_IN).say("VVVVV", 0.6)).edges()


def test_slow_run_that_becomes_fast_becomes_vtach():
    """The rate is that of the last five beats, so an accelerating rhythm is found."""
    player = played(Beats().say(LEAD_IN).say("VVVVVV", 0.9).say("VVVVV", 0.4))
    assert player.edges("VTACH") == [("VTACH", "set")]


def test_run_of_beats_the_model_is_unsure_of_is_not_believed():
    """A run with a mean confidence below one half raises nothing."""
    player = Player()
    player.confidence = 0.4
    beats = Beats().say(LEAD_IN).say("V" * 8, 0.4)
    assert player.play(beats, beats.now + 1).edges() == []


def test_beats_of_poor_quality_make_no_run():
    """V in noise counts as Q: rate goes on, no ventricular alarm."""
    player = Player()
    player.quality = 0.1
    beats = Beats().say(LEAD_IN).say("V" * 8, 0.4)
    player.play(beats, beats.now + 1)
    assert player.edges() == []
    assert player.vitals()["heart_rate"] > 75


def test_vtach_is_not_ended_by_a_failing_model():
    """Q of confidence 0 is no evidence against a tachycardia."""
    beats = Beats().say(LEAD_IN).say("VVVVVV", 0.4)
    player = played(beats, beats.now + 0.2)
    player.confidence = 0.0
    player.play(beats.say("QQQQQQ", 0.4), beats.now + 1)
    assert player.edges("VTACH") == [("VTACH", "set")]


def test_exactly_two_v_are_a_pair():
    """Two V between others: once, with the onset of the first."""
    beats = Beats().say(LEAD_IN).say("VV", 0.5).say("N")
    player = played(beats)
    assert player.edges() == [("PAIR_PVCS", "once")]
    assert player.told[0].onset == pytest.approx(beats.beats[12][0], abs=0.01)


@pytest.mark.parametrize("classes", ["V", "VVV"])
def test_one_or_three_v_are_no_pair(classes):
    """Neither a single PVC nor a run is a pair."""
    player = played(Beats().say(LEAD_IN).say(classes, 0.8).say("NNN"))
    assert player.edges("PAIR_PVCS") == []


def test_bigeminy_after_three_cycles_and_until_two_are_broken():
    """NV NV NV sets it; two sinus cycles (four beats) end it."""
    beats = Beats().say(LEAD_IN).say("VNVNV")
    player = played(beats.say("NNNN"))
    assert player.edges() == [("BIGEMINY", "set"), ("BIGEMINY", "clear")]
    assert player.first("BIGEMINY").onset == pytest.approx(beats.beats[11][0], abs=0.01)
    assert player.first("BIGEMINY").at == pytest.approx(beats.beats[16][0], abs=0.11)


def test_bigeminy_survives_one_broken_cycle():
    """One missing PVC does not end it."""
    player = played(Beats().say(LEAD_IN).say("VNVNVNVNNVNVNV"))
    assert player.edges("BIGEMINY") == [("BIGEMINY", "set")]


def test_trigeminy_after_three_cycles_and_until_two_are_broken():
    """NNV NNV NNV sets it, six beats without a PVC in place end it; it is no bigeminy."""
    player = played(Beats().say(LEAD_IN).say("VNNVNNV").say("N" * 8))
    assert player.edges() == [("TRIGEMINY", "set"), ("TRIGEMINY", "clear")]


def test_two_cycles_are_no_bigeminy():
    """Two PVCs in a row of NV raise nothing."""
    assert played(Beats().say(LEAD_IN).say("VNVNNNN")).edges() == []


@pytest.mark.parametrize("classes", ["SSSSSS", "NNNNNN"])
def test_five_narrow_beats_at_180_are_svt_until_three_slower_intervals(classes):
    """S or narrow beats at 200 /min; three normal intervals end it."""
    beats = Beats().say(LEAD_IN).say(classes, 0.3).say("NNN")
    player = played(beats)
    assert player.edges("SVT") == [("SVT", "set"), ("SVT", "clear")]
    assert player.first("SVT").value == pytest.approx(200, abs=2)


def test_v_beats_at_180_are_no_svt():
    """A wide tachycardia is not supraventricular."""
    assert played(Beats().say(LEAD_IN).say("V" * 8, 0.3)).edges("SVT") == []


def test_narrow_beats_below_180_are_no_svt():
    """170 /min raises nothing here: that is for the rate limits."""
    assert played(Beats().say(LEAD_IN).say("N" * 20, 60 / 170)).edges("SVT") == []


def looking(beats, **looks):
    """Play beats; of each class it is said how alike the last, how usual, whether strange, V."""
    player = Player()
    player.looks = {"N": (0.95, 0.95, False, 0.0), "V": (0.2, 0.1, True, 0.9), **looks}
    return player.play(beats, beats.now + 1.0)


@pytest.mark.parametrize(
    ("name", "looks", "found"),
    [
        ("like the V, unlike the usual", (0.95, 0.0, False, 0.0), True),
        ("like the V, of the usual outline but wide", (0.95, 0.9, True, 0.0), True),
        ("doubted by the classifier, too", (0.75, 0.9, False, 0.3), True),
        ("like the usual", (0.95, 0.96, False, 0.3), False),
        ("unlike the V, a little like the usual", (0.5, 0.4, False, 0.3), False),
    ],
)
def test_fast_beats_after_a_v_are_v_by_their_looks(name, looks, found):
    """A classifier that takes a run for the new rhythm cannot end it: S stands for its word."""
    beats = Beats().say(LEAD_IN).say("VSSSS", 0.4).say("NNNN")
    edges = looking(beats, S=looks).edges("VTACH")
    assert edges == ([("VTACH", "set"), ("VTACH", "clear")] if found else []), name


@pytest.mark.parametrize(
    ("name", "rr", "ventricular", "told"),
    [
        ("fast and doubted", 0.4, 0.3, "V"),
        ("surely not V for the classifier", 0.4, 0.2, "S"),
        ("below 100 /min", 0.65, 0.3, "S"),
    ],
)
def test_a_doubted_beat_after_a_v_is_told_as_v(name, rr, ventricular, told):
    """It looks like the V before it; what has no class at all stays without."""
    player = played(Beats().say(LEAD_IN + "V"))
    last = player.state["newest"]
    for label, name_of_it in (("Q", "Q"), ("S", told)):
        state = player.bank.copy()[0]
        rhythm.look(state, 0.75, 0.9, False, False, ventricular)
        said = rhythm.beat(state, last + rr * 250, CLASSES.index(label), 0.5, 0.95)
        assert CLASSES[said] == name_of_it, name


def test_a_doubted_beat_after_a_gap_is_what_the_classifier_says():
    """No run goes across a gap."""
    player = played(Beats().say(LEAD_IN + "V"))
    at = player.state["newest"] + 100
    player.gap(at / 250 - 0.2, at / 250 - 0.1)
    rhythm.look(player.state, 0.75, 0.9, False, False, 0.3)
    assert rhythm.beat(player.state, at, CLASSES.index("S"), 0.5, 0.95) == CLASSES.index("S")


@pytest.mark.parametrize(
    ("name", "looks", "told"),
    [
        ("strange, and doubted by the classifier", (0.1, 0.6, True, 0.35), True),
        ("strange, and surely not V for the classifier", (0.1, 0.6, True, 0.1), False),
        ("of the usual shape", (0.1, 0.97, False, 0.35), False),
    ],
)
def test_the_third_beat_of_a_run_may_have_another_shape(name, looks, told):
    """V V and a strange fast beat are a run of three; a fourth and fifth such beat make no VTACH."""
    beats = Beats().say(LEAD_IN).say("VVSSS", 0.4).say("NNNN")
    edges = looking(beats, S=looks).edges("NSVT", "VTACH")
    assert edges == ([("NSVT", "set"), ("NSVT", "clear")] if told else []), name


def test_slow_beats_after_a_v_are_what_the_classifier_says():
    """Looks count in a tachycardia only."""
    beats = Beats().say(LEAD_IN).say("VSSSS", 0.7).say("NNNN")
    assert looking(beats, S=(0.95, 0.0, True, 0.3)).edges("RUN_PVCS") == []


def test_a_chain_of_wide_beats_is_vtach_without_a_v():
    """Told with the first beat that is heard since the room `wide` says so; onset at its first beat."""
    beats = Beats().say(LEAD_IN).say("S", 0.8).say("SSSS", 0.4)
    player = Player()
    player.play(beats, beats.now - 0.1)
    assert player.edges() == []
    player.wide = (beats.beats[-5][0], 150.0)
    player.play(beats, beats.now + 1.0)
    assert player.edges() == [("VTACH", "set")]
    assert player.first("VTACH").onset == pytest.approx(beats.beats[-5][0], abs=0.01)


def test_a_chain_counts_where_the_lead_that_is_heard_lost_beats():
    """The other lead shows five at 120 /min, this one the first and the last."""
    beats = Beats().say(LEAD_IN).say("NN", [0.8, 2.0])
    player = Player()
    player.wide = (beats.now - 2.0, 120.0)
    player.play(beats, beats.now + 1.0)
    assert ("VTACH", "set") in player.edges()
    assert player.first("VTACH").value == pytest.approx(120.0)


def test_a_chain_that_is_over_is_a_tachycardia_that_is_over():
    """Three beats that are not V after it clear VTACH, as after any other."""
    beats = Beats().say(LEAD_IN).say("S", 0.8).say(8 * "S", 0.4)
    player = Player()
    player.wide = (beats.beats[len(LEAD_IN)][0], 150.0)
    player.play(beats, beats.now + 0.1)
    player.wide = (0.0, 0.0)
    beats.say("NNNN")
    player.play(beats, beats.now + 1.0)
    assert player.edges("VTACH") == [("VTACH", "set"), ("VTACH", "clear")]


def test_a_burst_faster_than_any_tachycardia_is_none():
    """330 /min of beats unlike the usual: movement, or fibrillation, which has its own detector."""
    beats = Beats().say(LEAD_IN).say("V" * 6, 0.18).say("NNNN")
    assert looking(beats).edges("VTACH") == []


def test_a_tachycardia_that_has_become_the_usual_shape_goes_on():
    """After many beats it looks like the dominant shape and is named S: it ends with the rhythm."""
    usual = {"S": (0.95, 0.95, False, 0.05)}
    on = Beats().say(LEAD_IN).say("VVVVV" + 30 * "S", 0.4)
    assert looking(on, **usual).edges("VTACH") == [("VTACH", "set")]
    over = Beats().say(LEAD_IN).say("VVVVV" + 30 * "S", 0.4).say("NNNN")
    assert looking(over, **usual).edges("VTACH") == [("VTACH", "set"), ("VTACH", "clear")]
    short = Beats().say(LEAD_IN).say("VVVV" + 6 * "S", 0.4)
    assert looking(short, **usual).edges("VTACH") == []
