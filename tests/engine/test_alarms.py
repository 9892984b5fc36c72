"""The alarm book, each rule of ALARMS.md by its name: what happens in, sentences out."""

import pytest
from alarm_script import START, Ward, repeat, worsen

from ecg.conditions import CATALOGUE
from stream.engine.alarms import Settings

# ── From condition to alarm ──────────────────────────────────────────────────────────────────


def test_the_id_is_patient_session_kind_and_onset():
    """Deterministic, with times of the samples; update_no rises by one."""
    ward = Ward()
    ward.tell(14.0, "ASYSTOLE", onset=10.0, value=4.0, measure="s")
    ward.tell(20.0, "ASYSTOLE", "clear", onset=10.0)
    ward.acknowledge(21.0, "ASYSTOLE")
    mine = [a for a in ward.published if a.kind == "ASYSTOLE"]
    assert {a.id for a in mine} == {"p:s1:ASYSTOLE:2500"}
    assert [a.update_no for a in mine] == [1, 2, 3]
    start = mine[0]
    assert (start.onset_sample, start.detected_sample) == (2500, 3500)
    assert (start.onset_time, start.detected_time) == (START + 10, START + 14)
    assert (start.priority, start.code, start.value, start.measure) == (3, 199684, 4.0, "s")
    assert mine[-1].ended_sample == 5000


def test_an_alarm_ends_when_its_condition_does():
    """Its time is that of the sample, whoever acknowledges it when; none while it holds."""
    ward = Ward()
    ward.tell(14.0, "ASYSTOLE", onset=10.0)
    ward.tell(15.0, "PAUSE", onset=12.0)
    ward.tell(15.5, "PAIR_PVCS", "once", onset=15.0)
    ward.acknowledge(16.0, "ASYSTOLE")
    assert {a.ended_time for a in ward.published} - {START} == {None}
    ward.tell(16.5, "PAUSE", "clear", onset=12.0)
    ward.tell(20.0, "ASYSTOLE", "clear", onset=10.0)
    ward.tick(30.0)
    ward.acknowledge(60.0, "ASYSTOLE")
    last = {a.kind: a.ended_time - START for a in ward.published if a.state == "ended"}
    assert last["ASYSTOLE"] == 20.0
    assert last["PAUSE"] == 16.5
    assert last["PAIR_PVCS"] == 15.5


def test_what_no_sample_ends_ends_at_its_own_time():
    """Silence with the samples that come, a pause by the clock, a goodbye and a discharge at once."""
    ward = Ward()
    ward.arrive(1.0)
    ward.tick(5.0)
    ward.arrive(9.0)
    ward.tell(9.5, "HR_HIGH")
    ward.goodbye(10.0)
    ward.pause(11.0, 20.0)
    ward.tick(40.0)
    ward.tell(41.0, "VTACH")
    ward.discharge(52.0)
    last = {a.kind: a.ended_time - START for a in ward.published if a.state == "ended"}
    del last["LEARNING"]
    assert last == {"NO_DATA": 9.0, "HR_HIGH": 10.0, "ALARMS_PAUSED": 31.0, "VTACH": 52.0}


def test_what_escalates_after_its_end_holds_again():
    """NSVT that had cleared and becomes VTACH has no end until that one's."""
    ward = Ward()
    ward.tell(5.0, "NSVT", onset=4.0)
    ward.tell(6.0, "NSVT", "clear", onset=4.0)
    ward.tell(6.5, "VTACH", onset=4.0)
    assert (ward.published[-1].kind, ward.published[-1].ended_time) == ("VTACH", None)
    assert ward.published[-1].ended_sample is None


def test_medium_alarm_ends_with_its_condition():
    """HR_HIGH does not latch."""
    ward = Ward()
    assert ward.vitals(1, 130.0) == ["HR_HIGH start active"]
    assert [ward.vitals(s, 100.0) for s in (2, 3)] == [[], []]
    assert ward.vitals(4, 100.0) == []
    assert ward.tick(7.5) == ["HR_HIGH end ended"]


def test_a_limit_that_is_broken_between_two_seconds_is_told_at_once():
    """The mean of a beat is one already; what is kept again is counted in seconds, as before."""
    ward = Ward()
    assert ward.vitals(1, 115.0) == []
    assert ward.heart_rate(1.4, 121.0) == ["HR_HIGH start active"]
    assert ward.heart_rate(1.8, 119.0) == []
    assert ward.heart_rate(2.2, 141.0) == [
        "EXTREME_TACHY start active",
        "HR_HIGH update active by EXTREME_TACHY",
    ]
    assert [ward.vitals(s, 110.0) for s in (3, 4, 5)] == [[], [], []]
    assert ward.vitals(6, 110.0) != []


def test_self_clearing_alarm_shows_for_6_s():
    """A pair of PVCs, once: shown for 6 s from its detection, then ended by a tick."""
    ward = Ward()
    assert ward.tell(5.0, "PAIR_PVCS", "once") == ["PAIR_PVCS start active"]
    assert ward.tick(10.9) == []
    assert ward.book.next_deadline() <= START + 11.0
    assert ward.tick(11.0) == ["PAIR_PVCS end ended"]


def test_short_condition_shows_for_6_s_too():
    """A pause that lasts a second stays readable."""
    ward = Ward()
    ward.tell(5.0, "PAUSE")
    assert ward.tell(6.0, "PAUSE", "clear", onset=5.0) == []
    assert ward.shown() == ["PAUSE active*"]
    assert ward.tick(11.0) == ["PAUSE end ended"]


def test_clear_of_what_is_not_set_does_nothing():
    """A clear without an alarm is no news."""
    assert Ward().tell(5.0, "VTACH", "clear") == []


# ── Latching and acknowledgement ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [k for k, v in CATALOGUE.items() if v.latches])
def test_high_alarms_latch_until_acknowledged(kind):
    """They stay, marked, however long it takes."""
    ward = Ward()
    ward.tell(5.0, kind)
    assert ward.tell(9.0, kind, "clear", onset=5.0) == [f"{kind} update latched"]
    assert ward.tick(9000.0) == []
    assert ward.shown() == [f"{kind} latched*"]
    assert ward.acknowledge(9001.0, kind) == [f"{kind} end ended", "acknowledge done"]
    assert ward.shown() == []
    assert ward.published[-1].acknowledged_by == "nurse"


def test_acknowledging_an_active_alarm_silences_but_does_not_hide_it():
    """It stays on the display, with who and when; it still latches when it ends."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    assert ward.acknowledge(6.0, "VTACH", note="seen") == [
        "VTACH update acknowledged",
        "acknowledge done",
    ]
    assert ward.shown() == ["VTACH acknowledged"]
    alarm = ward.published[-1]
    assert (alarm.acknowledged_by, alarm.acknowledged_at, alarm.note) == (
        "nurse",
        START + 6.0,
        "seen",
    )
    assert ward.tell(9.0, "VTACH", "clear", onset=5.0) == ["VTACH update latched"]
    assert ward.shown() == ["VTACH latched"]
    assert ward.acknowledge(10.0, "VTACH") == ["VTACH end ended", "acknowledge done"]


def test_acknowledged_medium_alarm_ends_with_its_condition():
    """Nothing to latch."""
    ward = Ward()
    ward.tell(5.0, "SVT")
    ward.acknowledge(6.0, "SVT")
    assert ward.tell(20.0, "SVT", "clear", onset=5.0) == ["SVT end ended"]


def test_a_new_high_alarm_sounds_beside_an_acknowledged_one():
    """Acknowledgement is of one alarm."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    ward.acknowledge(6.0, "VTACH")
    ward.tell(7.0, "ASYSTOLE")
    assert ward.shown() == ["VTACH acknowledged", "ASYSTOLE active*"]


def test_a_second_episode_is_a_second_alarm():
    """The first stays latched beside it."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    ward.tell(9.0, "VTACH", "clear", onset=5.0)
    ward.tell(20.0, "VTACH")
    assert ward.shown() == ["VTACH latched*", "VTACH active*"]


@pytest.mark.parametrize("seen", ["while it held", "after it", "by nobody"])
def test_a_condition_that_begins_again_sounds_whatever_became_of_the_first(seen):
    """Latched and silent, ended, or latched and sounding: the relapse is an alarm of its own."""
    ward = Ward()
    ward.tell(5.0, "ASYSTOLE")
    if seen == "while it held":
        ward.acknowledge(6.0, "ASYSTOLE")
    ward.tell(9.0, "ASYSTOLE", "clear", onset=5.0)
    if seen == "after it":
        ward.acknowledge(10.0, "ASYSTOLE")
    assert ward.tell(20.0, "ASYSTOLE", onset=16.0) == ["ASYSTOLE start active"]
    assert ward.shown()[-1] == "ASYSTOLE active*"
    assert ward.published[-1].id == "p:s1:ASYSTOLE:4000"


def test_latched_alarms_are_bounded():
    """Of many episodes nobody looked at, the newest stay; the oldest end, flagged."""
    ward = Ward(Settings(latched=2))
    for at in (10.0, 20.0, 30.0):
        ward.tell(at, "VTACH")
        out = ward.tell(at + 5, "VTACH", "clear", onset=at)
    assert out == ["VTACH update latched", "VTACH end ended"]
    assert ward.published[-1].flags == ("superseded",)
    assert ward.published[-1].onset_sample == 2500


def test_acknowledging_everything():
    """An empty alarm id means all of the patient's alarms."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    ward.tell(6.0, "ASYSTOLE")
    ward.tell(9.0, "VTACH", "clear", onset=5.0)
    assert ward.acknowledge(10.0) == [
        "VTACH end ended",
        "ASYSTOLE update acknowledged",
        "acknowledge done",
    ]


def test_who_acknowledges_all_that_was_seen_acknowledges_nothing_that_came_later():
    """The VFIB began while the press was on its way: it sounds on."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    ward.tell(6.0, "ASYSTOLE")
    seen = ward.seen()
    ward.tell(9.0, "VTACH", "clear", onset=5.0)
    ward.tell(9.5, "VFIB")
    assert ward.acknowledge(10.0, seen=seen) == [
        "VTACH end ended",
        "ASYSTOLE update acknowledged",
        "acknowledge done",
    ]
    assert ward.shown() == ["ASYSTOLE acknowledged", "VFIB active*"]


def test_who_acknowledges_all_that_was_seen_has_not_seen_what_became_worse():
    """One has escalated: the whole press is refused, and everything stays as it is."""
    ward = Ward()
    ward.tell(5.0, "ASYSTOLE")
    ward.tell(10.0, "NSVT", onset=9.0)
    seen = ward.seen()
    ward.tell(10.4, "VTACH", onset=9.0)
    before = ward.shown()
    assert ward.acknowledge(10.5, seen=seen) == ["acknowledge escalated"]
    assert ward.shown() == before
    assert ward.acknowledge(11.0, seen=ward.seen())[-1] == "acknowledge done"


def test_of_what_was_seen_some_may_be_over_but_not_all():
    """An alarm that ended needs nobody; a list of such alone acknowledges nothing, and says so."""
    ward = Ward()
    ward.tell(5.0, "SVT")
    over = ward.seen()
    ward.tell(12.0, "SVT", "clear", onset=5.0)
    ward.tell(13.0, "VTACH")
    assert ward.acknowledge(14.0, seen=over) == ["acknowledge unknown_alarm"]
    assert ward.shown() == ["VTACH active*"]
    assert ward.acknowledge(15.0, seen=over + ward.seen())[-1] == "acknowledge done"
    assert ward.shown() == ["VTACH acknowledged"]


def test_acknowledging_what_is_not_there_is_refused():
    """With a code; nothing else happens."""
    assert Ward().acknowledge(5.0, "p:s1:VTACH:1") == ["acknowledge unknown_alarm"]


def test_a_command_is_carried_out_once():
    """The same id again does nothing, whatever happened since."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    ward.acknowledge(6.0, "VTACH", id="same")
    assert ward.acknowledge(6.5, "VTACH", id="same") == []
    assert ward.shown() == ["VTACH acknowledged"]


# ── Time-outs ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "seconds"), [("PAUSE", 180.0), ("PAIR_PVCS", 600.0)])
def test_repeated_medium_and_low_alarms_are_silent_for_their_time_out(kind, seconds):
    """Three minutes at the first level, ten at the second; they show, flagged `repeat`."""
    ward = Ward()
    assert ward.tell(5.0, kind, "once") == [f"{kind} start active"]
    ward.tick(20.0)
    assert ward.tell(5.0 + seconds - 10, kind, "once") == [f"{kind} start active silent"]
    assert ward.published[-1].flags == ("repeat",)
    ward.tick(5.0 + seconds)
    assert ward.tell(5.0 + seconds + 1, kind, "once") == [f"{kind} start active"]


def test_high_alarms_have_no_time_out():
    """Every one sounds."""
    ward = Ward()
    for at in (5.0, 15.0, 25.0):
        assert ward.tell(at, "VTACH") == ["VTACH start active"]
        ward.tell(at + 5, "VTACH", "clear", onset=at)


def test_repeated_alarm_that_holds_sounds_when_the_time_out_is_over():
    """Silence is for what comes and goes, not for what stays."""
    ward = Ward()
    ward.tell(5.0, "SVT")
    ward.tell(20.0, "SVT", "clear", onset=5.0)
    assert ward.tell(60.0, "SVT") == ["SVT start active silent"]
    assert ward.tick(184.9) == []
    assert ward.tick(185.0) == ["SVT update active"]
    assert ward.shown() == ["SVT active*"]


def test_what_nobody_could_hear_starts_no_time_out():
    """A suppressed alarm was not heard, so its repetition is the first."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    ward.tell(6.0, "BIGEMINY")
    ward.tell(8.0, "BIGEMINY", "clear", onset=6.0)
    ward.tell(9.0, "VTACH", "clear", onset=5.0)
    ward.tick(20.0)
    assert ward.tell(21.0, "BIGEMINY") == ["BIGEMINY start active"]


@pytest.mark.parametrize("kind", ["NSVT", "LEADS_OFF"])
def test_what_becomes_worse_within_its_time_out_sounds(kind):
    """The repetition of the lesser alarm was silent, the escalation is not."""
    ward = Ward()
    assert repeat(ward, kind) == [f"{kind} start active silent"]
    worse = worsen(ward, kind)
    assert len(worse) == 1
    assert worse[0].endswith(" escalate active")


def test_a_repetition_takes_the_place_of_what_is_only_shown_on():
    """Two pairs within 6 s: one line, the newer one."""
    ward = Ward()
    ward.tell(5.0, "PAIR_PVCS", "once")
    assert ward.tell(7.0, "PAIR_PVCS", "once") == [
        "PAIR_PVCS end ended",
        "PAIR_PVCS start active silent",
    ]
    assert ward.tick(12.9) == []
    assert ward.tick(13.0) == ["PAIR_PVCS end ended"]


def test_an_alarm_that_ended_a_moment_ago_goes_on_with_its_number():
    """The same condition from the same sample is the same alarm."""
    ward = Ward()
    ward.tell(7.0, "SVT", onset=5.0)
    ward.tell(14.0, "SVT", "clear", onset=5.0)
    assert ward.tell(15.0, "SVT", onset=5.0) == ["SVT update active silent"]
    alarm = ward.published[-1]
    assert (alarm.id, alarm.update_no, alarm.ended_sample) == ("p:s1:SVT:1250", 3, None)
