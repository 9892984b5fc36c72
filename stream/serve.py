"""`beatwire serve`: gateway and worker, each a process of its own, on embedded files or Kafka.

The parent only watches: it starts the roles, starts one again that died, and ends them in order. A
role that dies again and again without a healthy minute is given up, and the others end with it.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

from stream.address import is_free
from stream.config import Settings
from stream.kernel_cache import is_empty
from stream.lifeline import SUPERVISED
from stream.log import LogInUse
from stream.log.chosen import check, open_log
from stream.store import Store

ROLES: Final = ("all", "gateway", "worker")
DEATHS: Final = 5
"""In a row: a role that died so often will not live the next time."""
HEALTHY_SECONDS: Final = 60.0
"""A role that lived for so long works: what it died of before counts no more."""
GRACE_SECONDS: Final = 10.0
UNFIT: Final = 2
"""Exit status for settings that cannot be, or a model: no further start would go better."""

_log = logging.getLogger("beatwire")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; each is also a variable BEATWIRE_<NAME>."""
    parser.add_argument("--role", choices=ROLES, default="all")
    parser.add_argument("--folder", type=Path, help="where log and store live (default: ./data)")
    parser.add_argument(
        "--store", metavar="URL", help="of the store (default: an SQLite file in the folder)"
    )
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 8000)")
    parser.add_argument("--token", help="credential that peers must show (default: none)")
    parser.add_argument(
        "--model",
        help="folder of a model bundle, or models:/NAME@ALIAS of an MLflow registry (default: shipped)",
    )
    parser.add_argument(
        "--leads", type=int, choices=(1, 2), help="of a patient that are analysed (default: 2)"
    )
    parser.add_argument(
        "--kafka", metavar="HOST:PORT", help="brokers that keep the log (default: files)"
    )
    parser.add_argument(
        "--member", metavar="NAME", help="a worker that keeps its patients while it is restarted"
    )
    parser.add_argument(
        "--simulate", type=int, default=0, metavar="BEDS", help="simulated beds too"
    )


def run(args: argparse.Namespace) -> int:
    """Run a role, or all of them; returns the exit status."""
    try:
        settings = chosen(args)
        check(settings)
        settings.folder.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        print(f"beatwire serve: {error}", file=sys.stderr)  # noqa: T201
        return UNFIT
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    if args.role == "gateway":
        return _gateway(settings)
    if args.role == "worker":
        from stream.worker.role import work  # noqa: PLC0415 - the gateway needs no engine

        try:
            asyncio.run(work(settings))
        except LogInUse as error:
            _log.error("%s: another server has the folder %s", error, settings.folder)
            return 1
        gc.freeze()  # or the last collections walk over all kernels for half a second
        return 0
    return _supervise(settings, args.simulate)


def chosen(args: argparse.Namespace) -> Settings:
    """The settings by environment and arguments.

    Raises:
        ValueError: one that cannot be.
    """
    names = {setting.name for setting in fields(Settings)}
    return Settings.load(**{name: value for name, value in vars(args).items() if name in names})


# ── Roles ─────────────────────────────────────────────────────────────────────────────────────


def _gateway(settings: Settings) -> int:
    """All network I/O with devices and people."""
    import uvicorn  # noqa: PLC0415 - the worker needs no web server

    from stream.gateway.app import create_app  # noqa: PLC0415
    from stream.gateway.ingest import uvicorn_options  # noqa: PLC0415

    log = open_log(settings, "gateway")
    with Store(settings.store_place) as store:
        app = create_app(settings, log, store)
        gc.collect()
        gc.freeze()  # the collector's walks over what start-up made would halt the loop for 10 ms
        uvicorn.run(
            app,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            **uvicorn_options(),
        )
    return 0


# ── Supervision ───────────────────────────────────────────────────────────────────────────────


@dataclass
class Lives:
    """How often in a row a role has died. Pure; `now` in seconds, and never goes back."""

    born: float = 0.0
    deaths: int = 0

    def begin(self, now: float) -> None:
        """It was started."""
        self.born = now

    def end(self, now: float) -> bool:
        """It has died; whether it is worth another start."""
        self.deaths = 1 if now - self.born >= HEALTHY_SECONDS else self.deaths + 1
        return self.deaths < DEATHS


@dataclass
class Child:
    """A role's process, and its lives."""

    role: str
    command: list[str]
    environ: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    lives: Lives = field(default_factory=Lives)

    def start(self, now: float) -> None:
        """Start it, in a process group of its own: a Ctrl-C is ours to pass on, in order.

        Its standard input is a pipe that nobody writes to: it closes when we die.
        """
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            self.command, env=self.environ, stdin=subprocess.PIPE, start_new_session=True
        )
        self.lives.begin(now)

    def revive(self, now: float) -> bool:
        """Start it again if it died; False when it would die again, or does too often."""
        assert self.process is not None
        if self.process.poll() is None:
            return True
        _log.error("%s ended with status %s", self.role, self.process.returncode)
        if self.process.returncode == UNFIT:
            return False
        if not self.lives.end(now):
            _log.error("%s died %d times in a row and is given up", self.role, DEATHS)
            return False
        self.start(now)
        return True

    def end(self) -> None:
        """Ask it to end; kill it when it does not within the grace period."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _supervise(settings: Settings, beds: int) -> int:
    """Start the roles and watch over them until a signal comes."""
    if not is_free(settings.host, settings.port):
        return UNFIT
    _announce(f"http://{settings.host}:{settings.port}")
    roles = list(children(settings, beds))
    with _until_signal() as ended:
        for child in roles:
            child.start(time.monotonic())
        alive = True
        while alive and not ended.wait(0.2):
            alive = all(child.revive(time.monotonic()) for child in roles)
    for child in reversed(roles):
        child.end()
    return 0 if alive else 1


def _announce(url: str) -> None:
    """Say where the server is, and why a first start shows no heart rates for a while."""
    print(f"Beatwire listens on {url}  (docs: {url}/docs)  Ctrl-C ends it.")  # noqa: T201
    kernels = os.environ.get("NUMBA_CACHE_DIR")
    if kernels and is_empty(Path(kernels)):
        print("The engine is compiled first, which takes up to two minutes, this once.")  # noqa: T201
    print("Not a medical device.", flush=True)  # noqa: T201


def children(settings: Settings, beds: int) -> Iterator[Child]:
    """What `serve` consists of; each gets all settings, by its environment."""
    environ = os.environ | settings.variables() | {SUPERVISED: "1"}
    for role in ("worker", "gateway"):
        yield Child(role, [*_beatwire(), "serve", "--role", role], environ)
    if beds:
        url = f"ws://{settings.host}:{settings.port}"
        # Names of its own: who simulates more beds beside these must not take their patients.
        named = ["--name", "demo", "--unit", "Demo"]
        command = [*_beatwire(), "simulate", "--beds", str(beds), "--url", url, *named, "--quiet"]
        yield Child("simulator", command, environ)


def _beatwire() -> Sequence[str]:
    return [sys.executable, "-m", "stream.cli"]


@contextlib.contextmanager
def _until_signal() -> Iterator[threading.Event]:
    """While this lasts, SIGINT and SIGTERM set the flag instead of interrupting."""
    ended = threading.Event()
    before = {n: signal.signal(n, lambda *_: ended.set()) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
