"""Who gets which event, what waits, what is dropped and what never is."""

import pytest
from gateway_rig import COUNT, alarm, beat, block, vitals
from hypothesis import given
from hypothesis import strategies as st

from ecg import messages as m
from ecg.errors import WireError
from stream.gateway.cursor import Cursor
from stream.gateway.fanout import (
    ALARMS,
    BEATS,
    VITALS,
    WAVEFORM,
    Delivery,
    Fanout,
    Subscription,
)
from stream.log import Topic


def subscription(*channels: str, limit: int = 4, **asked):
    return Subscription(m.Subscribe(channels=channels, **asked), limit)


def event(message) -> Delivery:
    return Delivery(m.Event(cursor="", event=message))


def drained(made: Subscription):
    """Everything that waits, in the order in which it would be sent."""
    found = []
    while (delivery := made.take()) is not None:
        found.append(delivery.message.event)
    return found


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, True),
        ({"patients": ("p1",)}, True),
        ({"patients": ("p2",)}, False),
        ({"units": ("ICU",)}, True),
        ({"units": ("CCU",)}, False),
        ({"patients": ("p2",), "units": ("ICU",)}, True),
    ],
)
def test_patients_and_units_select_and_neither_means_everyone(asked, fits):
    """A union of both."""
    fanout, made = Fanout(), subscription("alarms", **asked)
    fanout.add(made)
    fanout.place("p1", "ICU")
    assert (fanout.audience(ALARMS, "p1") == (made,)) == fits
    assert fanout.audience(BEATS, "p1") == ()


def test_a_patient_who_moves_to_another_unit_is_seen_there():
    """What was decided about the audience is decided again."""
    fanout, made = Fanout(), subscription("beats", units=("CCU",))
    fanout.add(made)
    fanout.place("p1", "ICU")
    assert fanout.audience(BEATS, "p1") == ()
    fanout.place("p1", "CCU")
    assert fanout.audience(BEATS, "p1") == (made,)
    fanout.remove(made)
    assert fanout.audience(BEATS, "p1") == ()


def test_memory_is_bounded_whatever_patients_come_and_go(monkeypatch):
    """Who has been silent for longest is forgotten, and found again with the next vitals."""
    monkeypatch.setattr("stream.gateway.fanout.MAX_PATIENTS", 3)
    fanout, made = Fanout(), subscription("vitals", units=("ICU",))
    fanout.add(made)
    names = ["p1", "p2", "p3", "p1", "p4"]
    for name in names:
        fanout.place(name, "ICU")
        assert fanout.audience(VITALS, name) == (made,)
    assert [fanout.unit(f"p{number}") for number in range(1, 5)] == ["ICU", "", "ICU", "ICU"]
    fanout.place("p2", "ICU")
    assert fanout.audience(VITALS, "p2") == (made,)
    for number in range(9):
        fanout.audience(VITALS, f"visitor-{number}")
    assert len(fanout._audiences) <= 3  # shows nowhere else


def test_an_unknown_channel_is_refused_with_the_known_ones():
    """Field and limit are named."""
    with pytest.raises(WireError) as caught:
        subscription("alarms", "gossip")
    assert (caught.value.code, caught.value.field) == ("unknown_channel", "channels")
    assert "waveform" in caught.value.limit


def test_events_leave_before_waveform():
    """An alarm never queues behind a picture."""
    made = subscription("alarms", "waveform")
    made.put_wave(block(0), event(block(0)))
    made.put(event(alarm(1)))
    assert drained(made) == [alarm(1), block(0)]


def test_the_oldest_waveform_is_dropped_and_the_gap_marked_before_what_follows():
    """Two blocks too many: one gap over both."""
    made = subscription("waveform", limit=4)
    dropped = sum(made.put_wave(block(seq), event(block(seq))) for seq in range(6))
    assert dropped == 2
    gap = m.Gap(patient="p1", session="s1", first=0, end=2 * COUNT)
    assert drained(made) == [gap, *(block(seq) for seq in range(2, 6))]


@given(st.lists(st.one_of(st.none(), st.integers(0, 2)), max_size=60))
def test_every_waveform_sample_is_delivered_or_lies_in_a_gap(steps):
    """Whatever the order of arrivals (a patient's number) and departures (None)."""
    made, seen, put = subscription("waveform", limit=3), {}, {}

    def note(item):
        if item is not None:
            span = item.message.event
            seen.setdefault(span.patient, []).append((span.first, span.end))

    for step in steps:
        if step is None:
            note(made.take())
            continue
        patient = f"p{step}"
        seq = put[patient] = put.get(patient, -1) + 1
        made.put_wave(block(seq, patient=patient), event(block(seq, patient=patient)))
    while (item := made.take()) is not None:
        note(item)
    for patient, last in put.items():
        covered = {i for first, end in seen[patient] for i in range(first, end)}
        assert covered == set(range((last + 1) * COUNT))
        assert seen[patient] == sorted(seen[patient])


def test_a_queue_is_bounded_and_what_does_not_fit_is_not_skipped_over():
    """After the overrun nothing is queued, though there is room again, until a new start."""
    made = subscription("alarms", limit=4)
    for i in range(5):
        made.put(event(alarm(i)))
    assert made.overrun
    first = made.take()
    made.put(event(alarm(99)))
    assert [first.message.event, *drained(made)] == [alarm(i) for i in range(4)]
    made.reset()
    made.put(event(alarm(100)))
    assert drained(made) == [alarm(100)]


def test_an_event_is_encoded_once_however_many_get_it():
    """The same bytes object goes to all."""
    delivery = event(vitals(250))
    assert delivery.packed is delivery.packed
    assert delivery.text is delivery.text


def test_waveform_is_read_only_while_somebody_wants_it():
    """The union of all masks."""
    fanout, made = Fanout(), subscription("waveform")
    fanout.add(made)
    assert fanout.mask & WAVEFORM
    fanout.remove(made)
    assert not fanout.mask


# ── Cursors ───────────────────────────────────────────────────────────────────────────────────

OFFSETS = st.dictionaries(st.integers(0, 9), st.integers(0, 2**40), max_size=4)


@given(OFFSETS, OFFSETS)
def test_a_cursor_says_its_positions_in_a_word_that_is_safe_in_urls(alarms, events):
    """Round trip."""
    cursor = Cursor({Topic.ALARMS: alarms, Topic.EVENTS: events})
    word = cursor.encode()
    assert Cursor.decode(word).positions == {"ecg.alarms": alarms, "ecg.events": events}
    assert word.replace("-", "").replace("_", "").replace("=", "").isalnum()


@given(st.one_of(st.text(max_size=40), st.binary(max_size=30).map(lambda b: b.hex())))
def test_any_other_word_is_refused(word):
    """One typed error, whatever it is."""
    with pytest.raises(WireError) as caught:
        Cursor.decode(word)
    assert caught.value.code == "bad_cursor"


def test_a_cursor_reaches_another_when_no_partition_lies_behind():
    """Partition by partition."""
    here = Cursor({Topic.ALARMS: {0: 5}, Topic.EVENTS: {0: 3}})
    assert here.reaches(Cursor({Topic.ALARMS: {0: 5}, Topic.EVENTS: {}}))
    assert not here.reaches(Cursor({Topic.ALARMS: {0: 5}, Topic.EVENTS: {0: 4}}))


def test_a_beat_is_meant_for_beats_only():
    """Channels do not leak."""
    assert not subscription("vitals").wants(BEATS, beat(1).patient, "")
