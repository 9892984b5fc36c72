"""Verdicts over HTTP: one, a batch, a file; what is refused, what is bounded, what models say."""

import asyncio
import csv
import io

import httpx
import pytest
from gateway_rig import ask, gateway

from inference.intervals.classifier import IntervalClassifier, load
from inference.intervals.inputs import NAMES, REQUIRED
from inference.intervals.person import convert, matrix
from stream.gateway import predict, spool
from stream.gateway.verdicts import MAX_EXPLAINED, MAX_ROWS

ISSUE = {"Age": 65, "Gender": "M", "ECG_QTC_INTERVAL": 420.5, "ECG_QRS_DURATION": 98.2}
FASTER = ISSUE | {"ECG_VENT_RATE": 130}
HEAD = "Age;Sex;QTc;QRS\n"
ROWS = HEAD + "65;M;420,5;98,2\nold;M;1;2\n\n70;F;400;90\n"


@pytest.fixture(scope="module")
def classify():
    """The shipped model, asked directly."""
    return IntervalClassifier(load())


def probability(classify, person):
    return round(float(classify(matrix([convert(person)]))[0]), 6)


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_one_person_is_judged_and_what_is_missing_is_named(tmp_path, classify, prefix):
    """The issue's example, under both names; the label follows the threshold."""
    for threshold, label in ((0.0, "abnormal"), (1.0, "normal")):
        found = ask(tmp_path, "POST", f"{prefix}/predict?threshold={threshold}", json=ISSUE).json()
        (verdict,) = found["predictions"]
        assert verdict["probability"] == probability(classify, ISSUE)
        assert verdict["label"] == label
        assert verdict["missing"] == [name for name in NAMES if name not in REQUIRED]
        assert found["errors"] == []
        assert found["model"] == load().model_id


def test_contributions_add_up_to_the_verdict(tmp_path):
    """Base and what each given input added: the probability, to rounding."""
    found = ask(tmp_path, "POST", "/v1/predict?contributions=true", json=FASTER).json()
    (verdict,) = found["predictions"]
    parts = verdict["contributions"]
    assert set(parts["inputs"]) == set(FASTER)
    total = parts["base"] + sum(parts["inputs"].values())
    assert total == pytest.approx(verdict["probability"], abs=1e-5)
    assert max(parts["inputs"], key=parts["inputs"].get) == "ECG_VENT_RATE"


@pytest.mark.parametrize(
    ("query", "body", "code", "field"),
    [
        ("", b"{", "malformed", ""),
        ("", b'{"Age": 65}', "missing_field", "Gender"),
        ("", b'{"Age": 650}', "out_of_range", "Age"),
        ("", b'{"Age": "65"}', "wrong_type", "Age"),
        ("", b'{"Years": 65}', "unknown_field", "Years"),
        ("", b"[]", "wrong_type", ""),
        ("?threshold=1.5", b"{}", "out_of_range", "threshold"),
        ("?threshold=nan", b"{}", "out_of_range", "threshold"),
        ("/batch", b'{"data": 5}', "wrong_type", "data"),
        ("/batch", b'{"data": [], "threshold": 2}', "out_of_range", "threshold"),
        ("/batch", b'{"data": [], "limit": 2}', "unknown_field", "limit"),
        ("/batch", b"{}", "missing_field", "data"),
        ("/batch", b'{"data": [' + b"1," * MAX_ROWS + b"1]}", "out_of_range", "data"),
        (
            "/batch",
            b'{"contributions": true, "data": [' + b"1," * MAX_EXPLAINED + b"1]}",
            "out_of_range",
            "contributions",
        ),
    ],
)
def test_a_bad_request_gets_problem_details(tmp_path, query, body, code, field):
    """422 with code and field."""
    headers = {"content-type": "application/json"}
    got = ask(tmp_path, "POST", f"/v1/predict{query}", content=body, headers=headers)
    assert (got.status_code, got.headers["content-type"]) == (422, "application/problem+json")
    assert (got.json()["code"], got.json().get("field", "")) == (code, field)


@pytest.mark.parametrize(
    ("path", "size", "media", "status"),
    [
        ("", predict.MAX_ROW_BYTES + 1, "application/json", 413),
        ("/batch", predict.MAX_BATCH_BYTES + 1, "application/json", 413),
        ("", 9, "text/csv", 415),
        ("/batch", 9, "text/csv", 415),
        ("/csv", 9, "application/json", 415),
    ],
)
def test_size_and_media_type_of_a_body_are_checked(tmp_path, path, size, media, status):
    """With the status that HTTP has for it."""
    headers = {"content-type": media}
    got = ask(tmp_path, "POST", f"/v1/predict{path}", content=b" " * size, headers=headers)
    assert got.status_code == status


def test_a_batch_answers_the_good_rows_and_names_the_bad(tmp_path, classify):
    """By index, in order."""
    data = [ISSUE, ISSUE | {"Age": -1}, 5, FASTER]
    found = ask(tmp_path, "POST", "/predict/batch", json={"data": data, "threshold": 0.5}).json()
    assert [(one["index"], one["probability"]) for one in found["predictions"]] == [
        (0, probability(classify, ISSUE)),
        (3, probability(classify, FASTER)),
    ]
    assert [(e["index"], e["code"], e.get("field")) for e in found["errors"]] == [
        (1, "out_of_range", "Age"),
        (2, "wrong_type", None),
    ]


def test_a_full_batch_is_answered_row_for_row(tmp_path, classify):
    """10,000 people, each as if alone."""
    ages = [k % 100 for k in range(MAX_ROWS)]
    body = {"data": [ISSUE | {"Age": age} for age in ages]}
    found = ask(tmp_path, "POST", "/v1/predict/batch", json=body, timeout=60).json()
    alone = {age: probability(classify, ISSUE | {"Age": age}) for age in range(100)}
    assert [one["probability"] for one in found["predictions"]] == [alone[age] for age in ages]


def post_csv(folder, text, accept="*/*"):
    headers = {"content-type": "text/csv", "accept": accept}
    return ask(folder, "POST", "/v1/predict/csv", content=text, headers=headers)


def test_a_file_is_answered_as_csv_in_its_order(tmp_path, classify):
    """A line for each row: verdict or error."""
    got = post_csv(tmp_path, ROWS)
    assert got.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(got.text)))
    assert [line["line"] for line in lines] == ["2", "3", "5"]
    assert float(lines[0]["probability"]) == probability(classify, ISSUE)
    assert (lines[1]["label"], lines[1]["code"], lines[1]["field"]) == ("", "wrong_type", "Age")


def test_a_file_is_answered_as_json_when_asked(tmp_path, classify):
    """Predictions, then errors, with lines."""
    found = post_csv(tmp_path, ROWS, accept="application/json").json()
    first, last = found["predictions"]
    assert (first["line"], first["index"], first["probability"]) == (
        2,
        0,
        probability(classify, ISSUE),
    )
    assert (last["line"], last["index"]) == (5, 2)
    (error,) = found["errors"]
    assert (error["line"], error["index"], error["code"]) == (3, 1, "wrong_type")


@pytest.mark.parametrize("accept", ["text/csv", "application/json"])
def test_a_file_with_a_header_only_has_no_verdicts(tmp_path, accept):
    """Well-formed all the same."""
    got = post_csv(tmp_path, HEAD, accept)
    assert got.status_code == 200
    assert got.text.count("\n") == 1 or got.json()["predictions"] == got.json()["errors"] == []


def test_a_file_that_is_none_is_refused_as_a_whole(tmp_path):
    """422 with the code."""
    for text, code in ((b"", "malformed"), (bytes(99), "malformed"), (b"a,b\n", "missing_field")):
        got = post_csv(tmp_path, text)
        assert (got.status_code, got.json()["code"]) == (422, code)


def test_a_large_file_goes_through_the_disk_in_order(tmp_path):
    """Larger than what stays in memory, sent in pieces; every row has its line."""
    count = 2 * spool.IN_MEMORY // 16
    text = (HEAD + "65;M;420,5;98,2\n" * count).encode()

    async def pieces():
        for start in range(0, len(text), 65_536):
            yield text[start : start + 65_536]

    headers = {"content-type": "text/csv"}
    got = ask(
        tmp_path, "POST", "/v1/predict/csv", content=pieces(), headers=headers, timeout=60
    ).text.splitlines()
    assert len(got) == count + 1
    assert [line.partition(",")[0] for line in got[1:]] == [str(k) for k in range(2, count + 2)]


STALLED = (
    b"POST /v1/predict/csv HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
    b"Content-Length: 1000\r\n\r\nAge"
)


def test_files_at_once_are_bounded_and_silent_ones_give_way(tmp_path, monkeypatch):
    """The one too many is told to come again; one that stops coming is ended; then there is room."""
    monkeypatch.setattr(spool, "SILENT_SECONDS", 1.0)
    monkeypatch.setattr(spool, "MAX_FILES", 2)
    headers = {"content-type": "text/csv"}

    async def scene():
        async with (
            gateway(tmp_path) as server,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client,
        ):
            slow = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
            for _, writer in slow:
                writer.write(STALLED)
            heads = await asyncio.gather(*(reader.readuntil(b"\r\n\r\n") for reader, _ in slow))
            after = await client.post("/v1/predict/csv", content=ROWS, headers=headers)
            for _, writer in slow:
                writer.close()
            return heads, after

    heads, after = asyncio.run(scene())
    assert sorted(head.split()[1] for head in heads) == [b"408", b"408", b"429"]
    assert any(b"retry-after: 1" in head.lower() for head in heads)
    assert after.status_code == 200


def test_model_info_shows_both_models(tmp_path):
    """As their bundles have it; the limits of each input stand there."""
    for path in ("/model/info", "/v1/model/info"):
        beat, interval = ask(tmp_path, "GET", path).json()["models"]
        assert beat["name"] == "beat"
        assert interval["id"] == load().model_id
        assert interval["sha256"] == load().manifest.model_sha256
        assert interval["figures"]["unseen people"]["all measurements"]["roc_auc"] > 0.9
        age = next(one for one in interval["inputs"] if one["name"] == "Age")
        assert (age["low"], age["high"], age["unit"]) == (0, 120, "years")
        required = [one["name"] for one in interval["inputs"] if one.get("required", True)]
        assert required == list(REQUIRED)


def test_aliases_ask_for_the_token_too(tmp_path):
    """/predict is guarded as /v1/predict is."""
    for method, path in (("POST", "/predict"), ("POST", "/predict/csv"), ("GET", "/model/info")):
        got = ask(tmp_path, method, path, settings={"token": "right"})
        assert got.status_code == 401
