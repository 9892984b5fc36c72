"""Admission over HTTP: what is left out stays as it is, and a bed has one patient."""

import asyncio

import pytest
from gateway_rig import ask, stored

from ecg import messages as m
from ecg.types import Category, Paced
from stream.engine.alarms import Book, Context
from stream.store import Store
from stream.worker.codec import kept_book

WHO = m.Patient("p1", 1950, "F", Category.NEONATAL, Paced.YES)
WHERE = m.Location("ICU", "3")


@pytest.fixture
def ward(tmp_path):
    """A folder in whose store p1 lies in ICU 3; the device of p2 says who and where p2 is."""
    book = Book()
    book.session(
        Context("p2", "s1", 250.0, unit="CCU", bed="1"),
        0.0,
        profile=m.Patient("p2", paced=Paced.YES),
    )
    admit = m.Admit(id="c0", patient="p1", by="nurse", at=5.0, profile=WHO, location=WHERE)
    with Store(tmp_path / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        change.admit(admit)
        change.save_books({"p2": kept_book(0, book.dump("p2"))})
    return tmp_path


@pytest.mark.parametrize(
    ("body", "profile", "place"),
    [
        ({"bed": "7"}, WHO, m.Location("ICU", "7")),
        ({"paced": "unknown"}, m.Patient("p1", 1950, "F", Category.NEONATAL), WHERE),
        ({"category": "adult"}, m.Patient("p1", 1950, "F", paced=Paced.YES), WHERE),
        ({"birth_year": None}, m.Patient("p1", None, "F", WHO.category, WHO.paced), WHERE),
    ],
)
def test_a_transfer_changes_only_what_is_given(ward, body, profile, place):
    """Who is moved to another bed keeps pacemaker and category."""
    assert ask(ward, "POST", "/v1/patients/p1/admit", json={"by": "n"} | body).status_code == 202
    (logged,) = asyncio.run(stored(ward, "ecg.commands"))
    assert (logged.profile, logged.location) == (profile, place)


def test_a_first_admission_carries_what_the_device_said(ward):
    """A pacemaker that the device knows of is not forgotten since the form leaves it out."""
    body = {"by": "n", "bed": "4"}
    assert ask(ward, "POST", "/v1/patients/p2/admit", json=body).status_code == 202
    (logged,) = asyncio.run(stored(ward, "ecg.commands"))
    assert logged.profile == m.Patient("p2", paced=Paced.YES)
    assert logged.location == m.Location("CCU", "4")


def test_an_occupied_bed_is_refused_and_its_patient_named(ward):
    """Nobody who reads the bed could tell the two apart; a bed without a name holds many."""
    path, bed = "/v1/patients/p2/admit", {"by": "n", "unit": "ICU", "bed": "3"}
    problem = ask(ward, "POST", path, json=bed).json()
    assert (problem["status"], problem["code"], problem["field"]) == (409, "occupied", "bed")
    assert "p1" in problem["detail"]
    for free in ({"bed": "4"}, {"unit": "CCU"}, {"bed": ""}):
        assert ask(ward, "POST", path, json=bed | free).status_code == 202
    assert len(asyncio.run(stored(ward, "ecg.commands"))) == 3


def test_a_bed_is_free_after_a_discharge(ward):
    """As soon as it is done."""
    with Store(ward / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        change.discharge(m.Discharge(id="c1", patient="p1", by="n", at=9.0))
    body = {"by": "n", "unit": "ICU", "bed": "3"}
    assert ask(ward, "POST", "/v1/patients/p2/admit", json=body).status_code == 202
