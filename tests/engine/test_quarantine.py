"""Who is left out of the analysis, and for how long."""

import pytest
from alarm_script import START, limits_of
from test_ward import Rule, alarms, hello, stream

from ecg.messages import Alarm, Block, Goodbye
from ecg.types import Category
from stream.engine.alarms.limits import DEFAULTS
from stream.engine.quarantine import Quarantine
from stream.engine.ward import Ward

KIND = "ANALYSIS_FAIL"


class Bug(Rule):
    """A classifier, and with it a room, that raises while it is told to."""

    raises = False

    def __call__(self, windows, contexts):
        if self.raises and len(windows):
            raise IndexError("a bug of ours")
        return super().__call__(windows, contexts)


def fail(ward: Ward, model: Bug, record: Block, now: float):
    """Push a record that makes a room raise, as a worker does that takes care."""
    model.raises = True
    patient = record.patient
    book = ward.book.dump(patient) if patient in ward.book.patients() else None
    with pytest.raises(IndexError):
        ward.push([(record, now)])
    model.raises = False
    if book is None:
        ward.book.forget(patient)
    else:
        ward.book.load(patient, book)
    ward.leave_out(patient, now, record.session)
    return ward.push([(record, now)])


def failed_at(ward: Ward, model: Bug, source, at: int):
    """Push seconds of a source up to `at`, then fail there; returns what was said of that."""
    ward.push(source[:at])
    return fail(ward, model, *source[at])


def test_the_patient_is_left_out_for_ten_seconds():
    """The book hears of samples, so nobody is called silent; then the analysis begins anew."""
    model = Bug()
    ward, source = Ward(model), stream("sinus")
    told = failed_at(ward, model, source, 8)
    assert alarms(told) == [(KIND, "start")]
    skipped = [event for record in source[9:18] for event in ward.push([record])]
    assert skipped == []
    assert ward.pipeline.patients == []
    assert ward.tick(source[17][1] + 2.9) == []
    back = ward.push(source[18:19])
    assert alarms(back) == [(KIND, "end"), ("LEARNING", "start")]
    assert ward.pipeline.stream("p").arrival.next == 19 * 250
    later = ward.push(source[19:30])
    assert alarms(later) == [("LEARNING", "end")]


def test_each_failure_doubles_the_time_up_to_a_bound():
    """10, 20, 40, 80, 160, 160 s; after an hour without one it is 10 s again."""
    quarantine = Quarantine(Ward(Rule()).book)
    record, _ = stream("sinus")[0]
    now, seconds = START, []
    for _ in range(6):
        quarantine.leave_out("p", now, None, "s")
        seconds.append(quarantine.seconds("p"))
        now += seconds[-1]
        assert not quarantine.admits(record, now - 0.1)
        assert quarantine.admits(record, now)
    assert seconds == [10, 20, 40, 80, 160, 160]
    quarantine.leave_out("p", now + 3600, None, "s")
    assert quarantine.seconds("p") == 10


def test_the_next_session_comes_back_sooner():
    """After many failures a device that was changed waits 10 s only; the old session stays over."""
    ward, source = Ward(Rule()), stream("sinus")
    for at in (0.0, 10.0, 30.0):
        ward.quarantine.leave_out("p", at, None, "s")
    assert ward.quarantine.seconds("p") == 40
    second = stream("sinus", session="s2", begin=30.0)
    assert alarms(ward.push(second[:8])) == [(KIND, "start")]
    assert alarms(ward.push(second[10:12])) == [(KIND, "end"), ("LEARNING", "start")]
    assert ward.push([(source[36][0], 43.0)]) == []
    assert ward.pipeline.stream("p").session == "s2"


def test_a_failure_leaves_nothing_half_done():
    """What the raising record had begun (a session of the book, say) is as if never told."""
    model = Bug()
    ward, source = Ward(model), stream("sinus")
    ward.push(source[:6])
    told = fail(ward, model, stream("sinus", session="s2", begin=6, size=1500)[0][0], 7.0)
    assert [(a.kind, a.session) for a in told if isinstance(a, Alarm)] == [(KIND, "s")]
    other = ward.push(stream("sinus", "q")[:6])
    assert alarms(other)[0] == ("LEARNING", "start")


def test_a_failure_outlives_a_checkpoint():
    """Restored, the patient is left out for the rest of the time, and then put back."""
    model = Bug()
    ward, after = Ward(model), Ward(Rule())
    source = stream("sinus")
    failed_at(ward, model, source, 8)
    assert ward.fresh == {"p"}
    after.recall("p", ward.book.dump("p"))
    after.restore("p", ward.save("p"))
    assert after.push(source[9:18]) == []
    assert alarms(after.push(source[18:19])) == [(KIND, "end"), ("LEARNING", "start")]


def test_who_says_goodbye_is_not_left_out_any_more():
    """The alarm ends with the session; a stranger's goodbye changes nothing."""
    model = Bug()
    ward, source = Ward(model), stream("sinus")
    failed_at(ward, model, source, 8)
    assert ward.push([(Goodbye(patient="p", session="other", end=99), 9.5)]) == []
    over = ward.push([(Goodbye(patient="p", session="s", end=2250), 9.6)])
    assert alarms(over) == [(KIND, "end")]
    assert ward.tick(100.0) == []


def test_a_greeting_meanwhile_counts():
    """A HELLO that came while its patient was left out says for whom the limits are."""
    model = Bug()
    ward, source = Ward(model), stream("sinus")
    failed_at(ward, model, source, 3)
    ward.push([(hello("p", "s2", Category.NEONATAL), 10.0)])
    ward.push([(r, now + 20) for r, now in stream("sinus", session="s2")[:3]])
    assert limits_of(ward.book, "p") == DEFAULTS[Category.NEONATAL]
