"""What became of a command, and what stands in the audit trail of one that was refused over HTTP."""

import asyncio

import httpx
import pytest
from gateway_rig import alarm, ask, count_of, gateway

from ecg import messages as m
from ecg import wire
from stream.gateway import refusals
from stream.log import Topic
from stream.store import Store, StoreError

PAUSE = "/v1/patients/p1/pause"


def post(folder, *requests, **settings):
    """Several requests to one gateway: the answers, and its count of refusals without a line."""

    async def scene():
        async with (
            gateway(folder, **settings) as server,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client,
        ):
            answers = [await client.post(path, content=body) for path, body in requests]
            return answers, await count_of(server, "unaudited_total")

    return asyncio.run(scene())


def trail(folder):
    """The audit trail as (who, what, patient, detail), the oldest first."""
    with Store(folder / "store.db") as store:
        lines = store.history.audit(limit=1000)
    return [(line.who, line.what, line.patient, line.detail) for line in lines][::-1]


@pytest.fixture
def ward(tmp_path):
    """A folder in whose store p1 has an alarm and lies in ICU 3."""
    place = m.Location("ICU", "3")
    admit = m.Admit(id="c0", patient="p1", by="n", at=5.0, profile=m.Patient("p1"), location=place)
    with Store(tmp_path / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        change.admit(admit)
        change.save_alarms([alarm(250)])
    return tmp_path


# ── What became of it ─────────────────────────────────────────────────────────────────────────


def test_a_command_that_never_was_is_not_found(ward):
    """Nobody need wait for it; one that stands in the log is not confirmed, whichever gateway took it."""
    got = ask(ward, "GET", "/v1/commands/none")
    assert (got.status_code, got.json()["code"]) == (404, "not_found")
    for number in (1, 2):
        body = {"by": "n", "id": f"c{number}"}
        assert ask(ward, "POST", PAUSE, json=body).status_code == 202
    for known in ("c1", "c2"):
        status = ask(ward, "GET", f"/v1/commands/{known}").json()
        assert status == {"id": known, "status": "not_confirmed"}
    assert ask(ward, "GET", "/v1/commands/c3").status_code == 404


def test_a_command_that_a_worker_has_answered_is_looked_for_in_the_store_alone(ward):
    """What lies behind the worker's position waits for nobody."""
    for number in (1, 2):
        assert ask(ward, "POST", PAUSE, json={"by": "n", "id": f"c{number}"}).status_code == 202
    done = m.CommandDone(id="c1", patient="p1", time=9.0, by="n", action="pauseaudio")
    with Store(ward / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        change.finish_command("c1", "p1", wire.pack(done))
        change.advance(Topic.COMMANDS, 1)
    found = [ask(ward, "GET", f"/v1/commands/c{n}").json()["status"] for n in (1, 2, 3)]
    assert found == ["done", "not_confirmed", 404]


@pytest.mark.parametrize(
    ("path", "status"),
    [(PAUSE, 202), ("/v1/patients/p1/discharge", 409), ("/v1/patients/p2/pause", 409)],
)
def test_an_id_that_stood_for_another_command_is_refused(ward, path, status):
    """It would be ignored as a repetition, and shown as done."""
    done = m.CommandDone(id="c1", patient="p1", time=9.0, by="n", action="pauseaudio")
    with Store(ward / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        change.finish_command("c1", "p1", wire.pack(done))
    got = ask(ward, "POST", path, json={"by": "n", "id": "c1"})
    assert got.status_code == status
    if status == 409:
        assert (got.json()["code"], got.json()["field"]) == ("conflict", "id")


# ── Refusals ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "body", "line"),
    [
        (
            "/v1/patients/p2/admit",
            b'{"by": "nurse-7", "unit": "ICU", "bed": "3"}',
            ("nurse-7", "admit refused: occupied", "p2", "bed: p1 lies in ICU 3"),
        ),
        (
            "/v1/alarms/none/acknowledge",
            b'{"by": "nurse-7"}',
            ("nurse-7", "acknowledge refused: not_found", "", "none: no alarm none"),
        ),
        (
            PAUSE,
            b'{"by": "nurse-7", "seconds": 999}',
            (
                "nurse-7",
                "pauseaudio refused: out_of_range",
                "p1",
                "seconds: must be <= 180",
            ),
        ),
        (
            "/v1/patients/p1/limits",
            b'{"by": "nurse-7", "low": 120, "high": 60}',
            (
                "nurse-7",
                "setlimits refused: out_of_range",
                "p1",
                "low: low limit is not below high",
            ),
        ),
        (
            PAUSE,
            b'{"by": "n", "a\\u0000\\ud7ff": 1}',
            ("n", "pauseaudio refused: unknown_field", "p1", None),
        ),
        (PAUSE, b"{", ("", "pauseaudio refused: malformed", "p1", None)),
        (PAUSE, b" " * 20_000, ("", "pauseaudio refused: too_large", "p1", None)),
        (
            "/v1/patients/-x/discharge",
            b'{"by": "n"}',
            ("", "discharge refused: out_of_range", "", None),
        ),
    ],
)
def test_a_command_refused_over_http_stands_in_the_audit_trail(ward, path, body, line):
    """Who asked for what, for whom, and why not, as far as it can be known."""
    ((got,), _) = post(ward, (path, body))
    assert got.status_code in {404, 409, 413, 422}
    (found,) = trail(ward)
    assert found[:3] == line[:3]
    assert line[3] in {None, found[3]}
    assert "\0" not in found[3]


def test_who_has_no_credential_and_who_only_asks_leave_no_line(ward):
    """A stranger cannot write into the trail; a question is no command."""
    ((got,), _) = post(ward, (PAUSE, b'{"by": "n", "seconds": 999}'), token="right")
    assert got.status_code == 401
    assert ask(ward, "GET", "/v1/commands/none").status_code == 404
    assert trail(ward) == []


def test_a_flood_of_refusals_cannot_fill_the_store(ward):
    """The first hundred have a line; the others are counted, and refused all the same."""
    count = refusals.AT_ONCE + 20
    answers, unaudited = post(ward, *[(PAUSE, b"{")] * count)
    assert {got.status_code for got in answers} == {422}
    assert (len(trail(ward)), unaudited) == (refusals.AT_ONCE, 20)


def test_a_refusal_stands_though_the_audit_trail_cannot_be_written(ward, monkeypatch):
    """The client learns what was wrong with its command, not with our disk."""

    def fail(*_):
        raise StoreError("disk full")

    monkeypatch.setattr(Store, "audit", fail)
    ((got,), unaudited) = post(ward, (PAUSE, b"{"))
    assert (got.status_code, got.json()["code"], unaudited) == (422, "malformed", 1)
