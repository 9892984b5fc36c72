"""Uploads at the gateway: limits, queue, and what becomes of an analyser that dies or hangs.

The analyser is a few lines of Python here: it reports what the test wants, or nothing.
"""

import asyncio
import errno
import os
import re
import shutil
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from gateway_rig import ask, gateway

from stream.config import Settings
from stream.gateway import spool
from stream.gateway.uploads.analyser import Analyser
from stream.gateway.uploads.jobs import Uploads
from stream.gateway.uploads.receive import Form
from stream.uploads import Options

GOOD = """
import json, pathlib, sys
for line in sys.stdin:
    order = json.loads(line)
    folder = pathlib.Path(order["folder"])
    names = sorted(path.name for path in (folder / "source").iterdir())
    report = {"id": order["id"], "failure": {"code": "bad_value", "detail": " ".join(names)}}
    print(json.dumps({"id": order["id"], "seconds": 1.0, "total": 4.0}), flush=True)
    print(json.dumps(report | {"detail": order["options"]}), flush=True)
"""
DONE = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "done": True}), flush=True)
"""
DEAD = "import sys; sys.stdin.readline()"
SILENT = "import sys; sys.stdin.read()"
BABBLING = "import sys; sys.stdin.readline(); print('no report', flush=True); sys.stdin.read()"
NESTED = BABBLING.replace("'no report'", """'{"x":' + '[' * 5000""")
"""What comes is a RecursionError, of which no list of errors thinks."""
CSV = b"II\n1\n2\n"
RECORD = {"file": ("a.csv", CSV)}


@pytest.fixture
def analyser(monkeypatch):
    """Replaces the analyser's program."""

    def replace(program):
        def start(self, _model, _memory):
            self._command = [sys.executable, "-c", program]
            self._process = None

        monkeypatch.setattr(Analyser, "__init__", start)

    return replace


@asynccontextmanager
async def client(folder: Path, **settings):
    """A gateway and a client of it."""
    async with gateway(folder, **settings) as server:
        base = f"http://127.0.0.1:{server.port}"
        async with httpx.AsyncClient(base_url=base, timeout=30) as http:
            yield http


async def state(http, url, *wanted):
    """The upload once it is in one of these states; polls another process."""
    async with asyncio.timeout(20):
        while True:
            shown = (await http.get(url)).json()
            if shown["state"] in wanted:
                return shown
            await asyncio.sleep(0.01)


async def gone(http, url):
    """Until the upload is not known any more."""
    async with asyncio.timeout(20):
        while True:
            if (await http.get(url)).status_code == 404:
                return
            await asyncio.sleep(0.01)


def test_files_are_handed_over_under_safe_names_and_then_deleted(tmp_path, analyser):
    """Folders are cut off, the analyser sees what came, nothing of it stays."""
    analyser(GOOD)

    async def scene():
        async with client(tmp_path) as http:
            files = [("file", ("../../x/100.hea", b"h")), ("file", ("C:\\100 a;.dat", b"d"))]
            got = await http.post("/upload", files=files)
            left = [path.name for path in tmp_path.rglob("*.hea")]
            return got, left

    got, left = asyncio.run(scene())
    assert (got.status_code, got.json()["code"]) == (422, "bad_value")
    assert got.json()["detail"] == "100.hea 100_a_.dat"
    assert left == []


@pytest.mark.parametrize(("letter", "kept"), [("心", 65), ("é", 98), ("a", 196)])
def test_a_name_too_long_for_the_disk_is_cut_between_two_characters(
    tmp_path, analyser, letter, kept
):
    """200 bytes of UTF-8 stay, the end of the name, which says the format."""
    analyser(GOOD)
    files = {"file": (letter * 300 + ".csv", CSV)}
    got = ask(tmp_path, "POST", "/v1/upload", files=files)
    assert (got.status_code, got.json()["detail"]) == (422, letter * kept + ".csv")


@pytest.mark.parametrize(
    ("program", "code", "status"),
    [
        (DEAD, "analysis_crashed", 500),
        (BABBLING, "analysis_crashed", 500),
        (NESTED, "analysis_crashed", 500),
        (SILENT, "analysis_timeout", 503),
    ],
)
def test_an_analyser_that_dies_hangs_or_babbles_fails_its_own_upload(
    tmp_path, analyser, program, code, status
):
    """And the next upload has a new one."""
    analyser(program)

    async def scene():
        async with client(tmp_path, upload_seconds=1.0) as http:
            first = await http.post("/v1/upload", files=RECORD)
            second = await http.post("/v1/upload", files=RECORD)
            alive = await http.get("/health")
            return first, second, alive

    first, second, alive = asyncio.run(scene())
    for got in (first, second):
        assert (got.status_code, got.json()["code"]) == (status, code)
    assert alive.status_code == 200


@pytest.mark.parametrize(
    ("folder", "states"),
    [(r"source", ["done", "failed", "done"]), (r"[0-9a-f]{32}", ["done", "done", "done"])],
)
def test_files_that_cannot_be_removed_stop_no_other_upload(
    tmp_path, monkeypatch, caplog, analyser, folder, states
):
    """Uploaded ones, whose upload fails, or expired results: nobody waits for ever, the log says why."""
    analyser(DONE)
    remove = shutil.rmtree

    def fail_once(path, **named):
        if re.fullmatch(folder, path.name):
            monkeypatch.setattr(shutil, "rmtree", remove)
            raise RuntimeError("can't start new thread")
        remove(path, **named)

    async def scene():
        async with client(tmp_path, max_uploads_waiting=1, max_uploads_kept=1) as http:
            found = []
            for before in (remove, fail_once, remove):
                monkeypatch.setattr(shutil, "rmtree", before)
                made = await http.post("/v1/upload", files=RECORD, data={"wait": "0"})
                found.append(await state(http, made.json()["url"], "done", "failed"))
            return found

    found = asyncio.run(scene())
    assert [shown["state"] for shown in found] == states
    assert [shown["error"]["code"] for shown in found if "error" in shown] == [
        "analysis_crashed"
    ] * states.count("failed")
    assert "can't start new thread" in caplog.text


def test_the_queue_is_bounded_and_says_when_to_come_again(tmp_path, analyser):
    """429 with the limit; a deleted upload makes room."""
    analyser(SILENT)

    async def scene():
        async with client(tmp_path, max_uploads_waiting=2) as http:
            nowait = {"files": RECORD, "data": {"wait": "0"}}
            first = await http.post("/v1/upload", **nowait)
            second = await http.post("/v1/upload", **nowait)
            third = await http.post("/v1/upload", **nowait)
            running = await state(http, first.json()["url"], "running")
            behind = (await http.get(second.json()["url"])).json()
            early = await http.get(second.json()["url"] + "/result")
            await http.delete(first.json()["url"])
            gone = await http.get(first.json()["url"])
            await state(http, second.json()["url"], "running")
            fourth = await http.post("/v1/upload", **nowait)
            return first, third, running, behind, early, gone, fourth

    first, third, running, behind, early, gone, fourth = asyncio.run(scene())
    assert first.status_code == fourth.status_code == 202
    assert first.headers["location"] == first.json()["url"]
    assert (third.status_code, third.json()["code"]) == (429, "too_many_uploads")
    assert third.json()["limit"] == "2 uploads"
    assert int(third.headers["retry-after"]) > 0
    assert running["progress"] == 0.0
    assert (behind["state"], behind["ahead"]) == ("queued", 1)
    assert (early.status_code, early.json()["code"]) == (409, "not_done")
    assert gone.status_code == 404


def test_deleted_uploads_wait_no_more(tmp_path):
    """However many come and go while a long file is analysed; the others wait in order of submission."""

    async def scene():
        uploads = Uploads(Settings(folder=tmp_path))
        late, early = uploads.admit(), uploads.admit()
        uploads.submit(early, Options())
        for _ in range(100):
            job = uploads.admit()
            uploads.submit(job, Options())
            await uploads.drop(job)
        uploads.submit(late, Options())
        return uploads._queue == [early, late], uploads.ahead(early), uploads.ahead(late)

    assert asyncio.run(scene()) == (True, 0, 1)


def test_progress_is_the_share_that_is_analysed(tmp_path, analyser):
    """As the analyser's last report says, also of one that failed."""
    analyser(GOOD)

    async def scene():
        async with client(tmp_path) as http:
            made = await http.post("/v1/upload", files=RECORD, data={"wait": "0"})
            return await state(http, made.json()["url"], "failed")

    shown = asyncio.run(scene())
    assert (shown["error"]["code"], shown["progress"]) == ("bad_value", 0.25)
    assert shown["expires_at"] > shown["created_at"]


def test_results_are_kept_in_bounded_number(tmp_path, analyser):
    """The oldest go first."""
    analyser(GOOD)

    async def scene():
        async with client(tmp_path, max_uploads_kept=2) as http:
            urls = []
            for _ in range(3):
                made = await http.post("/v1/upload", files=RECORD, data={"wait": "0"})
                urls.append(made.json()["url"])
                await state(http, urls[-1], "failed")
            await gone(http, urls[0])  # which takes a moment after the last has failed
            return [(await http.get(url)).status_code for url in urls]

    assert asyncio.run(scene()) == [404, 200, 200]


def test_nothing_of_an_upload_survives_the_gateway(tmp_path, analyser):
    """Neither files nor the analyser's process."""
    analyser(SILENT)

    async def scene():
        async with client(tmp_path) as http:
            made = await http.post("/v1/upload", files=RECORD, data={"wait": "0"})
            await state(http, made.json()["url"], "running")

    asyncio.run(scene())
    assert not (tmp_path / "uploads").exists()


def test_a_disk_that_takes_no_upload_is_told_and_costs_no_place(tmp_path, monkeypatch, analyser):
    """503 each time, where the folder cannot be made and where a file cannot be written; then 422."""
    analyser(GOOD)

    async def scene():
        async with client(tmp_path, max_uploads_waiting=2) as http:
            (tmp_path / "uploads").write_text("in the way")
            barred = [await http.post("/v1/upload", files=RECORD) for _ in range(3)]
            (tmp_path / "uploads").unlink()
            with monkeypatch.context() as patch:
                patch.setattr(Form, "feed", full)
                crowded = [await http.post("/v1/upload", files=RECORD) for _ in range(3)]
            left = list((tmp_path / "uploads").glob("*"))
            return barred + crowded, left, await http.post("/v1/upload", files=RECORD)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    refused, left, after = asyncio.run(scene())
    assert {(got.status_code, got.json()["code"]) for got in refused} == {
        (503, "store_unavailable")
    }
    assert "No space left" in refused[-1].json()["detail"]
    assert left == []
    assert after.json()["code"] == "bad_value"  # it came to the analyser


STALLED = (
    b"POST /v1/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
    b"Content-Type: multipart/form-data; boundary=xyz\r\n\r\n--xyz\r\n"
)


def test_an_upload_that_stops_coming_gives_way(tmp_path, monkeypatch, analyser):
    """Silent ones take every place; they are ended with 408, and then there is room."""
    monkeypatch.setattr(spool, "SILENT_SECONDS", 0.5)
    analyser(GOOD)

    async def scene():
        async with gateway(tmp_path, max_uploads_waiting=2) as server:
            slow = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
            for _, writer in slow:
                writer.write(STALLED)
            async with asyncio.timeout(20):
                heads = [await reader.readuntil(b"\r\n\r\n") for reader, _ in slow]
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http:
                after = await http.post("/v1/upload", files=RECORD)
            for _, writer in slow:
                writer.close()
            return heads, after, list((tmp_path / "uploads").glob("*/source/*"))

    heads, after, left = asyncio.run(scene())
    assert sorted(head.split()[1] for head in heads) == [b"408", b"408", b"429"]
    assert after.json()["code"] == "bad_value"  # it came to the analyser
    assert left == []


@pytest.mark.parametrize(
    ("request_", "status", "code", "field"),
    [
        ({"json": {"x": 1}}, 415, "unsupported_media_type", ""),
        ({"data": {"rate": "250"}, "files": {"rate": (None, b"250")}}, 422, "mismatch", "rate"),
        ({"files": {"rate": (None, b"250")}}, 422, "missing_field", "file"),
        ({"files": RECORD, "data": {"rate": "fast"}}, 422, "wrong_type", "rate"),
        ({"files": RECORD, "data": {"rate": "0"}}, 422, "out_of_range", "rate"),
        ({"files": RECORD, "data": {"rate": "nan"}}, 422, "out_of_range", "rate"),
        ({"files": RECORD, "data": {"unit": "mmHg"}}, 422, "out_of_range", "unit"),
        ({"files": RECORD, "data": {"wait": "31"}}, 422, "out_of_range", "wait"),
        ({"files": RECORD, "data": {"speed": "1"}}, 422, "unknown_field", "speed"),
        ({"files": RECORD, "data": {"lead": "V" * 300}}, 422, "out_of_range", "lead"),
        ({"files": [("file", ("a", b""))] * 2}, 422, "mismatch", "file"),
        ({"files": [("file", (f"{k}", b"")) for k in range(17)]}, 422, "out_of_range", "file"),
        ({"files": {"file": ("a.csv", bytes(20_000))}}, 413, "too_large", "file"),
    ],
)
def test_a_bad_form_is_refused_with_field_and_code(tmp_path, request_, status, code, field):
    """Before anything is analysed; nothing of it stays on the disk."""

    async def scene():
        async with client(tmp_path, max_record_bytes=10_000) as http:
            got = await http.post("/v1/upload", **request_)
            return got, list((tmp_path / "uploads").glob("*"))

    got, left = asyncio.run(scene())
    assert (got.status_code, got.json()["code"], got.json().get("field", "")) == (
        status,
        code,
        field,
    )
    assert left == []


def test_a_body_that_ends_early_or_grows_too_large_leaves_nothing(tmp_path):
    """Without a length, the limit holds while it comes; the last boundary must be there."""
    boundary = "xyz"
    head = f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}

    async def endless(size):
        yield head.encode()
        for _ in range(size):
            yield bytes(1000)

    async def scene():
        async with client(tmp_path, max_record_bytes=100_000) as http:
            cut = await http.post("/v1/upload", content=endless(5), headers=headers)
            large = await http.post("/v1/upload", content=endless(200), headers=headers)
            return cut, large, list((tmp_path / "uploads").glob("*"))

    cut, large, left = asyncio.run(scene())
    assert (cut.status_code, cut.json()["code"]) == (422, "malformed")
    assert (large.status_code, large.json()["limit"]) == (413, "100000 bytes")
    assert left == []
