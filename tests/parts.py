"""Parts that a machine may lack: a test without its part is skipped on a user's, and fails in CI."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker import Broker, NoBrokerError


def missing(what: str) -> None:
    """Skip on a user's machine, fail in CI: a part that CI lacks must not pass unseen."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def run_node(script: Path, *words: Path) -> str:
    """What a JavaScript module prints, run by Node."""
    node = shutil.which("node")
    if node is None:
        missing(f"no node: {script.name} cannot be run")
    done = subprocess.run([node, script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def running_broker(folder: Path) -> Iterator[Broker]:
    """A broker in a folder, for a fixture."""
    try:
        broker = Broker(folder)
        broker.start()
    except NoBrokerError as error:
        missing(str(error))
    yield broker
    broker.stop()
