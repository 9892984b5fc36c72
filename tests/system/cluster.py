"""A cluster for tests: gateways and workers as processes over a real broker and a real PostgreSQL."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from house import START_SECONDS, beatwire, free_port

PARTITIONS = 4
SESSION_SECONDS = 6.0
"""The least that a broker takes by default."""
READY = "took over partition"


class Cluster:
    """Processes by name; each can be stopped, killed, halted and started again.

    Args:
        kafka: host:port of a broker.
        store: URL of an empty store.
        folder: for the processes' logs.
    """

    def __init__(self, kafka: str, store: str, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.environ = {
            "BEATWIRE_KAFKA": kafka,
            "BEATWIRE_KAFKA_PREFIX": f"{folder.name}-",
            "BEATWIRE_STORE": store,
            "BEATWIRE_FOLDER": str(folder / "data"),
            "BEATWIRE_SESSION_SECONDS": str(SESSION_SECONDS),
        }
        self.ports: dict[str, int] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def make_topics(self) -> None:
        """As an operator does, once."""
        process = beatwire("topics", "create", "--partitions", PARTITIONS, **self.environ)
        assert process.wait(60) == 0

    def gateway(self, name: str) -> None:
        """Start a gateway, on the port that it had before, and wait until it answers."""
        port = self.ports.setdefault(name, free_port())
        self._start(name, "gateway", "--port", port)
        self.wait(lambda: answers(port), name)

    def worker(self, name: str, *words: object, wait: bool = True) -> None:
        """Start a worker, and wait until it has a partition."""
        before = self.taken(name)
        self._start(name, "worker", *words)
        if wait:
            self.wait(lambda: self.taken(name) > before, name)

    def said(self, name: str) -> str:
        """What a process has logged."""
        path = self._log(name)
        return path.read_text() if path.exists() else ""

    def taken(self, name: str) -> int:
        """How often a worker took a partition over."""
        return self.said(name).count(READY)

    def stop(self, *names: str) -> None:
        """End processes in order; each must say that all is well."""
        for name in names:
            self._processes[name].terminate()
        for name in names:
            status = self._processes.pop(name).wait(30)
            assert status in {0, -signal.SIGTERM}, name  # uvicorn ends by the signal that it took

    def kill(self, name: str) -> None:
        """End one by SIGKILL."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    @contextlib.contextmanager
    def halted(self, name: str) -> Iterator[None]:
        """One stands still while this lasts, by SIGSTOP."""
        self._processes[name].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._processes[name].send_signal(signal.SIGCONT)

    def cpu(self, name: str) -> float:
        """Seconds of CPU that a process has used, whoever else has used the cores meanwhile."""
        status = Path(f"/proc/{self._processes[name].pid}/stat").read_text().rsplit(")", 1)[1]
        return sum(map(int, status.split()[11:13])) / os.sysconf("SC_CLK_TCK")

    @property
    def workers(self) -> list[str]:
        """Those that run."""
        return sorted(name for name in self._processes if name not in self.ports)

    def alive(self, name: str) -> bool:
        """Whether a process runs."""
        return self._processes[name].poll() is None

    def end(self) -> None:
        """End everything, whatever it is doing."""
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()
            process.wait()

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _start(self, name: str, role: str, *words: object) -> None:
        with self._log(name).open("ab") as log:
            self._processes[name] = beatwire(
                "serve", "--role", role, *words, output=log, **self.environ
            )

    def wait(self, true: Callable[[], bool], name: str) -> None:
        """Until something is true that `name`, which must live, is to do."""
        end = time.monotonic() + START_SECONDS
        while not true():
            assert self.alive(name), f"{name} ended: {self.said(name)[-2000:]}"
            assert time.monotonic() < end, f"{name} does not come up"
            time.sleep(0.05)  # between two looks at another process


def answers(port: int) -> bool:
    """Whether a gateway says that it lives."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


class Balancer:
    """What stands before gateways: a port that leads to the first one that takes a connection."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    @property
    def url(self) -> str:
        """For clients."""
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        task.add_done_callback(self._links.discard)
        for port in self._ports:
            with contextlib.suppress(OSError):
                there, back = await asyncio.open_connection("127.0.0.1", port)
                await _both(_pump(reader, back), _pump(there, writer))
                return
        writer.close()


async def _both(*pumps: object) -> None:
    """Until one direction ends; then the other does too."""
    tasks = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
    finally:
        sink.close()
