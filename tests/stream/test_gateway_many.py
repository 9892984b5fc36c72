"""Several gateways on one Kafka: any of them serves anybody, and what one finds out the others tell."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from gateway_rig import (
    Server,
    Worker,
    alarm,
    beat,
    block,
    device,
    gateway,
    hello,
    subscriber,
    vitals,
)

from ecg import messages as m
from stream.config import Settings
from stream.gateway.cursor import Cursor
from stream.gateway.delivery import receiver_of
from stream.gateway.orphans import ORPHAN_SECONDS, Orphans
from stream.gateway.others import MAX_KNOWN, Others
from stream.gateway.undelivered import Undelivered
from stream.log import Topic
from stream.log.chosen import retention
from stream.log.kafka import Connection, KafkaLog, topics
from stream.log.sqlite import GATEWAY_WRITES, WORKER_WRITES

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(120)]

PARTITIONS = 4
LONG = block(payload=bytes(2 * 1250))
"""Five seconds of signal: more than may stay without vitals."""


@asynccontextmanager
async def house(kafka: str, folder: Path) -> AsyncIterator[tuple[Server, Server, Worker, KafkaLog]]:
    """Two gateways, and the worker's side of the log."""
    connection = Connection(kafka, prefix=f"{uuid.uuid4().hex}.")
    await topics.create(connection, retention(Settings()), PARTITIONS)
    logs = [KafkaLog(connection, GATEWAY_WRITES | {Topic.ALARMS}) for _ in range(2)]
    async with (
        KafkaLog(connection, WORKER_WRITES) as log,
        gateway(folder, log=logs[0], kafka=kafka) as first,
        gateway(folder, log=logs[1], kafka=kafka) as second,
    ):
        yield first, second, Worker(log), log


def test_whom_nobody_analyses_is_told_at_every_gateway(kafka: str, tmp_path: Path):
    """The device is at one, subscribers at the other: one is told, a later one finds it standing."""

    async def scene():
        async with (
            house(kafka, tmp_path) as (first, second, work, _),
            subscriber(second, "alarms") as there,
            device(first) as source,
        ):
            await there.receive()
            await source.send(hello(), LONG)
            raised = (await there.receive()).event
            async with subscriber(second, "alarms") as later:
                standing = (await later.receive()).alarms
            await work.publish(vitals(1250))
            return raised, standing, (await there.receive()).event

    raised, standing, ended = asyncio.run(scene())
    assert (raised.kind, raised.patient, raised.state) == ("NOT_MONITORED", "p1", "active")
    assert standing == (raised,)
    assert (ended.id, ended.state) == (raised.id, "ended")


def test_a_command_is_known_at_every_gateway_and_one_that_never_was_at_none(
    kafka: str, tmp_path: Path
):
    """It waits in the log for its worker, whichever gateway took it, and whatever else waits there."""

    async def ask(server: Server, path: str, body: dict[str, str] | None = None) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            return await (client.post(path, json=body) if body else client.get(path))

    async def scene():
        async with house(kafka, tmp_path) as (first, second, _, _):
            for patient in ("p1", "p2", "p3"):
                body = {"by": "n", "id": f"c-{patient}"}
                took = await ask(first, f"/v1/patients/{patient}/pause", body)
                assert took.status_code == 202
            path = "/v1/commands/{}"
            known = [(await ask(second, path.format(f"c-p{n}"))).json() for n in (1, 2, 3)]
            return known, [await ask(one, path.format("c-p4")) for one in (first, second)]

    known, unknown = asyncio.run(scene())
    assert [status["status"] for status in known] == ["not_confirmed"] * 3
    assert [(one.status_code, one.json()["code"]) for one in unknown] == [(404, "not_found")] * 2


def test_what_a_gateway_that_died_had_raised_ends_once_somebody_analyses(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its NOT_MONITORED is in the log, and nobody is there who would end it: the others do."""
    monkeypatch.setattr("stream.gateway.orphans.ORPHAN_SECONDS", 0.2)
    raised = alarm(0, id="p1:s1:NOT_MONITORED:0", kind="NOT_MONITORED")

    async def scene():
        async with (
            house(kafka, tmp_path) as (first, second, work, _),
            subscriber(first, "alarms") as here,
            subscriber(second, "alarms") as there,
        ):
            await here.receive(), await there.receive()
            await work.publish(raised)
            told = (await here.receive()).event, (await there.receive()).event
            await work.publish(vitals(250))
            over = (await here.receive()).event, (await there.receive()).event
            async with subscriber(second, "alarms") as later:
                return told, over, (await later.receive()).alarms

    told, over, standing = asyncio.run(scene())
    assert told == (raised, raised)
    assert [(one.id, one.update_no, one.state) for one in over] == [(raised.id, 1, "ended")] * 2
    assert standing == ()


def test_an_undelivered_alarm_of_a_gateway_that_died_ends_when_it_sounds_no_more(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its DELIVERY_FAIL stands while the alarm sounds; acknowledged, nobody owes an answer."""
    monkeypatch.setattr("stream.gateway.undelivered.ORPHAN_SECONDS", 0.2)
    about = alarm(250)
    raised = alarm(250, id=f"{about.id}:DELIVERY_FAIL:phone:17", kind="DELIVERY_FAIL")

    async def scene():
        async with (
            house(kafka, tmp_path) as (_, second, work, _),
            subscriber(second, "alarms") as there,
        ):
            await there.receive()
            await work.publish(about)
            await work.publish(raised)
            told = [(await there.receive()).event for _ in range(2)]
            async with subscriber(second, "alarms") as later:
                standing = (await later.receive()).alarms
            await work.publish(alarm(250, 1, state="acknowledged", silenced=True))
            return told, standing, [(await there.receive()).event for _ in range(2)]

    told, standing, over = asyncio.run(scene())
    assert {one.id for one in told} == {about.id, raised.id}
    assert raised in standing
    assert [(one.id, one.update_no, one.state) for one in over] == [
        (about.id, 1, "acknowledged"),
        (raised.id, 1, "ended"),
    ]


def test_an_undelivered_alarm_ends_when_its_receiver_confirms_at_another_gateway(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The receiver has left the gateway that raised it, which lives and takes it as settled."""
    monkeypatch.setattr("stream.gateway.undelivered.ORPHAN_SECONDS", 0.2)
    monkeypatch.setattr("stream.gateway.delivery.CONFIRM_SECONDS", 0.3)
    about = alarm(250)

    async def scene():
        async with (
            house(kafka, tmp_path) as (first, second, work, _),
            subscriber(first, "alarms") as here,
        ):
            await here.receive()
            async with subscriber(first, "alarms", receiver="phone") as phone:
                await phone.receive()
                await work.publish(about)
                await phone.receive()
                told = [(await here.receive()).event for _ in range(2)]
            (raised,) = [one for one in told if one.kind == "DELIVERY_FAIL"]
            async with subscriber(second, "alarms", receiver="phone") as phone:
                await phone.receive()
                await phone.send(m.Confirm(alarms=(m.Taken(about.id, 0),)))
                over = raised
                while (over.id, over.state) != (raised.id, "ended"):
                    over = (await here.receive()).event
                async with subscriber(first, "alarms") as later:
                    return raised, (await later.receive()).alarms

    raised, standing = asyncio.run(scene())
    assert raised.id not in {one.id for one in standing}


def test_a_subscriber_resumes_at_another_gateway(kafka: str, tmp_path: Path):
    """After the cursor of one gateway, the other one gives what follows, each event once."""
    patients = [f"p{number}" for number in range(8)]

    async def scene():
        async with house(kafka, tmp_path) as (first, second, work, _):
            async with subscriber(first, "beats") as here:
                await here.receive()
                await work.publish(*(beat(250, p) for p in patients))
                seen = [await here.receive() for _ in range(5)]
            await work.publish(*(beat(500, p) for p in patients))
            async with subscriber(second, "beats", after=seen[-1].cursor) as there:
                await there.receive()
                seen += [await there.receive() for _ in range(11)]
                await work.publish(beat(750, "p0"))
                seen.append(await there.receive())
            return [(item.event.patient, item.event.sample) for item in seen]

    seen = asyncio.run(scene())
    assert len(seen) == len(set(seen)) == 17
    assert set(seen) == {(p, at) for p in patients for at in (250, 500)} | {("p0", 750)}


def test_only_watched_partitions_are_read(kafka: str, tmp_path: Path):
    """Of events, those of the patients whom somebody watches or who send here; alarms whole."""

    async def scene():
        async with house(kafka, tmp_path) as (first, _, work, log):
            async with subscriber(first, "beats", patients=("p1",)) as peer:
                await peer.receive()
                await work.publish(beat(250), alarm(250, patient="p2"))
                cursor = Cursor.decode((await peer.receive()).cursor)
            return cursor, log.partition_of(Topic.EVENTS, "p1")

    cursor, partition = asyncio.run(scene())
    assert set(cursor.positions[Topic.EVENTS]) == {partition}
    assert set(cursor.positions[Topic.ALARMS]) == set(range(PARTITIONS))


class Heard:
    """Others without a log."""

    def __init__(self) -> None:
        self.others = Others(None)  # type: ignore[arg-type]

    def hear(self, update_no: int, state: str = "active", name: str = "a") -> bool:
        return self.others.hear(alarm(0, update_no, id=name, state=state, kind="NOT_MONITORED"), 0)


def test_what_another_gateway_says_twice_is_news_once():
    """Two gateways that see the same give it one id; what ended stands no longer."""
    heard = Heard()
    assert [heard.hear(0), heard.hear(0)] == [True, False]
    assert [a.id for a in heard.others.standing] == ["a"]
    assert [heard.hear(1, "ended"), heard.hear(1, "ended"), heard.hear(0)] == [True, False, False]
    assert heard.others.standing == ()


def orphan(analysed: int) -> Orphans:
    """An alarm that the log took at 1000 ms, and something of a worker from `analysed` ms."""
    orphans = Orphans()
    orphans.add(alarm(0, id="a", kind="NOT_MONITORED"), 1000)
    orphans.analysed("p1", analysed, 50.0)
    return orphans


def test_a_gateway_has_its_time_to_end_its_own_alarm():
    """Until ORPHAN_SECONDS after the first sign of a worker; once it has ended it, nobody else does."""
    orphans = orphan(1001)
    orphans.analysed("p1", 2000, 52.0)
    assert orphans.tick(50.0 + ORPHAN_SECONDS - 0.1, 0.0) == []
    (end,) = orphans.tick(50.0 + ORPHAN_SECONDS, 7.0)
    assert (end.id, end.update_no, end.state, end.published_at) == ("a", 1, "ended", 7.0)
    orphans.remove(end)
    assert (orphans.tick(99.0, 0.0), orphans.patients) == ([], ())


def test_vitals_of_before_the_alarm_or_of_somebody_else_end_nothing():
    """A gateway that lags reads them after it; the log's clock tells."""
    orphans = orphan(1000)
    orphans.analysed("p2", 9000, 50.0)
    assert orphans.tick(99.0, 0.0) == []
    assert orphans.patients == ("p1",)


FAILURE = alarm(0, id="p1:s:VTACH:5:DELIVERY_FAIL:phone:1700000000000", kind="DELIVERY_FAIL")


def undelivered(*sounding: m.Alarm) -> Undelivered:
    """Another gateway's phone does not confirm; what a worker said of alarms."""
    made = Undelivered()
    made.add(FAILURE)
    for one in sounding:
        made.heard(one)
    return made


def nobody(_receiver: str, _patient: str) -> bool:
    """No receiver is here."""
    return False


def test_an_undelivered_alarm_is_ended_when_nothing_sounds_for_a_while():
    """Not while any alarm of the patient sounds; not when one begins to meanwhile."""
    made = undelivered(alarm(1), alarm(2))
    assert made.tick(10.0, 0.0, nobody) == []
    made.heard(alarm(1, 1, state="ended"))
    assert made.tick(50.0, 0.0, nobody) == []
    made.heard(alarm(2, 1, state="acknowledged", silenced=True))
    assert made.tick(51.0, 0.0, nobody) == []
    made.heard(alarm(3))
    assert made.tick(52.0, 0.0, nobody) == []
    made.heard(alarm(3, 1, state="ended"))
    assert made.tick(60.0, 0.0, nobody) == []
    assert made.tick(60.0 + ORPHAN_SECONDS - 0.1, 0.0, nobody) == []
    (end,) = made.tick(60.0 + ORPHAN_SECONDS, 7.0, nobody)
    assert (end.id, end.state, end.update_no, end.ended_time) == (FAILURE.id, "ended", 1, 7.0)
    made.remove(end)
    assert made.tick(99.0, 0.0, nobody) == []


def test_an_undelivered_alarm_is_ended_when_its_receiver_owes_nothing_here():
    """It has come and confirmed; another receiver's word counts for nothing."""
    made = undelivered(alarm(1))
    asked = []

    def phone(receiver: str, patient: str) -> bool:
        asked.append((receiver, patient))
        return len(asked) > 1

    assert [made.tick(at, 0.0, phone) for at in (1.0, 2.0)] == [[], []]
    assert [end.id for end in made.tick(2.0 + ORPHAN_SECONDS, 0.0, phone)] == [FAILURE.id]
    assert set(asked) == {("phone", "p1")}


def test_what_others_say_is_bounded():
    """However many alarms there were, only so many are remembered."""
    heard = Heard()
    for number in range(MAX_KNOWN + 10):
        heard.hear(0, name=f"{number}")
    assert len(heard.others.standing) == MAX_KNOWN
    assert len(heard.others.orphans.tick(9.0, 0.0)) == 0
    heard.others.orphans.analysed("p1", 1, 0.0)
    assert len(heard.others.orphans.tick(9.0, 0.0)) == MAX_KNOWN


def test_a_receiver_is_not_told_of_itself():
    """The failure's id names the receiver that it is about; other alarms are about none."""
    assert receiver_of(FAILURE) == "phone"
    assert receiver_of(alarm(0)) == ""


def test_an_alarm_that_some_other_program_named_ends_no_gateway():
    """Anybody who may write to the topic could stop them all at once."""
    assert receiver_of(msgspec.structs.replace(FAILURE, id="mine")) == ""
