"""One alarm and others of its patient: escalation and chains (ALARMS.md, by name)."""

from itertools import combinations, product

import pytest
from alarm_script import START, Ward, repeat, worsen

from ecg.types import Priority

CHAINS = (
    "VFIB > VTACH > NSVT > VENT_RHYTHM > RUN_PVCS > PAIR_PVCS > R_ON_T > BIGEMINY, TRIGEMINY, PVC_RATE",
    "ASYSTOLE > PAUSE > MISSED_BEAT",
    "EXTREME_TACHY, EXTREME_BRADY > HR_HIGH, HR_LOW",
    "AFIB > IRREGULAR_HR",
)
PAIRS = [
    pair
    for chain in CHAINS
    for higher, lower in combinations([rank.split(", ") for rank in chain.split(" > ")], 2)
    for pair in product(higher, lower)
]

# ── Escalation ───────────────────────────────────────────────────────────────────────────────


def test_nsvt_escalates_to_vtach_and_keeps_its_id():
    """Third beat NSVT, fifth VTACH: one alarm, escalated, high from then on."""
    ward = Ward()
    assert ward.tell(5.0, "NSVT", onset=4.0) == ["NSVT start active"]
    assert ward.tell(6.0, "VTACH", onset=4.0) == ["VTACH escalate active"]
    assert ward.tell(6.0, "NSVT", "clear", onset=4.0) == []
    alarm = ward.published[-1]
    assert (alarm.id, alarm.priority, alarm.code) == ("p:s1:NSVT:1000", 3, 199832)
    assert (alarm.onset_time, alarm.detected_time) == (START + 4.0, START + 6.0)
    assert ward.tell(9.0, "VTACH", "clear", onset=4.0) == ["VTACH update latched"]


def test_acknowledged_nsvt_sounds_again_as_vtach():
    """The acknowledgement was for the lesser alarm."""
    ward = Ward()
    ward.tell(5.0, "NSVT", onset=4.0)
    ward.acknowledge(5.5, "NSVT")
    assert ward.tell(6.0, "VTACH", onset=4.0) == ["VTACH escalate active"]
    assert ward.shown() == ["VTACH active*"]
    assert ward.published[-1].acknowledged_by == ""


def test_leads_off_becomes_medium_after_10_s():
    """Low at first; the deadline is known."""
    ward = Ward()
    assert ward.tell(5.0, "LEADS_OFF") == ["LEADS_OFF start active"]
    assert ward.tick(14.9) == []
    assert ward.tick(15.0) == ["LEADS_OFF escalate active"]
    assert ward.published[-1].priority == Priority.MEDIUM
    assert ward.tell(16.0, "LEADS_OFF", "clear", onset=5.0) == ["LEADS_OFF end ended"]


# ── Chains ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("higher", "lower"), PAIRS)
def test_higher_alarm_suppresses_the_lower_of_its_chain(higher, lower):
    """Whichever comes first; and it says so; the lower is back when the higher has gone."""
    ward = Ward()
    ward.tell(5.0, lower)
    assert ward.tell(6.0, higher) == [
        f"{higher} start active",
        f"{lower} update active by {higher}",
    ]
    assert f"{lower} update active" in ward.tell(30.0, higher, "clear", onset=6.0)
    ward = Ward()
    ward.tell(5.0, higher)
    assert ward.tell(6.0, lower) == [f"{lower} start active by {higher}"]
    assert f"{lower} active" in ward.shown()


def test_other_chains_are_not_suppressed():
    """A pause under a bigeminy sounds."""
    ward = Ward()
    ward.tell(5.0, "BIGEMINY")
    assert ward.tell(6.0, "PAUSE") == ["PAUSE start active"]


@pytest.mark.parametrize("pair", [("BIGEMINY", "PVC_RATE"), ("HR_LOW", "HR_HIGH")])
def test_alarms_of_one_rank_do_not_suppress_one_another(pair):
    """Neither the earlier nor the later one."""
    ward = Ward()
    ward.tell(5.0, pair[0])
    assert ward.tell(6.0, pair[1]) == [f"{pair[1]} start active"]


def test_latched_alarm_suppresses_nothing():
    """Its condition is over."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    ward.tell(9.0, "VTACH", "clear", onset=5.0)
    assert ward.tell(10.0, "BIGEMINY") == ["BIGEMINY start active"]


@pytest.mark.parametrize("higher", ["PAUSE", "ASYSTOLE"])
def test_what_was_part_of_a_higher_alarm_is_suppressed_though_it_is_over(higher):
    """The beat that ends a pause makes it a missed beat, too: nobody is to hear of it twice."""
    ward = Ward()
    ward.tell(7.0, higher, onset=5.0)
    ward.tell(9.5, higher, "clear", onset=5.0)
    assert ward.tell(10.4, "MISSED_BEAT", "once", onset=5.0) == [
        f"MISSED_BEAT start active by {higher}"
    ]
    assert ward.tick(30.0)[-1].startswith("MISSED_BEAT end ended")
    assert not any(a.kind == "MISSED_BEAT" and not a.silenced for a in ward.published)
    assert ward.tell(40.0, "MISSED_BEAT", "once", onset=39.0) == ["MISSED_BEAT start active"]


def test_what_ended_under_a_higher_alarm_does_not_sound_after_it():
    """A pause that grew to an asystole is over with the first beat, the asystole with the second."""
    ward = Ward()
    ward.tell(7.0, "PAUSE", onset=5.0)
    ward.tell(9.0, "ASYSTOLE", onset=5.0)
    ward.tell(9.5, "PAUSE", "clear", onset=5.0)
    assert ward.tell(10.5, "ASYSTOLE", "clear", onset=5.0) == ["ASYSTOLE update latched"]
    assert ward.shown() == ["PAUSE active", "ASYSTOLE latched*"]


def test_latched_alarm_is_not_suppressed():
    """It waits for a person, whatever else happens: no news for every VF after it."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    ward.tell(9.0, "VTACH", "clear", onset=5.0)
    assert ward.tell(10.0, "VFIB") == ["VFIB start active"]
    ward.tell(11.0, "VTACH", onset=11.0)
    assert ward.tell(12.0, "VTACH", "clear", onset=11.0) == ["VTACH update latched"]
    assert ward.published[-1].suppressed_by == ""


@pytest.mark.parametrize("kind", ["NSVT", "LEADS_OFF"])
def test_what_becomes_worse_is_no_repeat(kind):
    """Who leaves out what is flagged `repeat` must hear the tachycardia that it has become."""
    ward = Ward()
    repeat(ward, kind)
    assert ward.published[-1].flags == ("repeat",)
    worse = worsen(ward, kind)
    assert len(worse) == 1
    assert (ward.published[-1].phase, ward.published[-1].flags) == ("escalate", ())


def test_what_sounds_after_its_time_out_is_no_repeat():
    """The flag says that it is silent, and it is no longer."""
    ward = Ward()
    ward.tell(5.0, "SVT")
    ward.tell(20.0, "SVT", "clear", onset=5.0)
    ward.tell(60.0, "SVT")
    assert ward.published[-1].flags == ("repeat",)
    assert ward.tick(185.0) == ["SVT update active"]
    assert ward.published[-1].flags == ()


def test_who_acknowledged_the_lesser_alarm_has_not_seen_what_it_became():
    """The VTACH came while the acknowledgement of the NSVT was on its way: it sounds on."""
    ward = Ward()
    ward.tell(10.0, "NSVT", onset=9.0)
    seen = ward.published[-1].update_no
    ward.tell(10.4, "VTACH", onset=9.0)
    assert ward.acknowledge(10.5, "VTACH", update_no=seen) == ["acknowledge escalated"]
    assert ward.shown() == ["VTACH active*"]
    last = ward.published[-1].update_no
    assert ward.acknowledge(11.0, "VTACH", update_no=last)[-1] == "acknowledge done"
    assert ward.shown() == ["VTACH acknowledged"]


def test_an_acknowledgement_of_an_older_state_counts_unless_it_escalated():
    """A strip, or another bed, is nothing to be seen anew; nor need one say what was seen."""
    for seen in (1, 0):
        ward = Ward()
        ward.tell(5.0, "VTACH")
        ward.admit(6.0, bed="2")
        assert ward.acknowledge(7.0, "VTACH", update_no=seen)[-1] == "acknowledge done"
