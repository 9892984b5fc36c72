"""schemathesis reads the OpenAPI document of a running gateway and asks accordingly, every check on.

Whoever adds a route reads "A route" in CONTRIBUTING.md.
"""

import subprocess
import sys
from pathlib import Path

from house import ROOT, House

from stream.gateway.queries import ALARM
from stream.store import Store

TOKEN = "right"
EXAMPLES = 25
"""For each route and phase: about 1000 requests in all, 10 s."""


def test_schemathesis_finds_no_failure(tmp_path, monkeypatch):
    """Statuses, schemas, media types, bad data refused, good data taken, nothing without the token."""
    monkeypatch.setenv("BEATWIRE_TOKEN", TOKEN)
    subprocess.run([sys.executable, "-m", "stream.warm"], cwd=ROOT, check=True)  # for uploads
    house = House(tmp_path / "data")
    house.folder.mkdir()
    with Store(house.folder / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        change.save_alarms([ALARM])  # that of the document's examples
    house.start("gateway")
    try:
        done = schemathesis(house, tmp_path)
    finally:
        house.stop()
    assert done.returncode == 0, done.stdout


def schemathesis(house: House, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command, on our configuration; what it leaves behind stays in `folder`."""
    config = Path(__file__).with_name("schemathesis.toml")
    command = [
        *(Path(sys.executable).with_name("schemathesis"), "--config-file", config),
        *("run", f"http://127.0.0.1:{house.port}/openapi.json"),
        *("--header", f"Authorization: Bearer {TOKEN}"),
        *("--max-examples", EXAMPLES, "--seed", 1, "--generation-database", "none"),
        "--no-color",
    ]
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
