"""A discharge while the device sends on: perhaps it was the wrong bed's."""

import msgspec
import pytest
from alarm_script import START, Ward

from stream.engine.alarms import Book


def test_what_still_holds_after_a_discharge_is_raised_anew_when_the_device_sends_on():
    """The wrong bed was discharged: under a new id, to be acknowledged and cleared as any other."""
    ward = Ward()
    ward.arrive(5.0)
    for kind in ("VFIB", "LEADS_OFF"):
        ward.tell(5.0, kind)
    ward.vitals(6.0, 130.0)
    former = {alarm.kind: alarm.id for alarm in ward.book.alarms("p")}
    ward.discharge(7.0)
    assert ward.arrive(7.1) == ["VFIB start active", "LEADS_OFF start active"]
    assert ward.arrive(7.2) == []
    assert all(alarm.id != former[alarm.kind] for alarm in ward.book.alarms("p"))
    assert ward.acknowledge(8.0, "VFIB") == ["VFIB update acknowledged", "acknowledge done"]
    assert ward.tell(9.0, "VFIB", "clear", onset=5.0) == ["VFIB update latched"]


def test_what_holds_at_a_discharge_is_told_before_what_follows_and_after_a_restart():
    """The book is saved between the discharge and the device's next block."""
    ward = Ward()
    ward.tell(5.0, "ASYSTOLE")
    ward.discharge(7.0)
    state, ward.book = ward.book.dump("p"), Book()
    ward.book.load("p", state)
    assert ward.tell(9.0, "ASYSTOLE", "clear", onset=5.0) == [
        "ASYSTOLE start active",
        "ASYSTOLE update latched",
    ]


@pytest.mark.parametrize("over", ["goodbye", "session"])
def test_nothing_is_raised_after_a_discharge_when_the_session_is_over(over):
    """The patient and the device have gone."""
    ward = Ward()
    ward.tell(5.0, "VTACH")
    ward.discharge(7.0)
    if over == "goodbye":
        ward.goodbye(8.0)
    else:
        assert ward.new_session(8.0, "s2") == ["LEARNING start active silent"]
    assert ward.arrive(9.0) == []


def test_limits_of_the_former_stay_are_not_raised_anew_after_a_discharge():
    """They are the defaults again: 110 /min is within them, 130 /min is not."""
    ward = Ward()
    ward.limits(4.0, 60, 100)
    ward.vitals(5.0, 110.0)
    ward.discharge(6.0)
    assert ward.arrive(6.1) + ward.vitals(7.0, 110.0) == []
    assert ward.vitals(8.0, 130.0) == ["HR_HIGH start active"]


def test_alarms_after_a_discharge_name_the_place_that_the_device_says():
    """No longer the patient's bed, where somebody else may lie by now."""
    ward = Ward(learned=False)
    at_home = msgspec.structs.replace(ward.context(), unit="Ward", bed="device 3")
    ward.book.session(at_home, START)
    ward.admit(1.0, "ICU", "7")
    ward.tell(5.0, "VTACH")
    assert (ward.published[-1].unit, ward.published[-1].bed) == ("ICU", "7")
    ward.discharge(6.0)
    ward.arrive(6.1)
    assert (ward.published[-1].kind, ward.published[-1].state) == ("VTACH", "active")
    assert (ward.published[-1].unit, ward.published[-1].bed) == ("Ward", "device 3")
