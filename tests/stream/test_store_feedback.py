"""Feedback in the store: said once, found by what it is about, gone when it is old or too much."""

import msgspec
import pytest

from ecg.messages import Block, Strip
from ecg.types import Lead
from stream.store import Feedback, FeedbackFilter, Keep, Store, prune

NOW = 1_800_000_000.0
DAY = 86_400.0


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """An empty store, on either database."""
    sqlite = request.param == "sqlite"
    place = tmp_path / "store.db" if sqlite else request.getfixturevalue("postgres").place()
    with Store(place) as made:
        yield made


def said(name="f1", **fields) -> Feedback:
    """A beat of p1 that was V."""
    base = {
        "id": name,
        "at": NOW,
        "by": "dr-2",
        "about": "beat",
        "verdict": "wrong",
        "patient": "p1",
        "session": "s1",
        "sample": 500,
        "time": NOW - 60,
        "label": "V",
    }
    return Feedback(**base | fields)


def strip() -> Strip:
    """A second of one lead."""
    block = Block(
        patient="p1",
        session="s1",
        seq=0,
        first=0,
        rate=250.0,
        leads=(Lead.II,),
        uv_per_lsb=(2.5,),
        payload=bytes(500),
    )
    return Strip(0, 250, (block,))


def test_what_is_said_is_kept_with_its_signal_and_audited_once(store):
    """A repetition gets what was kept first and changes nothing."""
    first = said(note="artefact")
    assert store.feedback.add(first, strip()) == first
    again = msgspec.structs.replace(first, at=NOW + 9, label="S")
    assert store.feedback.add(again, None) == first
    assert store.feedback.find() == [first]
    assert store.feedback.strip("f1") == strip()
    (line,) = store.history.audit()
    assert (line.who, line.patient, line.what) == ("dr-2", "p1", "feedback: beat wrong")
    assert line.detail == "s1:500 is V artefact"


def test_feedback_without_signal(store):
    """And of an id that nobody gave."""
    store.feedback.add(said(), None)
    assert store.feedback.strip("f1") is None
    assert store.feedback.strip("other") is None


def test_each_filter_restricts_and_the_latest_comes_first(store):
    """Against the same choice made in Python."""
    everything = [
        said("a", at=NOW + 1),
        said("b", at=NOW + 2, patient="p2", verdict="right"),
        said("c", at=NOW + 3, about="alarm", alarm="p1:s1:VTACH:9", label="", by="dr-3"),
    ]
    for one in everything:
        store.feedback.add(one, None)
    for name in ("patient", "verdict", "about", "alarm", "by"):
        for value in {getattr(one, name) for one in everything} - {""}:
            expected = [one for one in reversed(everything) if getattr(one, name) == value]
            assert store.feedback.find(FeedbackFilter(**{name: value})) == expected
    assert store.feedback.find(FeedbackFilter(since=NOW + 2, until=NOW + 3)) == everything[1:2]
    assert store.feedback.find(FeedbackFilter(limit=2)) == everything[:0:-1]


def test_old_feedback_goes_with_its_signal(store):
    """By age as the setting says."""
    store.feedback.add(said("old", at=NOW - 31 * DAY), strip())
    store.feedback.add(said("new", at=NOW - 29 * DAY), strip())
    assert store.prune(NOW, Keep(feedback=30 * DAY)) == 1
    assert [one.id for one in store.feedback.find()] == ["new"]
    assert store.feedback.strip("old") is None


def test_the_newest_stay_when_there_is_too_much(store, monkeypatch):
    """Whoever may post cannot fill the disk."""
    monkeypatch.setattr(prune, "MAX_FEEDBACK", 3)
    for number in range(5):
        store.feedback.add(said(f"f{number}", at=NOW + number), None)
    assert store.prune(NOW, Keep()) == 2
    assert [one.id for one in store.feedback.find()] == ["f4", "f3", "f2"]
