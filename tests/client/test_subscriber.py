"""The subscription (pure) and the subscriber over a real socket."""

import asyncio
import gc
import threading
from contextlib import aclosing, asynccontextmanager

import pytest
from websockets.asyncio.server import serve
from websockets.sync.server import serve as serve_in_thread

import client.subscriber
from client.errors import RefusedError
from client.subscriber import Memory, Subscriber, Subscription
from ecg import messages as m
from ecg.errors import WireError
from ecg.types import BeatClass
from ecg.wire import from_subscriber, pack


def beat(sample: int, session: str = "s") -> m.Beat:
    return m.Beat(
        patient="p",
        session=session,
        sample=sample,
        time=sample / 250,
        label=BeatClass.N,
        probabilities=(1.0, 0.0, 0.0, 0.0, 0.0),
        rr=None,
        quality=1.0,
        model="m",
    )


def alarm(update_no: int, name: str = "a") -> m.Alarm:
    return m.Alarm(
        id=name,
        update_no=update_no,
        phase="start",
        state="active",
        patient="p",
        session="s",
        kind="VTACH",
        priority=3,
        text="VT",
        code=None,
        onset_sample=0,
        onset_time=0.0,
        detected_sample=0,
        detected_time=0.0,
    )


def event(cursor: int, inner: m.Message) -> m.Event:
    return m.Event(cursor=str(cursor), event=inner)


SNAPSHOT = m.Snapshot(cursor="10", alarms=())


def received(subscription: Subscription, *messages: m.Message) -> list:
    items = [subscription.received(pack(message)) for message in messages]
    return [item for item in items if item is not None]


def test_the_greeting_names_the_last_cursor():
    """Each connection resumes where the last event left it."""
    subscription = Subscription(["alarms", "beats"], patients=["p"], units=["ICU"], after="7")
    first = from_subscriber.decode(subscription.greeting())
    assert first == m.Subscribe(
        channels=("alarms", "beats"), patients=("p",), units=("ICU",), after="7"
    )
    received(subscription, SNAPSHOT, event(12, beat(1)))
    assert from_subscriber.decode(subscription.greeting()).after == "12"


def test_what_follows_a_snapshot_follows_its_cursor():
    """A cursor that expired is replaced by the one of the snapshot that starts anew."""
    fresh, resumed = Subscription(["alarms"]), Subscription(["alarms"], after="3")
    assert received(fresh, SNAPSHOT) == received(resumed, SNAPSHOT) == [SNAPSHOT]
    assert (fresh.cursor, resumed.cursor) == ("10", "10")


def test_alarms_are_deduplicated_by_id_and_update():
    """A repeated update vanishes, a new one passes."""
    events = [event(1, alarm(1)), event(2, alarm(2)), event(3, alarm(1)), event(4, alarm(1, "b"))]
    assert received(Subscription(["alarms"]), *events) == [events[0], events[1], events[3]]


def test_an_alarm_of_the_snapshot_is_still_news_as_an_event():
    """The snapshot tells a state, the event a change: who counts changes needs both."""
    snapshot = m.Snapshot(cursor="1", alarms=(alarm(1),))
    assert len(received(Subscription(["alarms"]), snapshot, event(2, alarm(1)))) == 2


def test_beats_are_deduplicated_by_patient_session_and_sample():
    """The worker replays its last seconds after a crash; each beat shows once."""
    events = [event(1, beat(9)), event(2, beat(9)), event(3, beat(9, "t")), event(4, beat(10))]
    assert received(Subscription(["beats"]), *events) == [events[0], events[2], events[3]]


def test_gaps_always_pass_and_heartbeats_never():
    """Two gaps of the same place are two drops."""
    gap = event(1, m.Gap(patient="p", session="s", first=0, end=25))
    assert received(Subscription(["waveform"]), gap, m.Heartbeat(time=0.0), gap) == [gap, gap]


def test_an_event_without_a_cursor_keeps_the_last_one():
    """Waveform is best effort: nothing resumes after it."""
    subscription = Subscription(["beats"], after="5")
    received(subscription, m.Event(cursor="", event=beat(1)))
    assert subscription.cursor == "5"


def test_memory_forgets_the_oldest():
    """Three keys at a time."""
    memory = Memory(3)
    assert [memory.seen(key) for key in "abcabcda"] == [False] * 3 + [True] * 3 + [False] * 2


def test_a_lasting_problem_raises_and_another_is_passed_on():
    """A wrong credential ends; a cursor that is too old informs."""
    subscription = Subscription(["alarms"])
    told = m.Problem(code="cursor_expired", text="too old", fatal=False)
    assert received(subscription, told) == [told]
    with pytest.raises(RefusedError, match="unauthorized"):
        received(subscription, m.Problem(code="unauthorized", text="no"))


@pytest.mark.parametrize(("channels", "field"), [([], "channels"), (["x" * 300], "channels.0")])
def test_a_subscription_that_breaks_the_protocol_raises_at_once(channels, field):
    """The error names the field before any connection is made."""
    with pytest.raises(WireError) as caught:
        Subscription(channels)
    assert caught.value.field == field


def test_a_receiver_confirms_alarms_and_nothing_else():
    """Of an event and of a snapshot, so many in a frame; who is no receiver confirms nothing."""
    many = tuple(alarm(i, f"a{i}") for i in range(m.MAX_TAKEN + 1))
    receiver = Subscription(["alarms"], receiver="desk")
    assert from_subscriber.decode(receiver.greeting()).receiver == "desk"
    items = [event(1, alarm(4)), m.Snapshot(cursor="1", alarms=many), event(2, beat(1)), SNAPSHOT]
    frames = [[from_subscriber.decode(f) for f in receiver.confirmation(item)] for item in items]
    taken = [[(t.alarm, t.update_no) for c in found for t in c.alarms] for found in frames]
    assert taken == [[("a", 4)], [(one.id, one.update_no) for one in many], [], []]
    assert [len(found) for found in frames] == [1, 2, 0, 0]
    assert Subscription(["alarms"]).confirmation(items[0]) == []


# ── Over a socket ─────────────────────────────────────────────────────────────────────────────


class Script:
    """Serves one list of messages to each connection, then cuts it; notes what was asked."""

    def __init__(self, *connections: list[m.Message]) -> None:
        self.connections = list(connections)
        self.asked: list[m.Subscribe] = []
        self.headers: list[dict[str, str]] = []
        self.confirmed: asyncio.Queue[m.Confirm] = asyncio.Queue()
        self.heartbeats = 0
        self.beaten = asyncio.Event()
        self.twice = asyncio.Event()
        self.url = ""

    async def handle(self, socket) -> None:
        self.headers.append(dict(socket.request.headers.raw_items()))
        self.asked.append(from_subscriber.decode(await socket.recv()))
        if len(self.asked) == 2:
            self.twice.set()
        messages = self.connections.pop(0) if self.connections else []
        for message in messages:
            await socket.send(pack(message))
        if not self.connections:
            async for frame in socket:
                message = from_subscriber.decode(frame)
                self.heartbeats += isinstance(message, m.Heartbeat)
                if isinstance(message, m.Confirm):
                    self.confirmed.put_nowait(message)
                if self.heartbeats == 3:
                    self.beaten.set()


@asynccontextmanager
async def playing(*connections: list[m.Message]):
    script = Script(*connections)
    async with serve(script.handle, "127.0.0.1", 0, compression=None) as listener:
        script.url = f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with asyncio.timeout(20):
            yield script


async def take(subscriber: Subscriber, count: int) -> list:
    items = []
    async with aclosing(aiter(subscriber)) as stream:
        async for item in stream:
            items.append(item)
            if len(items) == count:
                return items
    raise AssertionError


def test_resumes_after_the_last_cursor_and_shows_each_event_once():
    """The second connection repeats two events; the consumer sees four, once and in order."""
    events = [event(11 + i, beat(i)) for i in range(4)]

    async def main() -> None:
        async with playing([SNAPSHOT, *events[:2]], [SNAPSHOT, *events]) as script:
            subscriber = Subscriber(script.url, channels=["beats"], token="secret")
            items = await take(subscriber, 6)
            assert items == [SNAPSHOT, *events[:2], SNAPSHOT, *events[2:]]
            assert subscriber.cursor == "14"
        assert [asked.after for asked in script.asked] == ["", "12"]
        assert script.headers[0]["Authorization"] == "Bearer secret"

    asyncio.run(main())


def test_a_consumer_that_breaks_off_is_left_in_peace():
    """It may be the last that a program does: the loop closes what is open, and complains of nothing."""
    complaints = []

    def play(socket) -> None:
        socket.recv()
        for message in (SNAPSHOT, event(11, beat(1))):
            socket.send(pack(message))
        for _ in socket:  # until it is closed
            pass

    async def main(url: str) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said))
        async for item in Subscriber(url, channels=["beats"]):
            if item != SNAPSHOT:
                break

    with serve_in_thread(play, "127.0.0.1", 0) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        asyncio.run(main(f"ws://127.0.0.1:{listener.socket.getsockname()[1]}"))
        listener.shutdown()
        thread.join()
    gc.collect()
    assert complaints == []


def test_a_frame_that_cannot_be_read_costs_a_connection_not_the_subscription():
    """A message of the wrong direction, then a good connection."""

    async def main() -> None:
        async with playing([m.Subscribe(channels=("x",))], [SNAPSHOT]) as script:
            assert await take(Subscriber(script.url), 1) == [SNAPSHOT]

    asyncio.run(main())


def test_a_refusal_ends_the_iteration():
    """The consumer gets the gateway's words."""

    async def main() -> None:
        async with playing([m.Problem(code="unauthorized", text="no")]) as script:
            with pytest.raises(RefusedError):
                await take(Subscriber(script.url), 1)

    asyncio.run(main())


def test_a_silent_gateway_is_left(monkeypatch):
    """No word for `SILENCE`: the next connection is asked."""

    async def main() -> None:
        async with playing([]) as script:
            waiting = asyncio.create_task(take(Subscriber(script.url), 1))
            await script.twice.wait()
            waiting.cancel()

    monkeypatch.setattr(client.subscriber, "SILENCE", 0.05)
    asyncio.run(main())


def test_heartbeats_flow_while_the_consumer_is_busy(monkeypatch):
    """A consumer that holds one item for long is still alive to the gateway."""

    async def main() -> None:
        async with playing([SNAPSHOT]) as script, aclosing(aiter(Subscriber(script.url))) as stream:
            await anext(stream)
            await script.beaten.wait()

    monkeypatch.setattr(client.subscriber, "HEARTBEAT", 0.005)
    asyncio.run(main())


def test_an_alarm_is_confirmed_when_the_next_item_is_asked_for():
    """Not when it comes: a consumer that falls over it has not taken it in."""

    async def main() -> None:
        events = [event(11, alarm(1)), event(12, alarm(2))]
        async with playing([SNAPSHOT, *events]) as script:
            async with aclosing(aiter(Subscriber(script.url, receiver="desk"))) as stream:
                assert [await anext(stream) for _ in range(3)] == [SNAPSHOT, *events]
                confirm = await script.confirmed.get()
            assert confirm.alarms == (m.Taken("a", 1),)
            assert script.confirmed.empty()
            assert script.asked[0].receiver == "desk"

    asyncio.run(main())


def test_a_receiver_may_confirm_by_itself():
    """Only when it says so; without a connection there is nobody to tell."""

    async def main() -> None:
        events = [event(11, alarm(1)), event(12, alarm(2))]
        async with playing([SNAPSHOT, *events]) as script:
            subscriber = Subscriber(script.url, receiver="desk", manual=True)
            assert not await subscriber.confirm(events[0])
            async with aclosing(aiter(subscriber)) as stream:
                items = [await anext(stream) for _ in range(3)]
                assert await subscriber.confirm(items[2])
                confirm = await script.confirmed.get()
            assert confirm.alarms == (m.Taken("a", 2),)
            assert not await subscriber.confirm(items[1])

    asyncio.run(main())
