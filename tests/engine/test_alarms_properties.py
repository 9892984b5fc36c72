"""What holds for every sequence of events in the alarm book (hypothesis)."""

import pytest
from alarm_script import START, Ward
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg.conditions import CATALOGUE, suppresses
from ecg.types import Priority
from stream.engine.alarms import Book, Settings

KINDS = ("VTACH", "NSVT", "ASYSTOLE", "PAUSE", "BIGEMINY", "LEADS_OFF", "AFIB")
SESSIONS = ("s1", "s2", "s3")

event = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(KINDS)),
    st.tuples(st.just("clear"), st.sampled_from(KINDS)),
    st.tuples(st.just("once"), st.sampled_from(["PAIR_PVCS", "R_ON_T", "MISSED_BEAT"])),
    st.tuples(st.just("rate"), st.sampled_from([None, 25.0, 45.0, 80.0, 130.0, 190.0])),
    st.tuples(st.just("beat"), st.sampled_from([25.0, 45.0, 80.0, 130.0, 190.0])),
    st.tuples(st.just("acknowledge"), st.sampled_from([*KINDS, "EXTREME_TACHY", ""])),
    st.tuples(st.just("pause"), st.sampled_from([0.0, 30.0, 120.0])),
    st.tuples(st.just("arrive"), st.none()),
    st.tuples(st.just("goodbye"), st.none()),
    st.tuples(st.just("session"), st.sampled_from(SESSIONS)),
    st.tuples(st.just("fault"), st.booleans()),
    st.tuples(st.just("discharge"), st.none()),
    st.tuples(st.just("admit"), st.sampled_from(["1", "2"])),
    st.tuples(st.just("limits"), st.sampled_from([(60.0, 100.0), (20.0, 200.0), (100.0, 60.0)])),
)
story = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 1.0, 2.5, 7.0, 11.0, 200.0]), event), max_size=40
)


class Teller(Ward):
    """Plays a story; conditions remember their onset as the rhythm room does."""

    def __init__(self, *args, **more) -> None:
        self.now = 1.0
        self.onsets: dict[str, float] = {}
        super().__init__(*args, **more)

    def happen(self, wait, what) -> list[str]:
        self.now += wait
        act, detail = what
        return getattr(self, f"on_{act}")(detail)

    @property
    def at(self) -> float:
        """Seconds of the present session."""
        return self.now - self.moments[self.session]

    def on_set(self, kind):
        self.onsets[kind] = (
            self.onsets["NSVT"] if kind == "VTACH" and "NSVT" in self.onsets else (self.at)
        )
        return self.tell(self.at, kind, onset=self.onsets[kind])

    def on_clear(self, kind):
        return self.tell(self.at, kind, "clear", onset=self.onsets.pop(kind, self.at))

    def on_once(self, kind):
        return self.tell(self.at, kind, "once")

    def on_rate(self, rate):
        return self.vitals(self.at, rate)

    def on_beat(self, rate):
        return self.heart_rate(self.at, rate)

    def on_acknowledge(self, kind):
        return self.acknowledge(self.now, kind)

    def on_pause(self, seconds):
        return self.pause(self.now, seconds)

    def on_arrive(self, _):
        return self.heard(
            self.book.arrived("p", self.session, round(self.at * 250), START + self.now)
        )

    def on_goodbye(self, _):
        return self.goodbye(self.now)

    def on_session(self, name):
        if name in self.moments:
            return []
        self.onsets = {}
        return self.new_session(self.now, name)

    def on_fault(self, on):
        return self.fault(self.now, "MODEL_FAIL", on=on)

    def on_discharge(self, _):
        return self.discharge(self.now)

    def on_admit(self, bed):
        return self.admit(self.now, bed=bed)

    def on_limits(self, limits):
        return self.limits(self.now, *limits)


@given(story)
def test_every_alarm_is_numbered_without_a_hole(events):
    """update_no starts at 1 with `start` and rises by one; nothing follows the end but a revival."""
    teller = Teller()
    for wait, what in events:
        teller.happen(wait, what)
    newest = {}
    for alarm in teller.published:
        assert alarm.update_no == newest.get(alarm.id, 0) + 1
        assert (alarm.phase == "start") == (alarm.update_no == 1)
        newest[alarm.id] = alarm.update_no


@given(story)
def test_no_high_alarm_is_lost(events):
    """It ends only by an acknowledgement, a discharge, or newer latched ones of its kind."""
    teller = Teller()
    for wait, what in events:
        teller.happen(wait, what)
    shown = {a.id for a in teller.book.alarms("p")}
    newest = {a.id: a for a in teller.published}
    for alarm in newest.values():
        if alarm.priority != Priority.HIGH or alarm.id in shown:
            continue
        assert alarm.state == "ended"
        assert alarm.acknowledged_by or {"discharged", "superseded"} & set(alarm.flags)


@given(story)
def test_no_alarm_stays_for_ever_without_a_way_to_clear_it(events):
    """When the device says goodbye, faults end and all is acknowledged, the display is empty."""
    teller = Teller()
    for wait, what in events:
        teller.happen(wait, what)
    teller.goodbye(teller.now)
    teller.fault(teller.now, "MODEL_FAIL", on=False)
    teller.acknowledge(teller.now, "")
    teller.tick(teller.now + 200.0)
    assert teller.shown() == []
    teller.tick(teller.now + 300.0)
    assert teller.book.next_deadline() is None


@given(story)
def test_what_sounds_is_neither_suppressed_nor_seen_nor_paused(events):
    """And whatever is high, new and not paused sounds."""
    teller = Teller()
    for wait, what in events:
        teller.happen(wait, what)
        alarms = teller.book.alarms("p")
        paused = any(a.kind == "ALARMS_PAUSED" for a in alarms)
        holding = {a.kind for a in alarms if a.state in {"active", "acknowledged"}}
        for alarm in alarms:
            if alarm.suppressed_by:
                assert suppresses(alarm.suppressed_by, alarm.kind)
                assert alarm.suppressed_by in holding or alarm.kind not in teller.onsets
                assert alarm.silenced
            if alarm.state == "acknowledged" or paused:
                assert alarm.silenced
            if alarm.priority == Priority.HIGH and alarm.state == "active":
                assert alarm.silenced == (paused or alarm.suppressed_by != "")


@given(story)
def test_saved_and_restored_at_any_point_it_goes_on_the_same(events):
    """After every stimulus another book takes over from the bytes."""
    steady, moved = Teller(), Teller()
    for wait, what in events:
        data = moved.book.dump("p")
        moved.book = Book()
        moved.book.load("p", data)
        assert moved.book.dump("p") == data
        assert moved.happen(wait, what) == steady.happen(wait, what)
    assert moved.published == steady.published


@given(story)
def test_a_replay_repeats_nothing(events):
    """The same changes, vitals and commands again, as after a restart, give no instruction."""
    signals = [(w, e) for w, e in events if e[0] in {"set", "clear", "once", "rate", "beat"}]
    teller = Teller()
    for wait, what in signals:
        teller.happen(max(wait, 0.1), what)
    end, book = teller.now, teller.book
    again = Teller(learned=False)
    again.book = book
    book.tick(START + end)
    for wait, what in signals:
        again.now = again.now + max(wait, 0.1)
        session = again.context()
        assert session.session == "s1"
        again.book = _Late(book, START + end)
        again.now -= max(wait, 0.1)
        assert again.happen(max(wait, 0.1), what) == []


class _Late:
    """The book at a later time than the stimuli's own."""

    def __init__(self, book, now) -> None:
        self.book, self.now = book, now

    def change(self, context, change, _):
        return self.book.change(context, change, self.now)

    def vitals(self, context, sample, rate, pvcs, _):
        return self.book.vitals(context, sample, rate, pvcs, self.now)

    def exceeds(self, patient, rate):
        return self.book.exceeds(patient, rate)

    def heart_rate(self, context, sample, rate, _):
        return self.book.heart_rate(context, sample, rate, self.now)


@given(story)
def test_it_does_not_matter_how_often_tick_is_called(events):
    """Deadlines come to pass at their own time."""
    seldom, often = Teller(), Teller()
    for wait, what in events:
        for step in range(1, 8):
            often.tick(often.now + wait * step / 8)
        often.happen(wait, what)
        seldom.happen(wait, what)
    often.tick(often.now + 1000)
    seldom.tick(seldom.now + 1000)
    assert often.published == seldom.published


@given(story)
def test_deadlines_are_never_later_than_what_is_due(events):
    """A tick just before the next deadline has nothing to say."""
    teller = Teller()
    for wait, what in events:
        teller.happen(wait, what)
        deadline = teller.book.next_deadline()
        if deadline is not None and deadline > START + teller.now + 0.001:
            assert teller.heard(teller.book.tick(deadline - 0.001)) == []
            break


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5]), event), min_size=100, max_size=150))
def test_memory_is_bounded(events):
    """However much happens, a patient's bytes stay below 16 KiB."""
    teller = Teller(Settings())
    for wait, what in events * 3:
        teller.happen(wait, what)
    assert len(teller.book.dump("p")) < 16 * 1024


def test_patients_do_not_disturb_one_another():
    """Alone or among others: the same instructions."""
    alone, among = Teller(), Teller()
    other = Teller()
    other.book = among.book
    story_ = [(1.0, ("set", "VTACH")), (1.0, ("clear", "VTACH")), (9.0, ("once", "PAIR_PVCS"))]
    for wait, what in story_:
        among.book.fault("q", "MODEL_FAIL", START + among.now, on=True)
        assert alone.happen(wait, what) == among.happen(wait, what)
    assert among.book.alarms("q")
    assert set(among.book.patients()) == {"p", "q"}


def test_forgotten_patients_are_gone():
    """Hand-over: nothing is due any more, nothing is shown."""
    teller = Teller()
    teller.on_set("PAUSE")
    teller.on_clear("PAUSE")
    teller.book.forget("p")
    assert teller.book.next_deadline() is None
    assert teller.shown() == []
    with pytest.raises(KeyError):
        teller.book.dump("p")


def test_every_kind_can_be_raised_and_cleared():
    """The whole catalogue, set and cleared, acknowledged where it latches."""
    for kind in CATALOGUE:
        if kind == "ALARMS_PAUSED":
            continue
        ward = Ward()
        assert f"{kind} start active" in ward.tell(5.0, kind)[0]
        ward.tell(20.0, kind, "clear", onset=5.0)
        ward.acknowledge(21.0)
        assert ward.shown() == []
