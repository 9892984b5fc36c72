"""The README's curl examples, run with curl against a real server."""

import json
import re
import shutil
import subprocess

import pytest
from house import ROOT, House
from parts import missing

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SERVER = "http://127.0.0.1:8000"


def examples():
    """Each shell command of the README that asks the server with curl, its lines joined."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = []
    for block in BLOCK.findall(text):
        joined = re.sub(r"(\\|\|)\n\s*", lambda m: m[1].replace("\\", " "), block)
        commands += [line for line in joined.splitlines() if "curl " in line]
    return commands


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A gateway; no example needs a worker."""
    if shutil.which("curl") is None:
        missing("curl is not installed")
    house = House(tmp_path_factory.mktemp("readme") / "data")
    house.start("gateway")
    yield house
    house.stop()


def test_the_readme_has_examples_of_every_way_to_ask():
    """One, explained, a batch, a file, the models."""
    text = "\n".join(examples())
    for path in (
        "/predict?",
        "contributions=true",
        "/predict/batch",
        "/predict/csv",
        "/model/info",
        "/upload",
        "/v1/upload",
    ):
        assert path in text


@pytest.mark.parametrize("command", [one for one in examples() if re.search("predict|model", one)])
def test_an_example_does_what_the_readme_says(server, command):
    """As it stands there, but for the port: it succeeds and gives verdicts without an error."""
    own = command.replace(SERVER, f"http://127.0.0.1:{server.port}").replace("curl ", "curl -f ")
    done = subprocess.run(
        ["sh", "-c", own], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    if "csv" in command:
        head, *rows = done.stdout.splitlines()
        assert head.startswith("line,probability")
        assert all(float(row.split(",")[1]) <= 1 for row in rows)
        assert rows
        return
    found = json.loads(done.stdout)
    if "model/info" in command:
        assert [model["name"] for model in found["models"]] == ["beat", "interval"]
    else:
        assert found["errors"] == []
        assert all(0 <= one["probability"] <= 1 for one in found["predictions"])
        assert found["predictions"]


@pytest.mark.parametrize("command", [one for one in examples() if "upload" in one])
def test_an_upload_does_what_the_readme_says(server, command, data_dir, tmp_path):
    """A record, a CSV file from a pipe, another lead without waiting: no error."""
    (tmp_path / "data").symlink_to(data_dir.resolve())
    own = command.replace(SERVER, f"http://127.0.0.1:{server.port}").replace("curl ", "curl -f ")
    done = subprocess.run(
        ["sh", "-c", own], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["url"] == f"/v1/uploads/{found['id']}"
    assert found["state"] in {"queued", "running", "done"}
