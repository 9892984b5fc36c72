"""The client for verdicts and `beatwire predict`, against a real gateway in a process of its own."""

import io
import json

import pytest
from house import House

from client.errors import RefusedError
from client.http import HttpClient
from client.predict import OPTIONS, Predictor
from inference.intervals.inputs import NAMES
from stream.cli import main

PERSON = {"Age": 65, "Gender": "M", "ECG_QTC_INTERVAL": 420.5, "ECG_QRS_DURATION": 98.2}
WORDS = ["--age", "65", "--gender", "M", "--qtc", "420.5", "--qrs", "98.2"]
CSV = b"Age;Sex;QTc;QRS\n65;M;420,5;98,2\nold;M;1;2\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A gateway that asks for a token."""
    house = House(tmp_path_factory.mktemp("predict") / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEATWIRE_TOKEN", "right")
        house.start("gateway")
    yield f"http://127.0.0.1:{house.port}"
    house.stop()


def test_one_a_batch_and_a_file_agree(url):
    """The same person, whichever way they are sent."""
    predictor = Predictor(url.replace("http", "ws"), "right")
    (one,) = predictor.one(PERSON)["predictions"]
    batch = predictor.batch([PERSON, {"Age": 5}], threshold=1.0)
    out = io.BytesIO()
    predictor.csv(io.BytesIO(CSV), out, form="application/json")
    found = json.loads(out.getvalue())
    assert batch["predictions"][0]["probability"] == one["probability"]
    assert batch["predictions"][0]["label"] == "normal"
    assert found["predictions"][0]["probability"] == one["probability"]
    assert [error["line"] for error in found["errors"]] == [3]
    assert "contributions" in predictor.one(PERSON, contributions=True)["predictions"][0]


def test_a_refusal_says_why(url):
    """Code and field of the server, and the status when another server answers."""
    with pytest.raises(RefusedError) as caught:
        Predictor(url, "right").one(PERSON | {"Age": 650})
    assert (caught.value.problem.code, caught.value.problem.field) == ("out_of_range", "Age")
    with pytest.raises(RefusedError) as caught:
        Predictor(url, "wrong").one(PERSON)
    assert caught.value.problem.code == "unauthorized"


def test_an_address_must_be_one():
    """Neither a file nor a word."""
    for url in ("file:///etc/passwd", "localhost", "http://"):
        with pytest.raises(ValueError, match="address"):
            HttpClient(url)


def test_options_are_the_apis_inputs():
    """Each of them, once."""
    assert tuple(name for name, _ in OPTIONS.values()) == NAMES


def test_the_command_prints_one_persons_verdict(url, capsys):
    """In words, as JSON, and with contributions."""
    base = ["predict", "--url", url, "--token", "right", *WORDS]
    assert main([*base, "--contributions"]) == 0
    said = capsys.readouterr().out
    assert "abnormal, probability" in said
    assert "ECG_QTC_INTERVAL" in said
    assert "not given: ECG_VENT_RATE" in said
    assert "Not a medical device" in said
    assert main([*base, "--json", "--rate", "70"]) == 0
    assert "ECG_VENT_RATE" not in json.loads(capsys.readouterr().out)["predictions"][0]["missing"]


def test_the_command_sends_a_file(url, tmp_path, capsysbinary):
    """The answer is CSV on standard output."""
    path = tmp_path / "people.csv"
    path.write_bytes(CSV)
    assert main(["predict", str(path), "--url", url, "--token", "right"]) == 0
    lines = capsysbinary.readouterr().out.splitlines()
    assert [line.split(b",")[0] for line in lines] == [b"line", b"2", b"3"]


def test_the_command_tells_what_is_wrong_in_one_line(url, tmp_path, capsys):
    """Nothing given, both given, refused, no server, no file."""
    assert main(["predict"]) == 2
    assert main(["predict", "x.csv", *WORDS]) == 2
    assert main(["predict", "--url", url, "--token", "right", "--age", "650"]) == 1
    assert main(["predict", "--url", "http://127.0.0.1:1", *WORDS]) == 1
    assert main(["predict", "--url", url, str(tmp_path / "none.csv")]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 5
    assert all(line.startswith("beatwire predict: ") for line in errors)
    assert "missing_field" in errors[2] or "out_of_range" in errors[2]
