"""The gateway's own tasks outlive a log that fails, or the process ends with them."""

import asyncio
import logging
import signal

import pytest
from gateway_rig import alarm, block, device, gateway, hello, subscriber, worker

from stream.gateway import hub
from stream.gateway.cursor import Cursor
from stream.gateway.follow import Follower
from stream.gateway.others import TRIES, Others
from stream.gateway.replay import Stretch
from stream.log import LogCorrupt, LogError, LogReadOnly, LogUnavailable, SqliteLog, Topic
from stream.log.sqlite import GATEWAY_WRITES

FAILURES = [
    LogError("disk I/O error"),
    LogReadOnly("the cluster does not let us"),
    LogCorrupt("malformed"),
    LogUnavailable("no answer"),
]


class Ailing(SqliteLog):
    """A log of which reading a topic fails, as often as there are failures left."""

    def __init__(self, folder, topic, *failures):
        super().__init__(folder, GATEWAY_WRITES)
        self.topic, self.failures = topic, [*failures]

    def reader(self, topic, position=0):
        """A reader of the topic, which may be the ailing one."""
        reader = super().reader(topic, position)
        if topic == self.topic:
            sound = reader.poll

            async def poll(max_records, timeout_s):
                if self.failures:
                    raise self.failures.pop(0)
                return await sound(max_records, timeout_s)

            reader.poll = poll
        return reader


@pytest.fixture
def soon(monkeypatch):
    """No pause between two attempts, and a watch that looks often."""
    monkeypatch.setattr("stream.gateway.follow.AWAY_SECONDS", 0.0)
    monkeypatch.setattr(hub, "MONITOR_SECONDS", 0.01)


@pytest.mark.usefixtures("soon")
def test_an_alarm_arrives_although_the_log_failed_before(tmp_path, caplog):
    """However it failed; each time is in the server's log."""

    async def scene():
        log = Ailing(tmp_path, Topic.ALARMS, *FAILURES)
        async with (
            worker(tmp_path) as work,
            gateway(tmp_path, log=log) as server,
            subscriber(server, "alarms") as peer,
        ):
            await peer.receive()
            await work.publish(alarm(1))
            return (await peer.receive()).event

    assert asyncio.run(scene()) == alarm(1)
    assert [r.getMessage() for r in caplog.records][:4] == [str(each) for each in FAILURES]


@pytest.mark.usefixtures("soon")
def test_a_patient_whom_nobody_analyses_is_told_although_the_log_fails(tmp_path, monkeypatch):
    """Nothing new can be followed: who follows already hears of it."""
    monkeypatch.setattr("stream.gateway.monitor.VITALS_SECONDS", 0.1)
    monkeypatch.setattr("stream.gateway.monitor.HOLD_SECONDS", 0.05)

    async def fails(*_):
        raise LogError("disk I/O error")

    async def scene():
        async with (
            gateway(tmp_path) as server,
            subscriber(server, "alarms") as peer,
            device(server) as source,
        ):
            await peer.receive()
            monkeypatch.setattr(Follower, "cover", fails)
            await source.send(hello(), block(payload=bytes(2 * 750)))
            return (await peer.receive()).event

    assert asyncio.run(scene()).kind == "NOT_MONITORED"


def test_a_gateway_whose_alarms_cannot_be_handed_out_ends(tmp_path, monkeypatch, caplog):
    """A defect of ours: the process is told to end, and the reason stands in the server's log."""

    def broken(_):
        raise RuntimeError("a defect")

    async def scene():
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with worker(tmp_path) as work, gateway(tmp_path):
            monkeypatch.setattr(hub, "readable", broken)
            await work.publish(alarm(1))
            async with asyncio.timeout(30):
                await ended.wait()

    asyncio.run(scene())
    (told,) = [r for r in caplog.records if r.levelno == logging.CRITICAL]
    assert "a defect" in str(told.exc_info)


class Away:
    """A log that nobody can reach: hub, log and reader in one, as far as a stretch asks for them."""

    def __init__(self):
        self.polls = 0
        self.log = self
        self.cursor = Cursor({Topic.EVENTS: {0: 9}})

    def reader(self, *_):
        return self

    async def poll(self, *_):
        self.polls += 1
        await asyncio.sleep(0)
        raise LogUnavailable("no answer")


def test_who_catches_up_does_not_keep_asking_a_log_that_is_away(monkeypatch):
    """The gateway is the others' meanwhile: the next attempt comes after a pause."""
    monkeypatch.setattr("stream.gateway.follow.AWAY_SECONDS", 3600.0)
    away = Away()

    async def scene():
        catching_up = asyncio.create_task(
            Stretch(away, Topic.EVENTS, Cursor({Topic.EVENTS: {0: 0}})).head()
        )
        for _ in range(50):
            await asyncio.sleep(0)
        catching_up.cancel()

    asyncio.run(scene())
    assert away.polls == 1


class Refusing:
    """A log that refuses the first appends."""

    def __init__(self, refusals):
        self.refusals = refusals
        self.written = []

    async def append(self, _, entries):
        self.refusals -= 1
        if self.refusals >= 0:
            raise LogReadOnly("the cluster does not let us")
        self.written += [entry.id for entry in entries]
        return 0


@pytest.mark.parametrize(("refusals", "written"), [(TRIES - 1, ["a#0"]), (1000, [])])
def test_an_alarm_that_the_log_refuses_is_tried_again_and_told_in_the_server_s_log(
    monkeypatch, caplog, refusals, written
):
    """So often and no more: each refusal costs the devices' appends, too."""
    monkeypatch.setattr("stream.gateway.follow.AWAY_SECONDS", 0.0)
    log = Refusing(refusals)

    async def scene():
        before = asyncio.all_tasks()
        Others(log).tell(alarm(0, id="a", kind="NOT_MONITORED"))
        await asyncio.gather(*(asyncio.all_tasks() - before))

    asyncio.run(scene())
    assert log.written == written
    told = [record.getMessage() for record in caplog.records]
    assert told.count("the cluster does not let us") == (TRIES if not written else TRIES - 1)
    assert any("do not know of a#0" in line for line in told) == (not written)
