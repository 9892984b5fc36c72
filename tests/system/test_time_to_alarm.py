"""One ward in real time, blocks of 100 ms: an alarm's whole life, and how soon alarms are told.

Everything is measured at a subscriber of a real server, from the moment at which a sample was taken
(its block is sent up to 100 ms later) to the moment at which the event has come. The patients stream
at the same time; each test looks at its own.

    pytest -s tests/system/test_time_to_alarm.py
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from house import START_SECONDS, House, Watcher
from known_beats import LIMITS, PHASES, Patient, annotated, arrest, step, tachycardia

from client.replay import replay
from client.simulator import RATE
from ecg import messages as m
from ecg.types import Priority

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("time_to_alarm")]

REALARM = 6.0
"""Of this server, in place of 3 min: told at 15 s, seen, told again at 21 s, seen, over at 25 s; a third time would be 27 s."""
RUN = (13.0, 22.0)
STORY = tachycardia("vt", 150.0, RUN)
HICCUP = 1.0
TOLD = 20.0
"""Seconds to wait for one event at most; each has its time of its own in the signal."""


@dataclass
class Shift:
    """What was seen while the ward streamed.

    Attributes:
        began: when every patient's sample 0 was taken.
        desk, door: two subscribers.
        listed: what GET /v1/alarms gave when the tachycardia was over.
        kept: what GET /v1/alarms/{id} gave then, with its strip.
        audit: of the patient of the story, the latest first.
    """

    patients: dict[str, Patient]
    began: float
    desk: Watcher
    door: Watcher
    listed: list[dict]
    kept: dict
    audit: list[dict]

    def delays(self, *names: str) -> list[float]:
        """Seconds from what happens to the alarm, at both subscribers, of each moment."""
        return [
            told - (self.began + moment)
            for name in names
            for watcher in (self.desk, self.door)
            for moment in self.patients[name].moments
            for told in [self._told(watcher, self.patients[name], moment)]
        ]

    def _told(self, watcher: Watcher, patient: Patient, moment: float) -> float:
        """When the alarm about what happened at `moment` came."""
        return next(
            at
            for event, at in zip(watcher.events, watcher.times, strict=True)
            if isinstance(event, m.Alarm)
            and event.patient == patient.record.name
            and event.kind in patient.kinds
            and event.phase in {"start", "escalate"}
            and event.detected_sample >= moment * patient.record.rate
        )


@pytest.fixture(scope="module")
def shift(request, tmp_path_factory) -> Shift:
    """The ward, streamed once for all tests; the real patient comes if there are records."""
    known = [STORY, tachycardia("fast", 150.0, (17.1, 20.6), (25.1, 28.6))]
    known += [tachycardia(f"slow-{rate:g}", rate, (17, 20.5), (25, 28.5)) for rate in (120, 130)]
    known += [arrest(phase) for phase in PHASES]
    known += [step(phase, rate) for rate in (120.0, 40.0) for phase in PHASES]
    with contextlib.suppress(pytest.skip.Exception):
        known.append(annotated(request.getfixturevalue("data_dir") / "mitdb" / "205", 285.0))
    house = House(tmp_path_factory.mktemp("ward"), BEATWIRE_REALARM_SECONDS=f"{REALARM:g}")
    house.start()
    try:
        return asyncio.run(streamed(house, {p.record.name: p for p in known}))
    finally:
        house.stop()


async def streamed(house: House, patients: dict[str, Patient]) -> Shift:
    """Everybody in real time, while people do what the story says."""
    async with Watcher(house.url, ("alarms",)) as desk, Watcher(house.url, ("alarms",)) as door:
        stepping = [name for name in patients if name.startswith("to-")]
        for name in stepping:
            limits = {"by": "nurse-1", "low": LIMITS[0], "high": LIMITS[1]}
            await asyncio.to_thread(house.post, f"/v1/patients/{name}/limits", limits)
        await desk.until(lambda: commands(desk, "setlimits") == len(stepping), START_SECONDS)
        began = time.time()
        stream = asyncio.create_task(replay([p.record for p in patients.values()], house.url))
        listed, kept = await story(house, desk)
        await stream
        await door.until(lambda: alarms(door, lambda a: a.state == "ended"), TOLD)
        audit = await asyncio.to_thread(house.get, "/v1/audit?patient=vt")
        return Shift(patients, began, desk, door, listed, kept, audit["audit"])


async def story(house: House, desk: Watcher) -> tuple[list[dict], dict]:
    """Nurses who see the tachycardia, forget it, see it again, and take leave of it."""

    async def seen(true: Callable[[m.Alarm], bool]) -> m.Alarm:
        await desk.until(lambda: alarms(desk, true), 2 * TOLD)
        return alarms(desk, true)[-1]

    async def acknowledge(alarm: m.Alarm, by: str) -> None:
        act = {"by": by, "note": "seen"}
        await asyncio.to_thread(house.post, f"/v1/alarms/{alarm.id}/acknowledge", act)

    await acknowledge(await seen(lambda a: a.kind == "VTACH"), "nurse-7")
    await acknowledge(await seen(lambda a: "realarm" in a.flags), "nurse-8")
    latched = await seen(lambda a: a.state == "latched")
    query = "/v1/alarms?patient=vt&kind=VTACH&open_only=true"
    listed = await asyncio.to_thread(house.get, query)
    kept = await asyncio.to_thread(house.get, f"/v1/alarms/{latched.id}")
    await acknowledge(latched, "nurse-9")
    await seen(lambda a: a.state == "ended")
    return listed["alarms"], kept


def alarms(watcher: Watcher, true: Callable[[m.Alarm], bool]) -> list[m.Alarm]:
    """Updates of the alarm of the story."""
    return [a for a in watcher.alarms("vt") if a.kind in {"NSVT", "VTACH"} and true(a)]


def commands(watcher: Watcher, action: str) -> int:
    return sum(isinstance(e, m.CommandDone) and e.action == action for e in watcher.events)


def told_within(shift: Shift, seconds: float, *names: str) -> None:
    """The alarms reach both subscribers in time; a machine that is busy with tests may be late once."""
    delays = shift.delays(*names)
    print(f"\n{', '.join(names)}: {min(delays):.2f} to {max(delays):.2f} s of {seconds:g}")
    assert min(delays) > 0.0
    assert np.median(delays) <= seconds
    assert max(delays) <= seconds + HICCUP


# ── The life of one alarm ────────────────────────────────────────────────────────────────────


def test_one_vt_from_sample_to_subscriber_acknowledgement_and_end(shift):
    """NSVT at the third beat, VTACH at the fifth, seen, re-alarm, seen, latched, seen: one alarm."""
    updates = alarms(shift.desk, lambda _: True)
    assert len({a.id for a in updates}) == 1
    assert [a.update_no for a in updates] == list(range(1, len(updates) + 1))
    assert [(a.kind, a.phase, a.state, a.acknowledged_by) for a in updates if not a.strip] == [
        ("NSVT", "start", "active", ""),
        ("VTACH", "escalate", "active", ""),
        ("VTACH", "update", "acknowledged", "nurse-7"),
        ("VTACH", "update", "active", ""),
        ("VTACH", "update", "acknowledged", "nurse-8"),
        ("VTACH", "update", "latched", "nurse-8"),
        ("VTACH", "end", "ended", "nurse-9"),
    ]
    assert [a.priority for a in updates[:2]] == [Priority.MEDIUM, Priority.HIGH]
    assert updates[0].onset_sample / RATE == pytest.approx(RUN[0], abs=0.05)
    assert alarms(shift.door, lambda _: True) == updates


def test_nsvt_is_told_at_the_third_beat_and_vtach_at_the_fifth(shift):
    """Each decided by its own beat: `detected_sample` lies before the next one."""
    nsvt, vtach = alarms(shift.desk, lambda a: a.phase in {"start", "escalate"})
    for alarm, beat in ((nsvt, 2), (vtach, 4)):
        after = alarm.detected_sample / RATE - (RUN[0] + beat * 60 / 150)
        assert 0.0 <= after < 60 / 150


def test_the_realarm_comes_when_its_time_is_over(shift):
    """Counted from the acknowledgement; and everybody hears it."""
    for watcher in (shift.desk, shift.door):
        times = {
            event.update_no: at
            for event, at in zip(watcher.events, watcher.times, strict=True)
            if event in alarms(watcher, lambda _: True)
        }
        again = alarms(watcher, lambda a: "realarm" in a.flags)[0]
        seen = alarms(watcher, lambda a: a.acknowledged_by == "nurse-7")[0]
        assert not again.silenced
        assert times[again.update_no] - seen.acknowledged_at == pytest.approx(REALARM, abs=1.0)


def test_who_acknowledged_is_seen_by_all_and_kept(shift):
    """In the event, at both subscribers; as the command's own event; in the audit trail."""
    nurses = ["nurse-7", "nurse-8", "nurse-9"]
    for watcher in (shift.desk, shift.door):
        found = alarms(watcher, lambda a: a.phase != "start" and a.acknowledged_by != "")
        assert list(dict.fromkeys(a.acknowledged_by for a in found)) == nurses
        assert all(a.note == "seen" for a in found)
        assert commands(watcher, "acknowledge") == 3
    assert [entry["who"] for entry in shift.audit][::-1] == nurses
    assert {entry["what"] for entry in shift.audit} == {"acknowledge"}


def test_what_is_over_is_listed_as_latched(shift):
    """By GET /v1/alarms: kind, state, who saw it, silent since somebody has."""
    (alarm,) = shift.listed
    assert (alarm["kind"], alarm["state"], alarm["acknowledged_by"]) == (
        "VTACH",
        "latched",
        "nurse-8",
    )
    assert alarm["silenced"]
    assert alarm["ended_sample"] / RATE > RUN[1]


def test_the_strip_is_what_the_device_sent(shift):
    """10 s before to 5 s after the onset, sample by sample, in the event and by HTTP."""
    (with_strip,) = alarms(shift.desk, lambda a: a.strip is not None)
    strip = with_strip.strip
    onset = with_strip.onset_sample
    assert (strip.first, strip.end) == (onset - 10 * RATE, onset + 5 * RATE)
    payload = np.concatenate([np.frombuffer(block.payload, "<i2") for block in strip.blocks])
    begin = strip.blocks[0].first
    assert begin <= strip.first
    assert begin + len(payload) >= strip.end
    sent = STORY.record.samples[begin : begin + len(payload), 0]
    np.testing.assert_array_equal(payload, sent)
    assert shift.kept["strip"]["first"] == strip.first


# ── Time to alarm, at the subscriber ─────────────────────────────────────────────────────────


def test_asystole_is_told_within_5_s_of_the_last_qrs(shift):
    """4 s of silence are the rule; what is left is for everything else."""
    told_within(shift, 5.0, *(f"arrest-{phase:g}" for phase in PHASES))


@pytest.mark.parametrize("rate", [120, 40])
def test_a_rate_step_from_80_is_told_within_6_s(shift, rate):
    """Limits 60 and 100; from the last beat of the old rate, in any phase of the vitals' clock."""
    told_within(shift, 6.0, *(f"to-{rate}-{phase:g}" for phase in PHASES))


def test_vt_is_told_within_1_s_of_its_fifth_beat(shift):
    """Seven tachycardias of 120, 130 and 150 /min."""
    told_within(shift, 1.0, "vt", "fast", "slow-120", "slow-130")


def test_annotated_vt_is_told_within_1_s_of_its_fifth_beat(data_dir, shift):
    """Two runs of record 205, of 181 and 200 /min, by the cardiologists' annotations."""
    assert len(shift.patients["205"].moments) == 2
    told_within(shift, 1.0, "205")
