"""The committer: blocks of all devices in common appends, reports in order, failures told."""

import asyncio

import httpx
import pytest
from gateway_rig import COUNT, block, device, gateway, hello

from ecg import messages as m
from stream.gateway import committer
from stream.gateway.codes import Close
from stream.gateway.committer import Committer
from stream.gateway.metrics import Metrics
from stream.log import Entry, LogFull, SqliteLog
from stream.log.sqlite import GATEWAY_WRITES


class SlowLog:
    """A log whose appends end when the test says so, in whatever order."""

    def __init__(self) -> None:
        self.appends: list[tuple[list[str], asyncio.Future[int]]] = []
        self.grown = asyncio.Condition()

    async def append(self, _topic, entries):
        future = asyncio.get_running_loop().create_future()
        async with self.grown:
            self.appends.append(([entry.key for entry in entries], future))
            self.grown.notify_all()
        return await future

    async def wait(self, count: int) -> None:
        """Until so many appends have begun."""
        async with self.grown:
            await self.grown.wait_for(lambda: len(self.appends) >= count)


def scene(play):
    """Run `play(committer, log, reports)` with a committer on a slow log."""

    async def run():
        log, reports = SlowLog(), []
        made = Committer(log, Metrics())

        def add(*keys):
            for key in keys:
                made.add(Entry(key, b"x" * 10), lambda why, key=key: reports.append((key, why)))

        await play(made, log, add, reports)
        return reports

    return asyncio.run(run())


def test_what_comes_together_is_one_append():
    """Three devices, one commit."""

    async def play(made, log, add, _):
        add("a", "b", "c")
        await log.wait(1)
        log.appends[0][1].set_result(1)
        await made.drain()
        assert [keys for keys, _ in log.appends] == [["a", "b", "c"]]

    assert scene(play) == [("a", ""), ("b", ""), ("c", "")]


def test_reports_keep_the_order_of_the_appends_whichever_ends_first():
    """So the acknowledgements of a connection are in order."""

    async def play(made, log, add, reports):
        add("a")
        await log.wait(1)
        add("b")
        await log.wait(2)
        log.appends[1][1].set_result(2)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert reports == []
        log.appends[0][1].set_result(1)
        await made.drain()

    assert scene(play) == [("a", ""), ("b", "")]


def test_a_failed_append_is_told_to_its_own_entries_only():
    """The next one may succeed."""

    async def play(made, log, add, _):
        add("a")
        await log.wait(1)
        add("b")
        await log.wait(2)
        log.appends[0][1].set_exception(LogFull("no space"))
        log.appends[1][1].set_result(2)
        await made.drain()
        assert not made.failure

    assert scene(play) == [("a", "the log failed: no space"), ("b", "")]


def test_large_batches_are_divided_and_only_so_many_are_in_flight(monkeypatch):
    """The rest waits for its turn."""
    monkeypatch.setattr(committer, "MAX_BATCH", 2)
    monkeypatch.setattr(committer, "MAX_APPENDS", 2)

    async def play(made, log, add, _):
        add("a", "b", "c", "d", "e")
        await log.wait(2)
        assert [keys for keys, _ in log.appends] == [["a", "b"], ["c", "d"]]
        for number in range(3):
            await log.wait(number + 1)
            log.appends[number][1].set_result(number)
        await made.drain()

    assert [key for key, _ in scene(play)] == ["a", "b", "c", "d", "e"]


def test_devices_are_not_read_while_too_much_waits(monkeypatch):
    """Back-pressure: a bound on bytes, whoever sent them."""
    monkeypatch.setattr(committer, "MAX_BYTES", 25)

    async def play(made, log, add, _):
        add("a", "b")
        assert made.has_room
        add("c")
        assert not made.has_room
        await log.wait(1)
        log.appends[0][1].set_result(1)
        await made.room()
        await made.drain()
        assert made.has_room

    scene(play)


class FailingLog(SqliteLog):
    """A log that is full until it is told otherwise."""

    full = True

    async def append(self, topic, entries):
        if self.full:
            raise LogFull("no space left")
        return await super().append(topic, entries)


@pytest.mark.parametrize("text", [False, True])
def test_a_full_log_is_told_to_the_device_and_to_readiness_and_gets_well_again(tmp_path, text):
    """Nothing is acknowledged; the device reconnects with a back-off and resends."""
    log = FailingLog(tmp_path, GATEWAY_WRITES)

    async def ready(server):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            return (await client.get("/ready")).status_code

    async def play():
        async with gateway(tmp_path, log=log) as server:
            async with device(server, text=text) as peer:
                await peer.send(hello(), block())
                assert isinstance(await peer.receive(), m.Welcome)
                problem = await peer.receive()
                told = problem.code, await peer.closed(), await ready(server)
            log.full = False
            async with device(server, text=text) as peer:
                await peer.send(hello(), block())
                assert (await peer.receive()).durable == 0
                await peer.durable(COUNT)
                return told, await ready(server)

    assert asyncio.run(play()) == (("log_unavailable", Close.UNAVAILABLE, 503), 200)
