"""Re-alarm: an acknowledged high alarm whose condition persists is not forgotten."""

import pytest
from alarm_script import START, Ward
from hypothesis import given
from test_alarms_properties import Teller, story

from ecg.conditions import CATALOGUE
from ecg.types import Priority
from stream.engine.alarms import Settings

HIGH = [name for name, kind in CATALOGUE.items() if kind.priority == Priority.HIGH]
REALARM = Settings().realarm


def acknowledged(ward: Ward, kind: str = "VTACH") -> Ward:
    """Set at 5 s, seen at 6 s, holding ever since."""
    ward.tell(5.0, kind)
    ward.acknowledge(6.0, kind)
    return ward


@pytest.mark.parametrize("kind", HIGH)
def test_acknowledged_high_alarm_that_persists_sounds_again_after_3_min(kind):
    """Not before; as an update with the next number, flagged, to be acknowledged by somebody anew."""
    ward = acknowledged(Ward(), kind)
    assert ward.tick(185.9) == []
    assert ward.book.next_deadline() <= START + 186.0
    assert ward.tick(186.0) == [f"{kind} update active"]
    assert ward.shown() == [f"{kind} active*"]
    alarm = ward.published[-1]
    assert (alarm.update_no, alarm.flags) == (3, ("realarm",))
    assert (alarm.acknowledged_by, alarm.acknowledged_at, alarm.note) == ("", None, "")


def test_it_sounds_again_as_often_as_it_is_acknowledged_and_persists():
    """Each acknowledgement is good for 3 min; the flag is not heaped up."""
    ward = acknowledged(Ward())
    ward.tick(186.0)
    assert ward.tick(600.0) == []  # it sounds already
    assert ward.acknowledge(600.0, "VTACH") == ["VTACH update acknowledged", "acknowledge done"]
    assert ward.tick(779.9) == []
    assert ward.tick(780.0) == ["VTACH update active"]
    assert ward.published[-1].flags == ("realarm",)


def test_acknowledging_again_starts_the_time_anew():
    """Somebody who looks after two minutes has seen it then."""
    ward = acknowledged(Ward())
    ward.acknowledge(126.0, "VTACH")
    assert ward.tick(305.9) == []
    assert ward.tick(306.0) == ["VTACH update active"]


def test_what_is_over_does_not_sound_again():
    """Acknowledged while it held, latched since: it waits, marked and silent, for the second look."""
    ward = acknowledged(Ward())
    ward.tell(60.0, "VTACH", "clear", onset=5.0)
    assert ward.tick(9000.0) == []
    assert ward.shown() == ["VTACH latched"]


@pytest.mark.parametrize("kind", ["SVT", "LEADS_OFF", "AFIB"])
def test_medium_and_low_alarms_do_not_sound_again(kind):
    """Who has seen them is left in peace: only high alarms come back."""
    ward = Ward()
    ward.tell(5.0, kind)
    ward.tick(20.0)
    ward.acknowledge(21.0, kind)
    assert ward.tick(9000.0) == []
    assert ward.shown() == [f"{kind} acknowledged"]


def test_realarm_can_be_turned_off():
    """A setting of 0: acknowledged is acknowledged."""
    ward = acknowledged(Ward(Settings(realarm=0.0)))
    assert ward.tick(9000.0) == []
    assert ward.shown() == ["VTACH acknowledged"]


def test_realarm_within_an_audio_pause_is_heard_after_it():
    """It is no new alarm, so the pause stands; the pause ends by itself, and then it sounds."""
    ward = acknowledged(Ward())
    ward.pause(100.0)
    assert ward.tick(186.0) == ["VTACH update active silent"]
    assert ward.tick(220.0) == ["ALARMS_PAUSED end ended", "VTACH update active"]


def test_suppressed_realarm_is_heard_when_the_higher_alarm_is_over():
    """The higher alarm of the chain sounds for both as long as it lasts."""
    ward = acknowledged(Ward())
    ward.tell(100.0, "VFIB")
    assert ward.tick(186.0) == ["VTACH update active by VFIB"]
    assert ward.tell(200.0, "VFIB", "clear", onset=100.0) == [
        "VFIB update latched",
        "VTACH update active",
    ]
    assert "VTACH active*" in ward.shown()


def test_escalation_takes_the_place_of_the_realarm():
    """An acknowledged NSVT that becomes VTACH sounds at once, and not a second time by itself."""
    ward = Ward()
    ward.tell(5.0, "NSVT", onset=4.0)
    ward.acknowledge(5.5, "NSVT")
    ward.tell(6.0, "VTACH", onset=4.0)
    assert ward.tick(9000.0) == []


def test_realarm_is_due_after_a_restart_too():
    """The deadline is part of the state."""
    before, after = acknowledged(Ward()), Ward()
    assert before.tick(60.0) == []
    after.book.load("p", before.book.dump("p"))
    assert after.book.next_deadline() == START + 186.0
    assert after.tick(186.0) == ["VTACH update active"]


@given(story)
def test_no_high_alarm_that_holds_stays_acknowledged_for_longer(events):
    """Whatever happens: what was seen longer than 3 min ago, and still holds, is active again."""
    teller = Teller()
    seen_before = [(0.0, ("set", "VTACH")), (1.0, ("acknowledge", "VTACH"))]
    for wait, what in seen_before + events:
        teller.happen(wait, what)
        seen = [
            alarm.acknowledged_at
            for alarm in teller.book.alarms("p")
            if alarm.state == "acknowledged" and alarm.priority == Priority.HIGH
        ]
        assert all(START + teller.now - at < REALARM for at in seen)
