"""A real worker over the real log and store, a world of patients for it, and ways to crash it."""

import contextlib
import functools
import inspect
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ecg import messages as m
from ecg import wire
from ecg.errors import ModelError
from stream.engine.ward import Ward
from stream.log import Entry, SqliteLog, Topic
from stream.log.sqlite import GATEWAY_WRITES, WORKER_WRITES
from stream.store import Store
from stream.worker import codec
from stream.worker.worker import Worker

START = 1_700_000_000.0
ENGINE = "engine-1"
PARTITION = 0


class Width:
    """A classifier by width: V when the QRS is wider than 40 ms at half its height."""

    model_id = "width"

    def __call__(self, windows, contexts):
        shape = np.abs(windows[:, :96] - np.median(windows[:, :96], axis=1, keepdims=True))
        near = shape[:, 40:61]
        wide = (near > 0.5 * near.max(axis=1, keepdims=True)).sum(axis=1) > 5
        labels = np.where(wide, 2, 0).astype(np.int8)
        return labels, np.eye(5, dtype=np.float32)[labels]


class Broken(Width):
    """A model that fails while it is told to."""

    fails = False

    def __call__(self, windows, contexts):
        if self.fails:
            raise ModelError("model_output", "not finite")
        return super().__call__(windows, contexts)


# ── Crashes ───────────────────────────────────────────────────────────────────────────────────


class CrashError(Exception):
    """The process is gone."""


class Fuse:
    """Counts the points at which a process may die, and lets it die at the `at`th."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.points = 0

    def burn(self) -> None:
        """One more point."""
        self.points += 1
        if self.points == self.at:
            raise CrashError


class Fused:
    """Anything, with a point before and after each call of it."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name == "reader":
            return lambda *args: Fused(value(*args), self._fuse)
        if name == "transaction":
            return functools.partial(self._transaction, value)
        if name in {"position", "seek", "history"} or not callable(value):
            return value
        return self._awaited(value) if inspect.iscoroutinefunction(value) else self._called(value)

    def _called(self, work):
        def fused(*args, **named):
            self._fuse.burn()
            result = work(*args, **named)
            self._fuse.burn()
            return result

        return fused

    def _awaited(self, work):
        async def fused(*args, **named):
            self._fuse.burn()
            result = await work(*args, **named)
            self._fuse.burn()
            return result

        return fused

    @contextlib.contextmanager
    def _transaction(self, begin, *args) -> Iterator[Any]:
        self._fuse.burn()
        with begin(*args) as tx:
            yield tx
            self._fuse.burn()
        self._fuse.burn()


# ── The house ─────────────────────────────────────────────────────────────────────────────────


class House:
    """Log, store and clock; workers come and go."""

    def __init__(self, folder: Path, log: SqliteLog, store: Store) -> None:
        self.folder = folder
        self.log = log
        self.store = store
        self.now = START

    async def put(self, now: float, *messages: Any, topic: str = Topic.SAMPLES) -> None:
        """The gateway appends at this time."""
        self.now = now
        entries = [m_ if isinstance(m_, Entry) else entry(m_) for m_ in messages]
        await self.log.append(topic, entries)

    def worker(self, fuse: Fuse | None = None, classifier: Any = None, **named: Any) -> Worker:
        """A fresh process."""
        ward = named.pop("ward", None) or Ward(classifier or Width())
        named = {"engine": ENGINE, "every": 10.0, "clock": lambda: self.now, **named}
        log: Any = Fused(self.log, fuse) if fuse else self.log
        store: Any = Fused(self.store, fuse) if fuse else self.store
        return Worker(log, store, ward, **named)

    async def published(self, topic: str) -> list[Any]:
        """Everything in a topic of the worker's, in order."""
        reader = self.log.reader(topic, await self.log.begin(topic))
        form = wire.rejected if topic == Topic.REJECTED else wire.events
        return [form.decode(r.value) for r in await reader.poll(100_000, 0)]

    async def alarms(self, kind: str = "", patient: str = "") -> list[m.Alarm]:
        """Published alarms."""
        found = await self.published(Topic.ALARMS)
        return [a for a in found if kind in {"", a.kind} and patient in {"", a.patient}]

    async def outcome(self) -> dict[str, Any]:
        """All that the outside sees, without the wall clock's times; each once."""
        events = await self.published(Topic.EVENTS) + await self.published(Topic.ALARMS)
        ids = [codec.event_id(event) for event in events]
        assert len(ids) == len(set(ids)), "published twice"
        found: dict[str, Any] = {}
        for event in events:
            place = f"{event.patient} {type(event).__name__}"
            found.setdefault(place, []).append(timeless(event))
        return found

    def kept(self) -> dict[str, Any]:
        """All that the store holds of the world, without the wall clock's times."""
        patients = sorted(self.store.load(PARTITION).books)
        return {
            "positions": self.store.load(PARTITION).positions,
            "trends": {p: self.store.history.trends(p, 0, 2**40) for p in patients},
            "alarms": [timeless(alarm) for alarm in self.store.history.alarms()],
            "audit": [(line.id, line.what) for line in self.store.history.audit()],
        }


def mind(worker: Worker) -> dict[str, tuple[bytes, bytes]]:
    """Everything that a worker knows of each patient: engine and book."""
    ward = worker._ward
    return {p: (ward.save(p), ward.book.dump(p)) for p in sorted(ward.book.patients())}


def timeless(event: Any) -> Any:
    """Without the times that a wall clock gives."""
    if isinstance(event, m.Alarm):
        return msgspec.structs.replace(event, published_at=None)
    return event


def entry(message: Any) -> Entry:
    """A message as the gateway appends it."""
    patient = message.patient.id if isinstance(message, m.Hello) else message.patient
    return Entry(patient, wire.pack(message))


@contextlib.asynccontextmanager
async def house(
    folder: Path, like: Path | None = None, place: str | Path = ""
) -> AsyncIterator[House]:
    """Open a house in a folder, or a copy of what lies in another one; its store may lie elsewhere."""
    if like is not None:
        shutil.copytree(like, folder, dirs_exist_ok=True)
    clock = [START]
    with Store(place or folder / "store.db", clock=lambda: clock[0]) as store:
        writes = GATEWAY_WRITES | WORKER_WRITES
        made: list[House] = []
        log = SqliteLog(
            folder, writes, clock=lambda: round((made[0].now if made else START) * 1000)
        )
        async with log:
            made.append(House(folder, log, store))
            yield made[0]


async def work(worker: Worker, turns: int = 10_000) -> Any:
    """Take over and turn until nothing is left to read, one turn after that, or so many."""
    samples, commands = await worker.take_over()
    await go_on(worker, samples, commands, turns)
    return samples, commands


async def go_on(worker: Worker, samples: Any, commands: Any, turns: int = 10_000) -> None:
    """Turn until nothing is left to read, and one turn after that, or so many."""
    idle = 0
    for _ in range(turns):
        before = samples.position(), commands.position()
        await worker.turn(samples, commands)
        idle = idle + 1 if (samples.position(), commands.position()) == before else 0
        if idle and not worker._held:
            return


async def live(made, worker, sources, until: float, begin: float = 0.0, readers=None):
    """Send what sources have, second by second, and let the worker turn each second."""
    readers = readers or await worker.take_over()
    for second in range(round(begin) + 1, round(until) + 1):
        for source in sources:
            for at, block in source:
                if second - 1 < at - START <= second:
                    await made.put(at, block)
        made.now = START + second
        await worker.turn(*readers)
    return readers


def compare(found: Any, expected: Any, place: str = "") -> None:
    """Assert equality, saying where the first difference is."""
    if isinstance(expected, dict):
        assert sorted(found) == sorted(expected), place
        for name, value in expected.items():
            compare(found[name], value, f"{place} {name}")
    elif isinstance(expected, list | tuple):
        for number, (one, other) in enumerate(zip(found, expected, strict=False)):
            compare(one, other, f"{place}[{number}]")
        assert len(found) == len(expected), place
    else:
        assert found == expected, f"{place}: {found} is not {expected}"
