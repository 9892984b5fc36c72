"""NOT_MONITORED: raised by the gateway when a patient sends and nobody analyses."""

import asyncio

import pytest
from gateway_rig import (
    block,
    device,
    gateway,
    hello,
    subscriber,
    vitals,
    worker,
)

from ecg import messages as m
from ecg.types import Priority
from stream.gateway import hub
from stream.gateway.monitor import (
    GONE_SECONDS,
    HOLD_SECONDS,
    SENDING_SECONDS,
    VITALS_SECONDS,
    Monitor,
)
from stream.store import Store

WALL = 1_750_000_000.0


HALF = 125
"""Samples of half a second."""


def half_second(number: int) -> m.Block:
    """The block of half a second, number `number`."""
    return block(number, first=number * HALF, payload=bytes(2 * HALF), unit="ICU", bed="3")


def sending(until: float, *, vitals_until: float = 0.0) -> Monitor:
    """A patient who sends each half second, and is analysed for a while."""
    monitor = Monitor()
    for half in range(int(until * 2) + 1):
        monitor.block(half_second(half), half / 2)
        if half / 2 <= vitals_until:
            monitor.vitals(vitals((half + 1) * HALF), half / 2)
    return monitor


def test_vitals_that_stay_away_for_three_seconds_raise_the_alarm_once():
    """With where the patient lies, since when, and the sample that was last sent."""
    monitor = sending(5.0, vitals_until=2.0)
    assert monitor.tick(2.0 + VITALS_SECONDS, WALL) == []
    (alarm,) = monitor.tick(5.5, WALL)
    assert (alarm.kind, alarm.priority, alarm.phase) == ("NOT_MONITORED", Priority.MEDIUM, "start")
    assert (alarm.patient, alarm.unit, alarm.bed) == ("p1", "ICU", "3")
    assert alarm.onset_time == WALL - 3.5
    assert alarm.onset_sample == 11 * HALF
    assert monitor.tick(6.0, WALL) == []
    assert monitor.active == (alarm,)


def test_a_patient_whom_nobody_ever_analysed_is_told_after_three_seconds():
    """Counted from the first block."""
    monitor = sending(4.0, vitals_until=-1.0)
    assert monitor.tick(VITALS_SECONDS, WALL) == []
    assert len(monitor.tick(VITALS_SECONDS + HOLD_SECONDS, WALL)) == 1


def test_a_device_that_falls_silent_was_monitored():
    """Its last part of a second has no vitals, and none will come: that is NO_DATA alone."""
    monitor = sending(4.0, vitals_until=3.0)
    for tick in range(8, 24):
        assert monitor.tick(tick / 2, WALL) == []


def test_the_next_vitals_end_it_with_the_same_id():
    """update_no rises, the state is ended."""
    monitor = sending(5.0, vitals_until=1.0)
    assert monitor.tick(4.5, WALL) == []
    (start,) = monitor.tick(5.0, WALL)
    monitor.vitals(vitals(11 * HALF), 5.5)
    (end,) = monitor.tick(6.0, WALL + 1.0)
    assert (end.id, end.update_no, end.phase, end.state) == (start.id, 1, "end", "ended")
    assert monitor.active == ()


def test_a_patient_who_does_not_send_is_not_reported():
    """That is NO_DATA, which a worker reports."""
    monitor = sending(1.0, vitals_until=1.0)
    assert monitor.tick(1.0 + SENDING_SECONDS + 0.1, WALL) == []


def test_a_patient_who_starts_again_has_three_seconds_anew():
    """The vitals of before the pause say nothing."""
    monitor = sending(1.0, vitals_until=1.0)
    monitor.block(half_second(9), 20.0)
    assert monitor.tick(20.5, WALL) == []
    for number in range(10, 17):
        monitor.block(half_second(number), 20.0 + (number - 9) / 2)
    assert monitor.tick(23.0, WALL) == []
    assert len(monitor.tick(23.5, WALL)) == 1


def test_a_patient_who_is_gone_is_forgotten_and_the_alarm_ends():
    """Memory is bounded by who sends."""
    monitor = sending(5.0, vitals_until=1.0)
    monitor.tick(4.5, WALL)
    monitor.tick(5.0, WALL)
    (end,) = monitor.tick(5.1 + GONE_SECONDS, WALL)
    assert (end.state, monitor.count, monitor.active) == ("ended", 0, ())


def test_who_sends_again_after_a_quiet_minute_is_told_with_unit_and_bed():
    """On the same connection: whoever follows a unit must see the patient in it."""
    monitor = sending(1.0, vitals_until=1.0)
    assert monitor.tick(2.0 + GONE_SECONDS, WALL) == []
    assert monitor.count == 0
    for half in range(8):
        monitor.block(half_second(half), 100.0 + half / 2)
    assert monitor.tick(103.5, WALL) == []
    (alarm,) = monitor.tick(104.0, WALL)
    assert (alarm.unit, alarm.bed) == ("ICU", "3")


@pytest.mark.parametrize("late", [False, True])
def test_a_subscriber_sees_it_begin_and_end(tmp_path, monkeypatch, late):
    """Live, or in the snapshot when it came later; where the bed stands was said by HELLO alone."""
    monkeypatch.setattr(hub, "MONITOR_SECONDS", 0.01)
    monkeypatch.setattr("stream.gateway.monitor.VITALS_SECONDS", 0.1)
    monkeypatch.setattr("stream.gateway.monitor.HOLD_SECONDS", 0.05)
    long = block(payload=bytes(2 * 6 * HALF))

    async def first(server):
        async with subscriber(server, "alarms") as peer:
            snapshot = await peer.receive()
            if snapshot.alarms:
                return snapshot.alarms[0]
            return (await peer.receive()).event

    async def scene():
        async with (
            worker(tmp_path) as work,
            gateway(tmp_path) as server,
            device(server) as source,
        ):
            await source.send(hello(location=m.Location("ICU", "3")), long)
            raised = await first(server)
            if late:
                raised = await first(server)
            async with subscriber(server, "alarms") as peer:
                await peer.receive()
                await work.publish(vitals(750))
                ended = (await peer.receive()).event
            return raised, ended

    raised, ended = asyncio.run(scene())
    assert raised.kind == ended.kind == "NOT_MONITORED"
    assert (raised.state, ended.state) == ("active", "ended")
    assert (raised.unit, raised.bed) == ("ICU", "3")


def test_who_follows_a_unit_is_told_of_a_patient_who_was_moved_there(tmp_path, monkeypatch):
    """The device still names the former unit; live or in the snapshot, the alarm goes where the patient is."""
    monkeypatch.setattr(hub, "MONITOR_SECONDS", 0.01)
    monkeypatch.setattr("stream.gateway.monitor.VITALS_SECONDS", 0.1)
    monkeypatch.setattr("stream.gateway.monitor.HOLD_SECONDS", 0.05)
    admit = m.Admit(
        id="c", patient="p1", by="n", at=1.0, profile=m.Patient("p1"), location=m.Location("CCU")
    )
    with Store(tmp_path / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        change.admit(admit)

    async def scene():
        async with (
            gateway(tmp_path) as server,
            device(server) as source,
            subscriber(server, "alarms", units=("CCU",)) as early,
        ):
            await early.receive()
            await source.send(hello(), block(payload=bytes(2 * 6 * HALF), unit="ICU"))
            live = (await early.receive()).event
            async with subscriber(server, "alarms", units=("CCU",)) as late:
                return live, (await late.receive()).alarms

    live, standing = asyncio.run(scene())
    assert live.kind == "NOT_MONITORED"
    assert standing == (live,)
