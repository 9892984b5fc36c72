"""Feedback over HTTP, on the real log and store."""

import asyncio
import time

import httpx
import pytest
from gateway_rig import alarm, ask, block, device, gateway, hello

from stream.store import Store

ALARM = "p1.s1.VTACH.250"
BEAT = {
    "type": "beat",
    "patient": "p1",
    "session": "s1",
    "sample": 120,
    "time": 1.7e9,
    "label": "V",
}
CODES = {"beat": BEAT, "alarm": {"type": "alarm", "id": ALARM}}


@pytest.fixture
def history(tmp_path):
    """A store with an alarm."""
    with Store(tmp_path / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        change.save_alarms([alarm(250)])
    return tmp_path


def post(folder, **fields):
    """Feedback of dr-2 about the alarm, unless told otherwise."""
    body = {"by": "dr-2", "verdict": "wrong", "about": CODES["alarm"]} | fields
    return ask(folder, "POST", "/v1/feedback", json=body)


def test_an_alarm_is_marked_false_with_a_note(history):
    """It is found again by the alarm, with what the alarm knows, and stands in the audit trail."""
    given = post(history, note="artefact")
    assert given.status_code == 201
    kept = given.json()
    assert (kept["patient"], kept["session"], kept["sample"]) == ("p1", "s1", 250)
    assert kept["id"].startswith("feedback-")
    for query in (f"alarm={ALARM}", "verdict=wrong&about=alarm", "patient=p1&by=dr-2", ""):
        found = ask(history, "GET", f"/v1/feedback?{query}").json()["feedback"]
        assert found == [kept]
    assert ask(history, "GET", "/v1/feedback?verdict=right").json() == {"feedback": []}
    (line,) = ask(history, "GET", "/v1/audit").json()["audit"]
    assert (line["who"], line["patient"]) == ("dr-2", "p1")
    assert line["detail"] == f"{ALARM} artefact"


def test_said_twice_is_said_once_and_an_id_stands_for_one_thing(history):
    """201, then 200 with the first answer; 409 for other content under the same id."""
    first, again = (post(history, id="f1", note="x") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = post(history, id="f1", verdict="right")
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert len(ask(history, "GET", "/v1/feedback").json()["feedback"]) == 1
    assert len(ask(history, "GET", "/v1/audit").json()["audit"]) == 1


@pytest.mark.parametrize(
    ("fields", "status", "code", "field"),
    [
        ({"about": {"type": "alarm", "id": "none"}}, 404, "not_found", "about.id"),
        ({"about": BEAT | {"label": "X"}}, 422, "out_of_range", "about.label"),
        ({"about": BEAT | {"sample": -1}}, 422, "out_of_range", "about.sample"),
        ({"about": {"type": "rhythm"}}, 422, "unknown_type", "about.type"),
        ({"verdict": "maybe"}, 422, "out_of_range", "verdict"),
        ({"about": {"type": "alarm", "id": "a\0"}}, 422, "out_of_range", "about.id"),
        ({"note": "x" * 257}, 422, "out_of_range", "note"),
        ({"wrong": 1}, 422, "unknown_field", "wrong"),
    ],
)
def test_feedback_that_cannot_be_taken(history, fields, status, code, field):
    """Problem details with the field; nothing is kept."""
    got = post(history, **fields)
    assert (got.status_code, got.json()["code"]) == (status, code)
    assert got.json()["field"] == field
    assert ask(history, "GET", "/v1/feedback").json() == {"feedback": []}


def test_a_beat_comes_with_the_signal_around_it(tmp_path):
    """From the sample log, as the device sent it; other patients' blocks and sessions do not."""

    async def scene():
        async with (
            gateway(tmp_path) as server,
            device(server) as bed,
            device(server) as other,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client,
        ):
            await bed.send(hello(), *(block(seq) for seq in range(6)))
            await other.send(hello("p2"), block(0, "p2"))
            await bed.durable(300)
            body = {
                "by": "n",
                "id": "f1",
                "verdict": "wrong",
                "about": BEAT | {"time": time.time()},
            }
            return (await client.post("/v1/feedback", json=body)).json()

    kept = asyncio.run(scene())
    assert (kept["label"], kept["sample"]) == ("V", 120)
    with Store(tmp_path / "store.db") as store:
        strip = store.feedback.strip("f1")
    assert (strip.first, strip.end) == (0, 120 + 750)
    assert [(one.patient, one.first) for one in strip.blocks] == [("p1", 50 * k) for k in range(6)]
    assert strip.blocks[3].payload == block(3).payload


def test_a_beat_whose_signal_is_gone_is_kept_without_it(tmp_path):
    """What somebody knows is worth keeping."""
    got = post(tmp_path, id="f1", about=BEAT)
    assert got.status_code == 201
    with Store(tmp_path / "store.db") as store:
        assert store.feedback.strip("f1") is None
