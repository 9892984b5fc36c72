"""The subscription endpoint: a real server, real sockets, the real log and store."""

import asyncio
import threading

import pytest
from gateway_rig import (
    COUNT,
    alarm,
    beat,
    block,
    count_of,
    device,
    gateway,
    hello,
    subscriber,
    vitals,
    worker,
)

from ecg import messages as m
from ecg import wire
from stream.gateway import subscribe
from stream.gateway.codes import Close
from stream.gateway.cursor import Cursor
from stream.store import Store


async def events(peer, count):
    """The next events."""
    return [await peer.receive() for _ in range(count)]


@pytest.mark.parametrize("text", [False, True])
def test_a_subscriber_gets_a_snapshot_and_then_what_happens(tmp_path, text):
    """In order within a topic, only from its channels, in its encoding."""

    async def scene():
        async with (
            worker(tmp_path) as work,
            gateway(tmp_path) as server,
            subscriber(server, "beats", "vitals", text=text) as peer,
        ):
            snapshot = await peer.receive()
            await work.publish(beat(10), alarm(20), vitals(250), beat(260))
            return snapshot, await events(peer, 3)

    snapshot, got = asyncio.run(scene())
    assert snapshot.alarms == ()
    assert [item.event for item in got] == [beat(10), vitals(250), beat(260)]
    assert len({item.cursor for item in got}) == 3


def test_the_snapshot_has_what_has_not_ended_without_its_strip(tmp_path):
    """Active and latched, of the patients asked for."""
    strip = m.Strip(0, 50, (block(0),))
    with Store(tmp_path / "store.db") as store:
        epoch = store.claim(0)
        with store.transaction(0, epoch) as change:
            for made in (
                alarm(1, strip=strip),
                alarm(2, state="latched"),
                alarm(3, state="ended"),
                alarm(4, patient="p2"),
            ):
                change.save_alarms([made])

    async def scene():
        async with (
            gateway(tmp_path) as server,
            subscriber(server, "alarms", patients=("p1",)) as peer,
        ):
            return await peer.receive()

    snapshot = asyncio.run(scene())
    assert sorted(snapshot.alarms, key=lambda a: a.onset_sample) == [
        alarm(1),
        alarm(2, state="latched"),
    ]


@pytest.mark.parametrize(("standing", "cut"), [(3, False), (5, True)])
def test_a_snapshot_that_lacks_alarms_says_so(tmp_path, monkeypatch, standing, cut):
    """There is room for three: the oldest are missing, which is told before and ends nothing."""
    monkeypatch.setattr("stream.gateway.standing.MOST", 3)
    made = [alarm(onset) for onset in range(1, standing + 1)]
    with Store(tmp_path / "store.db") as store, store.transaction(0, store.claim(0)) as change:
        for each in made:
            change.save_alarms([each])

    async def scene():
        async with gateway(tmp_path) as server, subscriber(server, "alarms") as peer:
            return await events(peer, 1 + cut)

    *problems, snapshot = asyncio.run(scene())
    assert list(snapshot.alarms) == made[::-1][:3]
    told = [(one.code, one.limit, one.fatal) for one in problems]
    assert told == [("snapshot_cut", "3 alarms", False)] * cut


@pytest.mark.parametrize("text", [False, True])
def test_a_large_snapshot_holds_up_no_device(tmp_path, monkeypatch, text):
    """Ten thousand alarms take 0.15 s to write as JSON: the loop's thread has others to serve."""
    threads = {}

    def told(kind, encode):
        def encoded(message):
            threads[type(message)] = threading.current_thread()
            return encode(message)

        monkeypatch.setattr(wire, kind, encoded)

    async def scene():
        async with gateway(tmp_path) as server, subscriber(server, "alarms", text=text) as peer:
            return await peer.receive()

    told("pack", wire.pack)
    told("to_json", wire.to_json)
    assert isinstance(asyncio.run(scene()), m.Snapshot)
    assert threads[m.Snapshot] is not threading.main_thread()


def test_a_cursor_resumes_after_its_event_with_nothing_missed_or_repeated(tmp_path):
    """Also over a restart of the gateway, from each event's cursor."""
    story = [beat(i) if i % 3 else alarm(i) for i in range(30)]

    async def resumed(server, cursor, count):
        async with subscriber(server, "alarms", "beats", after=cursor) as peer:
            snapshot = await peer.receive()
            assert snapshot.cursor == cursor
            return [item.event for item in await events(peer, count)]

    async def scene():
        async with worker(tmp_path) as work:
            async with (
                gateway(tmp_path) as server,
                subscriber(server, "alarms", "beats") as peer,
            ):
                await peer.receive()
                seen = []
                for item in story:
                    await work.publish(item)
                    seen += await events(peer, 1)
            assert [item.event for item in seen] == story
            async with gateway(tmp_path) as server:
                for i in (0, 13, 28):
                    got = await resumed(server, seen[i].cursor, 29 - i)
                    assert sorted(got, key=str) == sorted(story[i + 1 :], key=str)

    asyncio.run(scene())


def test_a_resuming_subscriber_goes_over_to_live_events_without_a_seam(tmp_path):
    """Events are published while it catches up: each comes once, in order."""

    async def scene():
        async with (
            worker(tmp_path) as work,
            gateway(tmp_path) as server,
            subscriber(server, "beats") as watcher,
        ):
            start = (await watcher.receive()).cursor
            publishing = asyncio.create_task(work.publish(*(beat(i) for i in range(400))))
            await events(watcher, 20)
            async with subscriber(server, "beats", after=start) as peer:
                await peer.receive()
                got = await events(peer, 400)
            await publishing
            return [item.event.sample for item in got]

    assert asyncio.run(scene()) == list(range(400))


def test_an_expired_cursor_is_told_and_followed_by_a_fresh_snapshot(tmp_path):
    """Here one that lies ahead: of another log, or of one that was deleted."""

    async def scene():
        async with worker(tmp_path) as work, gateway(tmp_path) as server:
            word = Cursor({"ecg.alarms": {0: 0}, "ecg.events": {0: 10**6}}).encode()
            async with subscriber(server, "beats", after=word) as peer:
                problem, snapshot = await events(peer, 2)
                await work.publish(beat(1))
                return problem, snapshot, (await peer.receive()).event

    problem, snapshot, event = asyncio.run(scene())
    assert (problem.code, problem.fatal, problem.field) == ("cursor_expired", False, "after")
    assert isinstance(snapshot, m.Snapshot)
    assert event == beat(1)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"channels": ("gossip",)}, "unknown_channel"),
        ({"channels": ("alarms",), "after": "nonsense"}, "bad_cursor"),
    ],
)
def test_a_bad_subscription_is_named_and_closed(tmp_path, asked, code):
    """Typed, with the documented close code."""

    async def scene():
        async with (
            gateway(tmp_path) as server,
            subscriber(server, *asked["channels"], after=asked.get("after", "")) as peer,
        ):
            return (await peer.receive()).code, await peer.closed()

    assert asyncio.run(scene()) == (code, Close.INVALID)


def test_a_subscriber_without_the_credential_is_turned_away(tmp_path):
    """And one that shows it in SUBSCRIBE, as a browser must, is served."""

    async def scene():
        async with gateway(tmp_path, token="right") as server:
            async with subscriber(server, "alarms") as peer:
                refused = (await peer.receive()).code, await peer.closed()
            async with subscriber(server, "alarms", credential="right") as peer:
                return refused, await peer.receive()

    refused, snapshot = asyncio.run(scene())
    assert refused == ("unauthorized", Close.UNAUTHORIZED)
    assert isinstance(snapshot, m.Snapshot)


def test_waveform_comes_straight_from_the_samples(tmp_path):
    """What a device sends is seen by who watches, HELLO is not."""

    async def scene():
        async with (
            gateway(tmp_path) as server,
            subscriber(server, "waveform", patients=("p1",)) as peer,
            device(server) as source,
        ):
            await peer.receive()
            await source.send(hello(), block(0), block(1))
            await source.receive()
            await source.durable(2 * COUNT)
            got = await peer.receive()
            while got.event.end < 2 * COUNT:
                got = await peer.receive()
            return got

    got = asyncio.run(scene())
    assert got.event == block(1)
    assert not got.cursor


def test_a_burst_that_overflows_the_queue_is_read_from_the_log(tmp_path):
    """A queue of four, a thousand alarms at once: all come, in order, after a new snapshot."""

    async def scene():
        async with (
            worker(tmp_path) as work,
            gateway(tmp_path, queue_messages=4) as server,
            subscriber(server, "alarms") as peer,
        ):
            await peer.receive()
            await work.batch(*(alarm(i) for i in range(1000)))
            seen, snapshots = [], 0
            while len(seen) < 1000:
                message = await peer.receive()
                if isinstance(message, m.Snapshot):
                    snapshots += 1
                else:
                    seen.append(message.event.onset_sample)
            return seen, snapshots

    seen, snapshots = asyncio.run(scene())
    assert seen == list(range(1000))
    assert snapshots


async def read_on(peer, seen: list[int]) -> tuple[str, m.Problem]:
    """Take alarms until the gateway has had enough; gives the last cursor and the problem."""
    cursor = ""
    while True:
        message = await peer.receive()
        if isinstance(message, m.Problem):
            return cursor, message
        cursor = message.cursor
        if isinstance(message, m.Event):
            seen.append(message.event.onset_sample)


def test_a_subscriber_that_does_not_read_is_closed_with_resume_and_others_do_not_notice(
    tmp_path, monkeypatch
):
    """What waits for it is bounded; it resumes after its last cursor and gets the rest."""
    monkeypatch.setattr(subscribe, "FULL_SECONDS", 0.5)
    note = "x" * 200
    story = [alarm(i, note=note, text=note, lead=note) for i in range(12_000)]

    async def bystand(server, ready):
        async with subscriber(server, "alarms") as peer:
            ready.set()
            seen = []
            while len(seen) < len(story):
                message = await peer.receive()
                if isinstance(message, m.Event):
                    seen.append(message.event.onset_sample)
            return seen

    async def scene():
        ready = asyncio.Event()
        async with (
            worker(tmp_path) as work,
            gateway(tmp_path, queue_messages=64) as server,
            subscriber(server, "alarms", max_queue=1) as slow,
        ):
            await slow.receive()
            reading = asyncio.create_task(bystand(server, ready))
            await ready.wait()
            for start in range(0, len(story), 1000):
                await work.batch(*story[start : start + 1000])
            assert await reading == list(range(len(story)))
            while not await count_of(server, "slow_total"):
                pass
            seen: list[int] = []
            cursor, problem = await read_on(slow, seen)
            code = await slow.closed()
            async with subscriber(server, "alarms", after=cursor) as again:
                await again.receive()
                seen += [item.event.onset_sample for item in await events(again, 10)]
            return problem.code, code, seen

    problem, code, seen = asyncio.run(scene())
    assert (problem, code) == ("slow", Close.SLOW)
    assert seen == list(range(len(seen)))
    assert 10 < len(seen) < len(story)
