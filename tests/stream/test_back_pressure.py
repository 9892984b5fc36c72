"""Back-pressure end to end, on both logs: device, gateway, log, worker; a worker that stands still.

The same scenes run on embedded files and on a real broker. There a second partition has a worker of
its own, which does not stand still.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_rig import Peer, Server, block, device, gateway, goodbye, hello
from log_storages import KafkaStorage
from worker_rig import ENGINE, Width

from ecg import messages as m
from ecg import wire
from stream.engine.ward import Ward
from stream.gateway import held, pressure
from stream.gateway.codes import Close
from stream.log import Log, Reader, SqliteLog, Topic
from stream.log.sqlite import GATEWAY_WRITES, WORKER_WRITES
from stream.store import Store, StoreError
from stream.warm import warm
from stream.worker import worker as loop
from stream.worker.worker import Worker

pytestmark = [pytest.mark.timeout(120)]

SECOND = 250
HOLD = 2.0
"""An ACK that is not held back comes within half a second, and on a busy machine before this."""
PATIENCE = 30.0

Open = Callable[[frozenset[Topic]], Log]


def sqlite(request: pytest.FixtureRequest) -> Open:
    """A folder."""
    folder = request.getfixturevalue("tmp_path") / "log"
    return lambda writes: SqliteLog(folder, writes)


def kafka(request: pytest.FixtureRequest) -> Open:
    """Topics of two partitions."""
    return KafkaStorage(request.getfixturevalue("kafka"), partitions=2).log


KINDS = [sqlite, pytest.param(kafka, marks=pytest.mark.xdist_group("kafka"))]


@pytest.fixture(params=KINDS)
def open_log(request: pytest.FixtureRequest) -> Open:
    """Each kind of log in turn: opens another one on the same place."""
    return request.param(request)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks and tolerances of tenths of a second, so that a test takes seconds."""
    monkeypatch.setattr(pressure, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(held, "TOLERATED_SECONDS", 0.5)
    monkeypatch.setattr(loop, "LAG_SECONDS", 1.0)


class Halting(Ward):
    """A ward whose engine stands still while it is told to."""

    def __init__(self) -> None:
        super().__init__(Width())
        self.goes = threading.Event()
        self.goes.set()

    def push(self, *args: Any, **named: Any) -> Any:
        """Analyse, as soon as that is allowed."""
        assert self.goes.wait(PATIENCE)
        return super().push(*args, **named)


class Patient:
    """A device that sends seconds of signal when it is told to, and waits for their ACK."""

    def __init__(self, name: str, peer: Peer) -> None:
        self.name = name
        self.heartbeats = 0
        self._peer = peer
        self._numbers = itertools.count()

    async def send(self) -> float:
        """Send a second; how long its ACK took, in s."""
        first = next(self._numbers) * SECOND
        piece = block(patient=self.name, first=first, payload=bytes(2 * SECOND))
        begin = time.monotonic()
        await self._peer.send(piece)
        while True:
            message = wire.to_device.decode(await self._peer.socket.recv())
            self.heartbeats += isinstance(message, m.Heartbeat)
            if isinstance(message, m.Ack) and message.durable >= first + SECOND:
                return time.monotonic() - begin


@dataclass
class House:
    """A gateway, a worker for each partition, and a device on each: the first one may halt."""

    server: Server
    log: Log
    wards: list[Halting]
    patients: list[Patient]

    async def lag(self) -> float:
        """What the gateway says of it."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.server.port}") as client:
            lines = (await client.get("/metrics")).text.splitlines()
        name = "beatwire_gateway_analysis_lag_seconds "
        return float(next(line.removeprefix(name) for line in lines if line.startswith(name)))

    async def until_lag(self, least: float, most: float = 1e9) -> None:
        """Wait until the gateway knows of a lag in these bounds."""
        async with asyncio.timeout(PATIENCE):
            while not least <= await self.lag() <= most:
                pass

    async def alarms(self, patient: str) -> Reader:
        """A reader of what is told from now on."""
        partition = self.log.partition_of(Topic.ALARMS, patient)
        return self.log.reader(
            Topic.ALARMS, {partition: await self.log.end(Topic.ALARMS, partition)}
        )

    async def told(self, reader: Reader, phase: str) -> m.Alarm:
        """The next ANALYSIS_LAG in this phase, once it is in the log."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for record in await reader.poll(1, 1.0):
                    alarm = wire.events.decode(record.value)
                    if (alarm.kind, alarm.phase) == ("ANALYSIS_LAG", phase):
                        return alarm


@asynccontextmanager
async def house(open_log: Open, folder: Path) -> AsyncIterator[House]:
    """All of it at work, each device greeted and analysed."""
    warm(Ward(Width()))  # what is compiled now holds nobody up later
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            gateway(folder, log=open_log(GATEWAY_WRITES), hold_seconds=HOLD)
        )
        log = await stack.enter_async_context(open_log(WORKER_WRITES))
        store = stack.enter_context(Store(folder / "store.db"))
        partitions = await log.partitions(Topic.SAMPLES)
        made = House(server, log, [Halting() for _ in partitions], [])
        for partition, ward in zip(partitions, made.wards, strict=True):
            worker = Worker(log, store, ward, partition=partition, engine=ENGINE, every=10.0)
            stack.push_async_callback(ended, worker, asyncio.create_task(worker.run()))
            name = next(
                name for name in names() if log.partition_of("ecg.samples", name) == partition
            )
            peer = await stack.enter_async_context(device(server))
            await peer.send(hello(name))
            made.patients.append(Patient(name, peer))
            await made.patients[-1].send()
        await made.until_lag(0.0, 0.0)
        yield made


async def ended(worker: Worker, task: asyncio.Task[None]) -> None:
    """Let a worker end in order."""
    worker.stop()
    await task


def names() -> Iterator[str]:
    """Names of patients without end."""
    return (f"p{number}" for number in itertools.count())


def test_a_worker_that_stands_still_delays_acknowledgements_up_to_the_bound(open_log, tmp_path):
    """Not those of other partitions; heartbeats go on; ANALYSIS_LAG says how long; then all is prompt."""

    async def scene() -> None:
        async with house(open_log, tmp_path) as made:
            victim, others = made.patients[0], made.patients[1:]
            assert await victim.send() < HOLD
            await made.until_lag(0.0, 0.0)
            alarms, beats = await made.alarms(victim.name), victim.heartbeats
            made.wards[0].goes.clear()
            halted = time.monotonic()
            assert await victim.send() < HOLD, "a little lag is usual"
            await made.until_lag(held.TOLERATED_SECONDS + HOLD)
            for _ in range(2):
                assert HOLD <= await victim.send() < 2 * HOLD
                for other in others:
                    assert await other.send() < HOLD
            lasted = time.monotonic() - halted
            assert await made.lag() == pytest.approx(lasted, abs=1.0)
            assert victim.heartbeats - beats >= int(lasted) - 1
            made.wards[0].goes.set()
            alarm = await made.told(alarms, "start")
            assert alarm.value == pytest.approx(lasted, abs=1.0)
            await made.until_lag(0.0, 0.0)
            assert await victim.send() < HOLD
            await made.told(alarms, "end")

    asyncio.run(scene())


class Away(Store):
    """A store that is there, and does not answer this."""

    def positions(self, topic: str) -> dict[int, int]:
        """Fail as a database does that cannot be reached."""
        raise StoreError(f"no connection: {topic}")


def test_where_the_store_does_not_answer_acknowledgements_come_late_and_not_never(tmp_path):
    """No worker can commit then: nobody is known to be analysed."""

    async def scene() -> float:
        store = Away(tmp_path / "store.db")
        async with (
            gateway(tmp_path, store=store, hold_seconds=HOLD) as server,
            device(server) as peer,
        ):
            await peer.send(hello("p"))
            patient = Patient("p", peer)
            waits = [await patient.send() for _ in range(4)]
            await peer.send(goodbye(4 * SECOND, "p"))
            assert await peer.closed() == Close.NORMAL
            return waits[-1]

    assert HOLD <= asyncio.run(scene()) < 2 * HOLD
