"""`beatwire serve` as users start it: one command, two roles and simulated beds, ends cleanly."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from house import ROOT, Supervised, Watcher
from parts import missing

from ecg import messages as m


@pytest.fixture
def served(tmp_path):
    house = Supervised(tmp_path / "data")
    house.start("--simulate", "2")
    yield house
    if house.parent.poll() is None:
        house.stop()


def vitals(watcher: Watcher) -> int:
    return sum(isinstance(e, m.Vitals) for e in watcher.events)


def test_one_command_serves_simulated_beds_and_ends_on_ctrl_c(served):
    """Both beds are analysed; SIGINT ends every process, with status 0."""

    async def run() -> Watcher:
        async with Watcher(served.url, ("vitals",)) as watcher:
            await watcher.until(lambda: vitals(watcher) >= 6, 120)
        return watcher

    watcher = asyncio.run(run())
    assert {e.patient for e in watcher.events if isinstance(e, m.Vitals)} == {"demo-1", "demo-2"}
    children = [served.child(word) for word in ("gateway", "worker", "simulate")]
    served.parent.send_signal(signal.SIGINT)
    assert served.parent.wait(30) == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_a_role_that_dies_is_started_again(served):
    """The worker is killed; vitals come again, from where they stopped, each once."""

    async def run() -> Watcher:
        async with Watcher(served.url, ("vitals",)) as watcher:
            await watcher.until(lambda: vitals(watcher) >= 6, 120)
            os.kill(served.child("worker"), signal.SIGKILL)
            seen = vitals(watcher)
            await watcher.until(lambda: vitals(watcher) >= seen + 20, 120)
        return watcher

    watcher = asyncio.run(run())
    for patient in ("demo-1", "demo-2"):
        samples = [e.sample for e in watcher.events if getattr(e, "patient", "") == patient]
        assert samples == list(range(samples[0], samples[-1] + 1, 250))


def test_children_end_when_their_parent_is_killed(served):
    """SIGKILL of the supervisor leaves no orphan behind."""
    children = [served.child(word) for word in ("gateway", "worker", "simulate")]
    handles = [os.pidfd_open(pid) for pid in children]
    served.parent.kill()
    served.parent.wait()
    for handle in handles:
        os.set_blocking(handle, True)
        assert gone(handle)


def gone(handle: int, seconds: float = 20.0) -> bool:
    """Whether the process of a pidfd ends within `seconds`."""
    return bool(select.select([handle], [], [], seconds)[0])


@pytest.mark.timeout(600)
def test_the_wheel_works_in_an_empty_environment(tmp_path):
    """Built, installed with the locked requirements into a new environment, it serves and annotates."""
    python = tmp_path / "env" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)],
        check=True,
        cwd=tmp_path,
    )
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    found = subprocess.run([*pip, "-r", str(ROOT / "requirements/run.txt")], check=False)
    if found.returncode:
        missing("the locked requirements cannot be installed")
    (wheel,) = tmp_path.glob("beatwire-*.whl")
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    beatwire_command = tmp_path / "env" / "bin" / "beatwire"
    csv = tmp_path / "flat.csv"
    csv.write_text("II\n" + "0\n" * 5000)
    words = ["annotate", str(csv), "--rate", "250", "--output", str(tmp_path / "out")]
    subprocess.run([str(beatwire_command), *words], cwd=tmp_path, check=True)
    assert (tmp_path / "out" / "flat.bw").is_file()  # the server reads and writes every format
    house = Supervised(tmp_path / "data")
    command = [str(beatwire_command), "serve", "--folder", str(house.folder)]
    house.parent = subprocess.Popen([*command, "--port", str(house.port)], cwd=tmp_path)
    house.roles = {"serve": house.parent}
    house.wait_ready()
    assert house.get("/health") == {"status": "ok"}
    assert house.stop() == {"serve": 0}
