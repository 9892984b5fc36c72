"""Pipeline and book together: order, sessions, greetings, faults, bounds, checkpoints."""

import numpy as np
import pytest
from alarm_script import limits_of
from synthesis import RHYTHMS, Spell, beats, blocks, signal

from ecg.errors import ModelError
from ecg.messages import (
    Alarm,
    Beat,
    Block,
    CommandDone,
    DeviceInfo,
    Gap,
    Goodbye,
    Hello,
    Patient,
    PauseAudio,
    Vitals,
)
from ecg.types import Category, Lead
from stream.engine.alarms.limits import DEFAULTS
from stream.engine.intake import Arrived
from stream.engine.ward import Ward


class Rule:
    """Calls every beat N, or fails."""

    model_id = "rule"
    fails = False
    label = 0

    def __call__(self, windows, _):
        if self.fails:
            raise ModelError("model_output", "not finite")
        labels = np.full(len(windows), self.label, np.int8)
        return labels, np.eye(5, dtype=np.float32)[labels]


def stream(
    name: str, patient: str = "p", session: str = "s", begin: float = 0.0, size: int = 250
) -> list[Arrived]:
    """Blocks (of a second) with their arrival times."""
    made = blocks(signal(RHYTHMS[name]), [size], patient=patient, session=session)
    return [(block, begin + block.end / 250) for block in made]


def hello(patient: str = "p", session: str = "s", category: Category = Category.ADULT) -> Hello:
    return Hello(
        device=DeviceInfo("d"),
        session=session,
        patient=Patient(patient, category=category),
        rate=250.0,
        leads=(Lead.II,),
        uv_per_lsb=(5.0,),
    )


def alarms(events, kind: str = "") -> list[tuple[str, str]]:
    return [(a.kind, a.phase) for a in events if isinstance(a, Alarm) and kind in {"", a.kind}]


def test_what_is_pushed_together_is_told_apart():
    """Blocks of one patient pushed at once give the same events as one by one."""
    source = stream("asystole")
    one = Ward(Rule())
    apart = [event for record in source for event in one.push([record])]
    assert Ward(Rule()).push(source) == apart
    assert ("ASYSTOLE", "start") in alarms(apart)


def test_what_the_book_has_seen_is_not_told_again():
    """Not live: the engine goes on, nothing is published, the book learns nothing."""
    ward = Ward(Rule())
    assert ward.push(stream("asystole"), live=False) == []
    assert list(ward.book.patients()) == []
    assert ward.pipeline.stream("p").arrival.next == 40 * 250


class AllV(Rule):
    """Calls every beat V: at 70 /min a ventricular rhythm."""

    label = 2


def replayed(before: Rule, after: Rule) -> list:
    """What is news when a ward takes over from another engine, whose book has seen 30 s."""
    source = stream("sinus")[:30]
    old, new = Ward(before), Ward(after)
    old.push(source)
    new.recall("p", old.book.dump("p"))
    assert new.push(source, live=False) == []
    return new.reconcile("p", 30.0)


def test_what_only_another_engine_found_ends_and_what_it_missed_is_told():
    """After a replay out of the book's sight; where both agree nothing is news."""
    kind = "VENT_RHYTHM"
    assert alarms(replayed(AllV(), Rule()), kind) == [(kind, "end")]
    assert alarms(replayed(Rule(), AllV()), kind) == [(kind, "start")]
    assert replayed(AllV(), AllV()) == []
    assert replayed(Rule(), Rule()) == []


def test_what_began_before_a_replay_and_holds_is_one_alarm():
    """Its onset is not known to the engine that comes; nothing ends, nothing begins, nothing stays."""
    source = stream("sinus")
    old, new = Ward(AllV()), Ward(AllV())
    old.push(source[:25])
    new.recall("p", old.book.dump("p"))
    new.push(source[5:25], live=False)
    assert new.reconcile("p", 25.0) == []
    new.pipeline._rooms.namer._classifier.label = 0
    assert alarms(new.push(source[25:35]), "VENT_RHYTHM") == [("VENT_RHYTHM", "end")]


def test_a_new_session_finishes_the_old_one():
    """Its last beats and what waited behind a hole are reported, as of the old session."""
    old = [r for r in stream("sinus")[:12] if r[0].first != 10 * 250]
    ward = Ward(Rule())
    ward.push(old)
    events = ward.push(stream("sinus", session="s2", begin=20)[:1])
    found = [e for e in events if isinstance(e, Beat | Vitals | Gap) and e.session == "s"]
    assert [(e.first, e.end) for e in found if isinstance(e, Gap)] == [(2500, 2750)]
    assert max(e.sample for e in found if isinstance(e, Beat)) > 2750
    assert ("LEARNING", "start") in alarms(events)


def test_blocks_of_a_replaced_session_never_come_alive():
    """The newer session is live, whatever the older one's device still sends."""
    ward = Ward(Rule())
    ward.push([*stream("sinus")[:5], *stream("sinus", session="s2")[:3]])
    assert ward.push(stream("sinus")[5:8]) == []
    assert ward.pipeline.stream("p").session == "s2"


def test_each_session_has_its_own_greeting():
    """The HELLO before a session's first block says for whom the limits are, not a later one."""
    ward = Ward(Rule())
    first, second = stream("sinus")[:2], stream("sinus", session="s2", begin=10)[:1]
    one, two = hello(category=Category.NEONATAL), hello("p", "s2", Category.PAEDIATRIC)
    ward.push([(one, 0.0), *first, (two, 9.0)])
    assert limits_of(ward.book, "p") == DEFAULTS[Category.NEONATAL]
    ward.push(second)
    assert limits_of(ward.book, "p") == DEFAULTS[Category.PAEDIATRIC]


def test_a_greeting_outlives_a_checkpoint():
    """A HELLO whose session has not begun is part of the state, with a stream or without."""
    for before in ([], stream("sinus", session="s0")[:3]):
        ward, after = Ward(Rule()), Ward(Rule())
        ward.push([*before, (hello(category=Category.NEONATAL), 3.5)])
        after.restore("p", ward.save("p"))
        first = stream("sinus", begin=4)[:1]
        assert alarms(after.push(first)) == [("LEARNING", "start")]
        ward.push(first)
        assert limits_of(after.book, "p") == limits_of(ward.book, "p")


def test_a_fault_of_the_model_reaches_whoever_sends():
    """Present ones, those who come later, those who change their session; and it ends for all."""
    model = Rule()
    ward = Ward(model)
    ward.push([*stream("sinus")[:5], *stream("sinus", "q")[:5]])
    model.fails = True
    events = ward.push([*stream("sinus")[5:7], *stream("sinus", "late", begin=3)[:4]])
    assert {a.patient for a in events if isinstance(a, Alarm) and a.kind == "MODEL_FAIL"} == {
        "p",
        "late",
    }
    events = ward.push(stream("sinus", session="s2", begin=7)[:3])
    assert alarms(events, "MODEL_FAIL") == [("MODEL_FAIL", "end"), ("MODEL_FAIL", "start")]
    model.fails = False
    events = ward.push(stream("sinus", session="s2", begin=7)[3:6])
    assert alarms(events, "MODEL_FAIL") == [("MODEL_FAIL", "end")]
    (silent,) = ward.failure.told
    events = ward.failure.tell(silent, 13.0, lasts=False)
    assert alarms(events, "MODEL_FAIL") == [("MODEL_FAIL", "end")]
    assert (silent, ward.failure.told) == ("late", [])


def test_a_model_that_was_not_asked_is_not_blamed():
    """Without a beat nothing is known of the model: a fault that stands goes on standing."""
    model = Rule()
    model.fails = True
    ward, after = Ward(model), Ward(Rule())
    assert ("MODEL_FAIL", "start") in alarms(ward.push(stream("sinus")[:6]))
    after.recall("p", ward.book.dump("p"))
    flat = blocks(signal([Spell(2, 0)]), [250], first=1500)
    assert alarms(after.push([(block, 8.0) for block in flat])) == []
    beating = [(block, now) for block, now in stream("sinus") if block.first >= 2000]
    assert alarms(after.push(beating[:6]), "MODEL_FAIL") == [("MODEL_FAIL", "end")]


def test_damaged_states_are_refused():
    """A typed error says so; the ward goes on without."""
    ward = Ward(Rule())
    with pytest.raises(ValueError, match="checkpoint"):
        ward.restore("p", b"nothing")
    with pytest.raises(ValueError, match="book"):
        ward.recall("p", b"nothing")
    assert alarms(ward.push(stream("sinus")[:1])) == [("LEARNING", "start")]


def test_a_full_ward_refuses_and_makes_room_by_itself():
    """Who has left without anything shown gives way; who lies in a bed or has an alarm does not."""
    ward = Ward(Rule(), most=2)
    ward.push([*stream("sinus")[:6], *stream("sinus", "q")[:6]])
    assert ward.push(stream("sinus", "r")[:2]) == []
    assert ward.roll.refused == 2
    ward.push([(Goodbye(patient="q", session="s", end=1500), 20.0)])
    ward.forget("q")
    assert alarms(ward.push(stream("sinus", "r")[2:3])) == [("LEARNING", "start")]
    assert set(ward.book.patients()) == {"p", "r"}


def test_commands_for_strangers_do_not_fill_a_full_ward():
    """They are refused with a code."""
    ward = Ward(Rule(), most=1)
    ward.push(stream("sinus")[:1])
    command = PauseAudio(id="c", patient="nobody", by="n", at=1.0)
    (done,) = ward.command(command, 2.0)
    assert isinstance(done, CommandDone)
    assert (done.id, done.refused, done.action) == ("c", "ward_full", "pauseaudio")


def test_waiting_blocks_are_bounded():
    """However many overlapping blocks a device sends beyond a hole."""
    ward = Ward(Rule())
    samples = signal(RHYTHMS["sinus"])
    ward.push([(next(blocks(samples, [250])), 1.0)])
    piece = samples[:100].astype("<i2").tobytes()
    first = stream("sinus")[0][0]
    for k in range(300):
        block = Block(**{f: getattr(first, f) for f in ("patient", "session", "rate", "leads")},
                      uv_per_lsb=(5.0,), seq=k, first=252 + k, payload=piece)  # fmt: skip
        ward.push([(block, 1.0 + k / 1000)])
        assert len(ward.pipeline.stream("p").arrival.waiting) <= 128


def test_a_rate_alarm_comes_with_the_beat_that_breaks_the_limit():
    """80 to 155 /min: within half a second and a hop of the R whose mean is the first beyond 120."""
    spells = (Spell(20, 80), Spell(20, 155))
    made = blocks(signal(spells), [25])
    events = Ward(Rule()).push([(block, block.end / 250) for block in made])
    truth = np.array([at for at, _ in beats(spells)])
    means = np.array([60 / np.diff(truth[k - 12 : k + 1]).mean() for k in range(12, len(truth))])
    beat = truth[12:][means > 120][0]
    alarm = next(a for a in events if isinstance(a, Alarm) and a.kind == "HR_HIGH")
    assert 0.0 < alarm.onset_sample / 250 - beat <= 0.6
    assert alarm.onset_sample % 250 != 0
