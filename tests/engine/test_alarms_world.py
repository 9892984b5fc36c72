"""The alarm book and the world: audio pause, devices, sessions, people (ALARMS.md, by name)."""

import pytest
from alarm_script import START, Ward, limits_of

from ecg.messages import Admit, Patient, Strip
from ecg.types import Category, Paced, Priority

# ── Audio pause ──────────────────────────────────────────────────────────────────────────────


def test_audio_pause_silences_shows_itself_and_ends_by_itself():
    """Two minutes, visible, counted down; then everything sounds again."""
    ward = Ward()
    ward.tell(5.0, "SVT")
    assert ward.pause(6.0) == [
        "ALARMS_PAUSED start active silent",
        "SVT update active silent",
        "pauseaudio done",
    ]
    assert (ward.published[-2].value, ward.published[-2].measure) == (120.0, "s")
    assert ward.tick(125.9) == []
    assert ward.tick(126.0) == ["ALARMS_PAUSED end ended", "SVT update active"]


def test_audio_pause_keeps_new_alarms_of_no_higher_priority_silent():
    """A second medium alarm shows and is silent."""
    ward = Ward()
    ward.tell(5.0, "SVT")
    ward.pause(6.0)
    assert ward.tell(7.0, "PAUSE") == ["PAUSE start active silent"]
    assert "SVT active" in ward.shown()


@pytest.mark.parametrize(("first", "second"), [("PAIR_PVCS", "SVT"), ("SVT", "VTACH")])
def test_audio_pause_is_broken_by_a_higher_priority(first, second):
    """Medium over low, high over medium."""
    ward = Ward()
    ward.tell(5.0, first)
    ward.pause(6.0)
    out = ward.tell(7.0, second)
    assert "ALARMS_PAUSED end ended" in out
    assert f"{second} active*" in ward.shown()


def test_a_new_high_alarm_breaks_every_pause():
    """Also one that was made for a high alarm."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    ward.pause(6.0)
    assert "ALARMS_PAUSED end ended" in ward.tell(7.0, "ASYSTOLE")
    assert ward.shown() == ["VTACH active*", "ASYSTOLE active*"]


@pytest.mark.parametrize(("first", "worse"), [("NSVT", "VTACH"), ("LEADS_OFF", "LEADS_OFF")])
def test_an_alarm_that_escalates_breaks_the_pause_that_was_made_for_it(first, worse):
    """To a higher priority: NSVT to VTACH by its fifth beat, LEADS_OFF to medium by time."""
    ward = Ward()
    ward.tell(5.0, first, onset=4.0)
    ward.pause(6.0)
    out = ward.tell(7.0, worse, onset=4.0) if first != worse else ward.tick(14.0)
    assert f"{worse} escalate active" in out
    assert ward.shown() == [f"{worse} active*"]


def test_a_pause_of_0_s_ends_the_pause():
    """And can be asked for by a person."""
    ward = Ward()
    ward.pause(6.0)
    assert ward.pause(10.0, 0.0) == ["ALARMS_PAUSED end ended", "pauseaudio done"]


def test_there_is_no_endless_pause():
    """A second pause starts the count anew; it never adds up."""
    ward = Ward()
    ward.pause(6.0)
    ward.pause(60.0)
    assert ward.tick(179.0) == []
    assert ward.tick(180.0) == ["ALARMS_PAUSED end ended"]


# ── Device and program ───────────────────────────────────────────────────────────────────────


def test_silent_device_is_no_data_low_at_3_s_and_medium_at_10_s():
    """Never an asystole; ended by the next block."""
    ward = Ward()
    ward.arrive(5.0)
    assert ward.tick(7.9) == []
    assert ward.tick(8.0) == ["NO_DATA start active"]
    assert ward.published[-1].priority == Priority.LOW
    assert ward.published[-1].onset_time == START + 5.0
    assert ward.tick(15.0) == ["NO_DATA escalate active"]
    assert ward.published[-1].priority == Priority.MEDIUM
    assert ward.arrive(20.0) == ["NO_DATA end ended"]


def test_goodbye_is_no_failure():
    """No NO_DATA follows; what was active ends or stays latched."""
    ward = Ward()
    ward.arrive(5.0)
    ward.tell(5.0, "SVT")
    ward.tell(5.0, "VTACH")
    assert ward.goodbye(6.0) == ["VTACH update latched"]
    assert ward.tick(60.0) == ["SVT end ended"]


def test_new_session_ends_or_latches_what_the_older_held():
    """And what comes late from the older session is not taken for new."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    ward.tell(5.0, "LEADS_OFF")
    assert ward.new_session(10.0, "s2") == [
        "VTACH update latched",
        "LEADS_OFF end ended",
        "LEARNING start active silent",
    ]
    assert ward.tell(12.0, "ASYSTOLE", session="s1") == []
    assert ward.vitals(5.0, 75.0) == ["LEARNING end ended"]
    assert ward.shown() == ["VTACH latched*"]


def test_change_of_an_unknown_session_is_not_lost():
    """If nobody told of the session, the change itself does."""
    ward = Ward()
    ward.moments["s2"] = 10.0
    out = ward.tell(1.0, "ASYSTOLE", session="s2")
    assert out == ["LEARNING start active silent", "ASYSTOLE start active"]


def test_learning_shows_until_there_is_a_heart_rate():
    """Information, silent."""
    ward = Ward(learned=False)
    assert ward.vitals(0.0, None) == ["LEARNING start active silent"]
    assert ward.vitals(1.0, None) == []
    assert ward.vitals(2.0, 75.0) == ["LEARNING end ended"]


def test_faults_of_the_program_are_levels():
    """Told twice they are one alarm; told off it ends; the next is another, with another id."""
    ward = Ward()
    assert ward.fault(5.0, "MODEL_FAIL") == ["MODEL_FAIL start active"]
    assert ward.fault(6.0, "MODEL_FAIL") == []
    assert ward.fault(7.0, "MODEL_FAIL", on=False) == ["MODEL_FAIL end ended"]
    assert ward.fault(8.0, "MODEL_FAIL", on=False) == []
    assert ward.fault(9.0, "MODEL_FAIL") == ["MODEL_FAIL start active silent"]
    assert ward.published[-1].id == f"p:s1:MODEL_FAIL:t{round((START + 9) * 1000)}"


def test_artifact_is_silent():
    """It shows and never sounds."""
    assert Ward().tell(5.0, "ARTIFACT") == ["ARTIFACT start active silent"]


# ── People ───────────────────────────────────────────────────────────────────────────────────


def test_limits_of_a_patient():
    """Set, refused when they cross, and back to the defaults at discharge."""
    ward = Ward()
    assert ward.limits(5.0, 60, 100) == ["setlimits done"]
    assert ward.vitals(6.0, 110.0) == ["HR_HIGH start active"]
    assert (ward.published[-1].value, ward.published[-1].limit) == (110.0, 100.0)
    assert ward.limits(7.0, 120, 110) == ["setlimits bad_limits"]
    assert limits_of(ward.book, "p") == (60, 100)
    ward.discharge(8.0)
    assert limits_of(ward.book, "p") == (50, 120)


def test_admit_sets_category_and_place():
    """A neonate has other limits; alarms carry unit and bed."""
    ward = Ward()
    assert ward.admit(5.0, "NICU", "7", category=Category.NEONATAL) == ["admit done"]
    assert limits_of(ward.book, "p") == (100, 200)
    ward.tell(6.0, "PAUSE")
    assert (ward.published[-1].unit, ward.published[-1].bed) == ("NICU", "7")


def test_limits_that_somebody_set_stand_the_first_admission():
    """Unless it says that the patient is of another category."""
    ward = Ward()
    ward.limits(1.0, 60, 100)
    ward.admit(2.0)
    assert limits_of(ward.book, "p") == (60, 100)
    ward.admit(3.0, category=Category.NEONATAL)
    assert limits_of(ward.book, "p") == (100, 200)


def test_limits_that_somebody_set_stand_what_a_device_says():
    """Those of nobody become the usual ones of the category."""
    for chosen, limits in ((None, (100, 200)), ((60, 100), (60, 100))):
        ward = Ward()
        if chosen is not None:
            ward.limits(1.0, *chosen)
        neonate = Patient("p", category=Category.NEONATAL)
        ward.book.session(ward.context(), START + 2.0, profile=neonate)
        assert limits_of(ward.book, "p") == limits


def test_transfer_takes_the_alarms_along():
    """Limits stay, the place changes in every alarm that is shown."""
    ward = Ward()
    ward.admit(5.0, "ICU", "1")
    ward.limits(6.0, 60, 100)
    ward.tell(7.0, "VTACH")
    assert ward.admit(8.0, "ICU", "2") == ["VTACH update active", "admit done"]
    assert ward.published[-1].bed == "2"
    assert limits_of(ward.book, "p") == (60, 100)


def test_discharge_ends_everything():
    """Latched ones too, flagged; no NO_DATA follows."""
    ward = Ward()
    ward.arrive(5.0)
    ward.tell(5.0, "VTACH")
    ward.tell(6.0, "VTACH", "clear", onset=5.0)
    ward.pause(6.5)
    ward.tell(7.0, "SVT")
    out = ward.discharge(7.5)
    assert sorted(out[:-1]) == ["ALARMS_PAUSED end ended", "SVT end ended", "VTACH end ended"]
    assert ward.published[-1].flags == ("discharged",)
    assert ward.shown() == []
    assert ward.tick(100.0) == []


def test_somebody_elses_admission_is_refused():
    """The profile must be the patient's."""
    assert Ward().do(5.0, Admit, profile=Patient("q")) == ["admit wrong_patient"]


def test_backfill_is_recorded_and_never_sounds():
    """One ended, silent message; nothing live changes."""
    ward = Ward()
    assert ward.tell(5.0, "ASYSTOLE", flags=("backfill",)) == ["ASYSTOLE start ended"]
    assert ward.published[-1].silenced
    assert ward.tell(9.0, "ASYSTOLE", "clear", flags=("backfill",)) == []
    assert ward.shown() == []


def test_paced_patient_is_flagged():
    """Whoever sees the alarm knows of the pacemaker."""
    ward = Ward()
    ward.admit(1.0, paced=Paced.YES)
    ward.tell(5.0, "ASYSTOLE")
    assert "paced" in ward.published[-1].flags


# ── Strips ───────────────────────────────────────────────────────────────────────────────────


def test_strip_is_an_update():
    """With the next number, also just after the end; later it is refused by silence."""
    ward = Ward()
    ward.tell(5.0, "PAIR_PVCS", "once")
    strip = Strip(0, 10, ())
    name = "p:s1:PAIR_PVCS:1250"
    (first,) = ward.book.strip("p", name, strip)
    assert (first.alarm.update_no, first.alarm.phase, first.alarm.strip) == (2, "update", strip)
    ward.tick(11.0)
    assert (ward.published[-1].update_no, ward.published[-1].strip) == (3, None)
    (second,) = ward.book.strip("p", name, strip)
    assert (second.alarm.update_no, second.alarm.state) == (4, "ended")
    ward.tick(60.0)
    assert ward.book.strip("p", name, strip) == []
