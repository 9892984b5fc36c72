"""What the equipment does to alarms, from the signal to the book: lead off, silence, a failed model."""

import msgspec
import numpy as np
import pytest
from synthesis import Spell, blocks, signal
from test_ward import Rule

from ecg.messages import Alarm, LeadOff, Vitals
from ecg.types import Priority
from stream.engine.ward import Ward

RATE = 250


def told(ward: Ward, stream, start: float = 0.0) -> list:
    """Events of a stream whose blocks come when they are complete; time passes in between."""
    events = []
    for block in stream:
        now = start + block.end / RATE
        events += [*ward.tick(now), *ward.push([(block, now)])]
    return events


def sentences(events, *kinds: str) -> list[tuple[str, str, str]]:
    """Kind, phase and priority of the alarms, LEARNING aside."""
    return [
        (e.kind, e.phase, e.priority.name)
        for e in events
        if isinstance(e, Alarm) and e.kind != "LEARNING" and (not kinds or e.kind in kinds)
    ]


def rates(events, start: float, end: float) -> list[float | None]:
    """Heart rates of the seconds between."""
    return [
        e.heart_rate for e in events if isinstance(e, Vitals) and start <= e.sample / RATE < end
    ]


def test_a_lead_that_is_off_is_leads_off_and_never_asystole():
    """Flagged by the device for 15 s: low, medium after 10 s; no heart rate, no pause, no arrest."""
    samples = signal([Spell(50, 70)])
    samples[20 * RATE : 35 * RATE] = 0
    marks = {20 * RATE: True, 35 * RATE: False}
    stream = [
        msgspec.structs.replace(b, lead_off=(LeadOff(b.first, (marks[b.first],)),))
        if b.first in marks
        else b
        for b in blocks(samples, [25])
    ]
    events = told(Ward(Rule()), stream)
    assert sentences(events) == [
        ("LEADS_OFF", "start", "LOW"),
        ("LEADS_OFF", "escalate", "MEDIUM"),
        ("LEADS_OFF", "end", "MEDIUM"),
    ]
    raised, worse, ended = [e for e in events if isinstance(e, Alarm) and e.kind == "LEADS_OFF"]
    assert raised.onset_time == pytest.approx(20.0, abs=0.11)
    assert ended.ended_sample / RATE == pytest.approx(35.0, abs=0.11)
    assert worse.priority == Priority.MEDIUM
    assert set(rates(events, 21, 35)) == {None}
    assert None not in rates(events, 42, 50)


def test_a_device_that_falls_silent_is_no_data_and_never_asystole():
    """Nothing comes for 12 s: low after 3 s, medium after 10 s, over with the next block."""
    stream = list(blocks(signal([Spell(50, 70)]), [25]))
    ward = Ward(Rule())
    events = told(ward, stream[:200])
    events += [event for now in np.arange(20.1, 32.0, 0.1) for event in ward.tick(float(now))]
    events += told(ward, stream[200:], start=12.0)
    assert sentences(events) == [
        ("NO_DATA", "start", "LOW"),
        ("NO_DATA", "escalate", "MEDIUM"),
        ("NO_DATA", "end", "MEDIUM"),
    ]


def test_heart_rate_and_asystole_go_on_when_the_model_has_failed():
    """MODEL_FAIL says so; rules need no classes."""
    model = Rule()
    model.fails = True
    events = told(Ward(model), blocks(signal([Spell(20, 70), Spell(8, 0), Spell(8, 70)]), [25]))
    assert ("MODEL_FAIL", "start", "MEDIUM") in sentences(events)
    assert sentences(events, "ASYSTOLE") == [
        ("ASYSTOLE", "start", "HIGH"),
        ("ASYSTOLE", "update", "HIGH"),
    ]
    assert all(found == pytest.approx(70, abs=1) for found in rates(events, 14, 20))
