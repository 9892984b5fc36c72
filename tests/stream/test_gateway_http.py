"""Commands, queries and pages over HTTP, on the real log and store."""

import asyncio
import re

import httpx
import pytest
from gateway_rig import alarm, ask, beat, block, gateway, stored, subscriber, worker
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from ecg import messages as m
from ecg import wire
from ecg.types import Paced
from stream.engine.alarms import Book, Context
from stream.log import Entry, Topic
from stream.store import Audit, Store, Trend
from stream.worker.codec import kept_book


@pytest.fixture
def history(tmp_path):
    """A store with an alarm, a patient, a trend, and somebody's deed."""
    with Store(tmp_path / "store.db") as store:
        epoch = store.claim(0)
        with store.transaction(0, epoch) as change:
            change.save_alarms([alarm(250, strip=m.Strip(0, 50, (block(0),)), unit="ICU")])
            change.save_alarms([alarm(9000, patient="p2", kind="HR_HIGH", state="ended")])
            change.save_trends([Trend("p1", 100, 60.0, 70.0, 80.0, 70, 1, 0, 60.0)])
            change.admit(
                m.Admit(
                    id="c0",
                    patient="p1",
                    by="nurse",
                    at=5.0,
                    profile=m.Patient("p1", 1950, "F"),
                    location=m.Location("ICU", "3"),
                )
            )
            change.audit(Audit("c0", 5.0, "nurse", "admit", "p1"))
    return tmp_path


@pytest.mark.parametrize(
    ("path", "body", "command"),
    [
        (
            "/v1/alarms/p1.s1.VTACH.250/acknowledge",
            {"note": "seen"},
            m.Acknowledge(
                id="c1", patient="p1", by="n", at=0.0, alarm="p1.s1.VTACH.250", note="seen"
            ),
        ),
        (
            "/v1/patients/p1/acknowledge",
            {},
            m.Acknowledge(id="c1", patient="p1", by="n", at=0.0, alarm=""),
        ),
        (
            "/v1/patients/p1/acknowledge",
            {"seen": [{"alarm": "p1.s1.VTACH.250", "update_no": 3}]},
            m.Acknowledge(
                id="c1",
                patient="p1",
                by="n",
                at=0.0,
                alarm="",
                seen=(m.Taken("p1.s1.VTACH.250", 3),),
            ),
        ),
        (
            "/v1/patients/p1/pause",
            {"seconds": 60},
            m.PauseAudio(id="c1", patient="p1", by="n", at=0.0, seconds=60.0),
        ),
        (
            "/v1/patients/p1/limits",
            {"low": 45, "high": 130},
            m.SetLimits(id="c1", patient="p1", by="n", at=0.0, low=45.0, high=130.0),
        ),
        (
            "/v1/patients/p1/admit",
            {"unit": "ICU", "bed": "3", "birth_year": 1950, "sex": "F"},
            m.Admit(
                id="c1",
                patient="p1",
                by="n",
                at=0.0,
                profile=m.Patient("p1", 1950, "F"),
                location=m.Location("ICU", "3"),
            ),
        ),
        ("/v1/patients/p1/discharge", {}, m.Discharge(id="c1", patient="p1", by="n", at=0.0)),
    ],
)
def test_a_command_is_answered_202_and_stands_in_the_log_once(history, path, body, command):
    """Each of them, also when the client asks twice with the same id."""
    request = {"by": "n", "id": "c1"} | body

    async def scene():
        async with (
            gateway(history) as server,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client,
        ):
            return [await client.post(path, json=request) for _ in range(2)]

    for answer in asyncio.run(scene()):
        assert answer.status_code == 202
        assert answer.json() == {"id": "c1", "status": "/v1/commands/c1"}
    (logged,) = asyncio.run(stored(history, "ecg.commands"))
    assert logged.at > 1.7e9
    assert wire.to_json(logged).replace(str(logged.at).encode(), b"0.0") == wire.to_json(command)


def test_a_command_gets_an_id_when_the_client_gives_none(tmp_path):
    """And is not confirmed until the book's answer is there."""

    async def scene():
        async with (
            gateway(tmp_path) as server,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client,
        ):
            accepted = await client.post("/v1/patients/p1/pause", json={"by": "n"})
            return accepted.json(), (await client.get(accepted.json()["status"])).json()

    accepted, status = asyncio.run(scene())
    assert accepted["id"].startswith("cmd-")
    assert status == {"id": accepted["id"], "status": "not_confirmed"}


@pytest.mark.parametrize(("refused", "status"), [("", "done"), ("unknown_alarm", "refused")])
def test_a_command_is_done_or_refused_when_the_book_says_so(tmp_path, refused, status):
    """As the store has it, whichever gateway took the command."""
    done = m.CommandDone(id="c1", patient="p1", time=9.0, by="n", action="pause", refused=refused)
    with Store(tmp_path / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        change.finish_command("c1", "p1", wire.pack(done))
    got = ask(tmp_path, "GET", "/v1/commands/c1").json()
    assert (got["status"], got["by"], got["time"]) == (status, "n", 9.0)


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "field"),
    [
        ("/v1/patients/p1/pause", b"{", 422, "malformed", ""),
        ("/v1/patients/p1/pause", b'{"seconds": 5}', 422, "missing_field", "by"),
        ("/v1/patients/p1/pause", b'{"by": "n", "seconds": 999}', 422, "out_of_range", "seconds"),
        ("/v1/patients/p1/pause", b'{"by": "n", "wrong": 1}', 422, "unknown_field", "wrong"),
        ("/v1/patients/p1/pause", b'{"by": ""}', 422, "out_of_range", "by"),
        ("/v1/patients/p1/pause", b'{"by": "nurse\\u00007"}', 422, "out_of_range", "by"),
        ("/v1/patients/p1/pause", b'{"by": " \\t "}', 422, "out_of_range", "by"),
        ("/v1/patients/p1/pause", b'{"by": 5}', 422, "wrong_type", "by"),
        ("/v1/patients/p1/pause", b"\xff" * 9, 422, "malformed", ""),
        ("/v1/patients/p1/pause", b" " * 20_000, 413, "too_large", ""),
        ("/v1/patients/p1/admit", b'{"by": "n", "sex": "F\\n"}', 422, "out_of_range", "sex"),
        ("/v1/patients/-x/pause", b'{"by": "n"}', 422, "out_of_range", "patient"),
        (
            "/v1/patients/p1/limits",
            b'{"by": "n", "low": 120, "high": 60}',
            422,
            "out_of_range",
            "low",
        ),
        ("/v1/alarms/none/acknowledge", b'{"by": "n"}', 404, "not_found", ""),
        ("/v1/patients/p1/acknowledge", b'{"by": "n", "seen": []}', 422, "out_of_range", "seen"),
        (
            "/v1/patients/p1/acknowledge",
            b'{"by": "n", "seen": [{"alarm": "a"}]}',
            422,
            "missing_field",
            "seen[0].update_no",
        ),
        ("/v1/nowhere", b"", 404, "not_found", ""),
    ],
)
def test_a_bad_request_gets_problem_details(tmp_path, path, body, status, code, field):
    """RFC 9457, with the stable code and the field, and nothing is logged."""
    got = ask(tmp_path, "POST", path, content=body)
    assert got.headers["content-type"] == "application/problem+json"
    problem = got.json()
    assert (got.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem.get("field", "") == field
    assert asyncio.run(stored(tmp_path, "ecg.commands")) == []


def test_without_the_token_nothing_under_v1_is_answered(tmp_path):
    """401 with the scheme to use; health stays open to whoever watches the process."""
    for method, path in (("GET", "/v1/alarms"), ("POST", "/v1/patients/p1/pause")):
        got = ask(
            tmp_path,
            method,
            path,
            settings={"token": "right"},
            headers={"Authorization": "Bearer no"},
        )
        assert (got.status_code, got.json()["code"]) == (401, "unauthorized")
        assert got.headers["www-authenticate"] == "Bearer"
    right = {"Authorization": "Bearer right"}
    assert (
        ask(tmp_path, "GET", "/v1/alarms", settings={"token": "right"}, headers=right).status_code
        == 200
    )
    assert ask(tmp_path, "GET", "/health", settings={"token": "right"}).status_code == 200


def test_a_page_of_another_site_may_neither_command_nor_listen(tmp_path):
    """The browser says where a page comes from; other programs say nothing."""
    foreign = {"Origin": "http://evil.example"}
    path = "/v1/patients/p1/pause"
    got = ask(tmp_path, "POST", path, headers=foreign, json={"by": "n"})
    assert (got.status_code, got.json()["code"]) == (403, "foreign_origin")

    async def scene():
        async with gateway(tmp_path) as server:
            for stream in ("ingest", "subscribe"):
                url = f"ws://127.0.0.1:{server.port}/v1/{stream}"
                with pytest.raises(InvalidStatus, match="403"):
                    await connect(url, origin="http://evil.example")
                async with connect(url, origin=f"http://127.0.0.1:{server.port}"):
                    pass

    asyncio.run(scene())


def test_alarms_are_listed_by_filters_and_shown_with_their_strip(history):
    """The list spares the strip, one alarm has it."""
    both = ask(history, "GET", "/v1/alarms").json()["alarms"]
    assert [item["id"] for item in both] == ["p2.s1.VTACH.9000", "p1.s1.VTACH.250"]
    for query in ("patient=p1", "unit=ICU", "kind=VTACH&kind=VFIB", "open_only=true", "until=5"):
        (only,) = ask(history, "GET", f"/v1/alarms?{query}").json()["alarms"]
        assert (only["patient"], only["strip"]) == ("p1", None)
    one = ask(history, "GET", "/v1/alarms/p1.s1.VTACH.250").json()
    assert one["strip"]["blocks"][0]["leads"] == ["II"]
    assert ask(history, "GET", "/v1/alarms/none").json()["code"] == "not_found"
    assert ask(history, "GET", "/v1/alarms?limit=0").json()["field"] == "limit"


@pytest.mark.parametrize("path", ["/v1/alarms", "/v1/alarms.csv"])
def test_a_priority_is_asked_for_by_its_name_or_its_number(history, path):
    """The same list for both; another word is refused at its field."""
    for name, number in (("information", 0), ("low", 1), ("medium", 2), ("high", 3)):
        named, numbered = (
            ask(history, "GET", f"{path}?min_priority={asked}") for asked in (name, number)
        )
        assert (named.status_code, named.text) == (200, numbered.text)
        assert named.text.count("VTACH") > 0
    for wrong, code in (("urgent", "wrong_type"), ("4", "out_of_range")):
        problem = ask(history, "GET", f"{path}?min_priority={wrong}").json()
        assert (problem["code"], problem["field"]) == (code, "min_priority")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/alarms?unit=IC%00U", "unit.0"),
        ("/v1/alarms/a%00", "alarm"),
        ("/v1/burden?unit=%00", "unit"),
        ("/v1/patients?unit=%00", "unit"),
        ("/v1/audit?patient=p%00", "patient"),
        ("/v1/feedback?by=%00", "by"),
    ],
)
def test_a_question_that_postgresql_would_not_take_is_refused(tmp_path, path, field):
    """U+0000: the question is at fault, not the store."""
    problem = ask(tmp_path, "GET", path).json()
    assert (problem["status"], problem["code"], problem["field"]) == (422, "out_of_range", field)
    assert "pattern" in problem["limit"]


def test_patients_trends_and_the_audit_trail_are_read(history):
    """What the store has, in the API's words."""
    (patient,) = ask(history, "GET", "/v1/patients?unit=ICU").json()["patients"]
    assert (patient["id"], patient["bed"], patient["birth_year"]) == ("p1", "3", 1950)
    path = "/v1/patients/p1/trends?since=6000&until=6059"
    (minute,) = ask(history, "GET", path).json()["trends"]
    assert (minute["minute"], minute["rate_mean"]) == (100, 70.0)
    (deed,) = ask(history, "GET", "/v1/audit?patient=p1").json()["audit"]
    assert (deed["who"], deed["what"]) == ("nurse", "admit")


def test_who_is_monitored_without_an_admission_is_listed_with_limits(history):
    """The book that a worker kept a moment ago says where, by which limits and how paced.

    One that cannot be read is nobody's.
    """
    book = Book()
    place = Context("p9", "s1", 250.0, unit="ICU", bed="9")
    book.session(place, 0.0, profile=m.Patient("p9", paced=Paced.YES))
    book.arrived("p9", "s1", 25, 0.1)
    book.command(m.SetLimits(id="c9", patient="p9", by="n", at=0.0, low=45.0, high=130.0), 1.0)
    with Store(history / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        change.save_books({"p8": b"not a book"})
        change.save_books({"p9": kept_book(0, book.dump("p9"))})
    listed = ask(history, "GET", "/v1/patients?unit=ICU").json()["patients"]
    assert [(one["id"], one["bed"], one["monitored"]) for one in listed] == [
        ("p1", "3", False),
        ("p9", "9", True),
    ]
    assert (listed[1]["low"], listed[1]["high"], listed[1]["paced"]) == (45.0, 130.0, "yes")


@pytest.mark.parametrize("end", ["never streamed", "goodbye"])
def test_who_does_not_stream_is_not_monitored(tmp_path, end):
    """A command makes a book, and a session leaves one: nobody is watched by it."""
    book = Book()
    if end == "goodbye":
        book.session(Context("p9", "s1", 250.0), 0.0)
        book.arrived("p9", "s1", 25, 0.1)
        book.goodbye("p9", "s1", 0.2)
    book.command(m.PauseAudio(id="c9", patient="p9", by="n", at=0.0), 1.0)
    with Store(tmp_path / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        change.save_books({"p9": kept_book(0, book.dump("p9"))})
    assert ask(tmp_path, "GET", "/v1/patients").json()["patients"] == []


def test_health_ready_metrics_and_the_page(tmp_path):
    """What those who run the server ask."""
    assert ask(tmp_path, "GET", "/health").json() == {"status": "ok"}
    ready = ask(tmp_path, "GET", "/ready")
    assert (ready.status_code, ready.json()["log"], ready.json()["worker"]) == (200, "ok", "idle")
    counted = ask(tmp_path, "GET", "/metrics").text
    assert "beatwire_gateway_blocks_total 0" in counted
    for path in ("/", "/docs"):
        page = ask(tmp_path, "GET", path)
        assert "Not a medical device" in page.text
        for file in re.findall(r'"(/dashboard/[^"]+)"', page.text):
            served = ask(tmp_path, "GET", file)
            assert served.status_code == 200
            assert served.headers["cache-control"] == "no-cache"


def test_events_of_other_programs_that_cannot_be_read_do_not_stop_the_rest(tmp_path):
    """A broken record in the event log is stepped over."""

    async def scene():
        async with (
            worker(tmp_path) as work,
            gateway(tmp_path) as server,
            subscriber(server, "beats") as peer,
        ):
            await peer.receive()
            await work.log.append(Topic.EVENTS, [Entry("p1", b"\xc1 broken")])
            await work.publish(beat(7))
            return await peer.receive()

    assert asyncio.run(scene()).event == beat(7)
