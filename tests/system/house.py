"""A real server for tests: gateway and worker as processes of their own, that can be killed."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any, Self

from client.subscriber import Subscriber
from ecg import messages as m

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 240.0
"""The first start on a machine compiles the engine."""


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def beatwire(
    *words: object, output: IO[bytes] | None = None, **environ: str
) -> subprocess.Popen[bytes]:
    """Start a subcommand as users do; what it logs goes to `output`, if it is given."""
    command = [sys.executable, "-m", "stream.cli", *map(str, words)]
    env = os.environ | bytecode() | environ
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)


def bytecode() -> dict[str, str]:
    """The environment in which a process finds its libraries compiled, as pip and the image install them.

    Where Python is told not to write bytecode beside its sources, each start would compile them all: a worker takes
    3 s longer then. So it is kept elsewhere.
    """
    if not sys.dont_write_bytecode:
        return {}
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "beatwire" / "bytecode"
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder)}


class House:
    """Gateway and worker over one folder, with more settings if the environment is to have some."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.environ = environ
        self.port = free_port()
        self.roles: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def start(self, *roles: str) -> None:
        """Start roles (both, when none is named) and wait until they work."""
        for role in roles or ("gateway", "worker"):
            words = ("serve", "--role", role, "--folder", self.folder, "--port", self.port)
            self.roles[role] = beatwire(*words, **self.environ)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Until the gateway answers; it says so itself, so this polls a socket, not a clock."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._answers():
                return
            for role, process in self.roles.items():
                assert process.poll() is None, f"{role} ended with {process.returncode}"
            time.sleep(0.02)  # between two looks at another process
        raise AssertionError("the gateway did not come up")

    def _answers(self) -> bool:
        try:
            self.get("/health")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True

    def kill(self, *roles: str) -> None:
        """End roles by SIGKILL: nothing is flushed, nothing is said."""
        for role in roles:
            os.kill(self.roles[role].pid, signal.SIGKILL)
        for role in roles:
            self.roles.pop(role).wait()

    def stop(self) -> dict[str, int]:
        """End everything in order; exit statuses by role."""
        for process in self.roles.values():
            process.terminate()
        return {role: process.wait(30) for role, process in self.roles.items()}

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return post(f"http://127.0.0.1:{self.port}{path}", body)


def post(url: str, body: dict[str, Any]) -> Any:
    """Send JSON; the answer."""
    head = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), head)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


class Supervised(House):
    """A house whose roles are children of `beatwire serve`."""

    def start(self, *words: str) -> None:
        self.parent = beatwire("serve", "--folder", self.folder, "--port", self.port, *words)
        self.roles = {"serve": self.parent}
        self.wait_ready()

    def child(self, word: str) -> int:
        """Process id of the child whose command line has `word`."""
        pid = self.parent.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        lines = {int(c): Path(f"/proc/{c}/cmdline").read_bytes().split(b"\0") for c in children}
        return next(c for c, words in lines.items() if word.encode() in words)


class Watcher:
    """Collects what a subscriber is told, across reconnects, and waits for things to happen."""

    def __init__(self, url: str, channels: tuple[str, ...] = ("alarms", "beats", "vitals")) -> None:
        self.events: list[m.Message] = []
        self.times: list[float] = []
        self._url = url
        self._channels = channels
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._collect())
        await self.until(lambda: self.connected, 60)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    connected = False

    async def _collect(self) -> None:
        async for item in Subscriber(self._url, channels=list(self._channels)):
            async with self._news:
                self.connected = True
                found = [item.event] if isinstance(item, m.Event) else []
                self.events += found
                self.times += [time.time()] * len(found)
                self._news.notify_all()

    async def until(self, true: Any, seconds: float) -> None:
        """Wait until `true()`, which is asked after each event."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(true)

    def beats(self, patient: str) -> list[m.Beat]:
        return [e for e in self.events if isinstance(e, m.Beat) and e.patient == patient]

    def alarms(self, patient: str, kind: str = "") -> list[m.Alarm]:
        return [
            e
            for e in self.events
            if isinstance(e, m.Alarm) and e.patient == patient and kind in {"", e.kind}
        ]
