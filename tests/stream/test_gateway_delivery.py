"""DELIVERY_FAIL: an alarm receiver does not confirm, and the others and the device are told."""

import asyncio
from contextlib import aclosing

import pytest
from gateway_rig import alarm, block, count_of, device, gateway, hello, subscriber, worker
from hypothesis import given, settings
from hypothesis import strategies as st

from client.device import Device
from client.subscriber import Subscriber
from ecg import messages as m
from ecg.types import Priority
from stream.gateway import delivery as rule
from stream.gateway import hub
from stream.gateway.codes import Close
from stream.gateway.delivery import AWAY_SECONDS, CONFIRM_SECONDS, Delivery
from stream.store import Store

WALL = 1_750_000_000.0


def declared(*names: str, **asked) -> Delivery:
    """Receivers, connection 1, 2, …, of everyone's alarms."""
    made = Delivery()
    for number, name in enumerate(names or ("desk",), 1):
        assert made.join(m.Subscribe(channels=("alarms",), receiver=name, **asked), number)
    return made


def confirm(made: Delivery, sample: int = 1, update_no: int = 0, name: str = "desk") -> None:
    """A receiver confirms the alarm of p1 that began at `sample`."""
    taken = m.Taken(alarm(sample).id, update_no)
    made.confirm(name, m.Confirm(alarms=(taken,)))


def told(made: Delivery, now: float) -> list[tuple[str, str, str]]:
    """Receiver, patient and phase of what starts or ends at `now`."""
    return [(name, one.patient, one.phase) for name, one in made.tick(now, WALL + now)]


STARTED, ENDED = [("desk", "p1", "start")], [("desk", "p1", "end")]


def test_what_is_not_confirmed_in_five_seconds_is_told_once():
    """Who did not confirm what, since when, and where the patient lies."""
    made = declared()
    made.alarm(alarm(1, unit="ICU", bed="3", flags=("demo",)), "ICU", 10.0)
    assert told(made, 10.0 + CONFIRM_SECONDS - 0.1) == []
    ((about, fail),) = made.tick(15.5, WALL)
    assert (about, fail.kind, fail.priority) == ("desk", "DELIVERY_FAIL", Priority.MEDIUM)
    assert (fail.phase, fail.state, fail.text) == ("start", "active", "Alarm not delivered: desk")
    assert (fail.patient, fail.unit, fail.bed, fail.flags) == ("p1", "ICU", "3", ("demo",))
    assert fail.onset_time == WALL - 5.5
    assert alarm(1).id in fail.evidence.rule
    assert told(made, 60.0) == []
    assert made.standing() == [fail]
    assert made.standing(but="desk") == []


@given(st.floats(0.0, hub.MONITOR_SECONDS))
def test_the_others_are_told_within_the_time_to_confirm_and_one_second(phase):
    """However the alarm falls between two looks of the gateway."""
    made, since = declared(), 10.0
    made.alarm(alarm(1), "", since)
    looks = (since + phase + count * hub.MONITOR_SECONDS for count in range(99))
    first = next(now for now in looks if told(made, now))
    assert CONFIRM_SECONDS <= first - since <= CONFIRM_SECONDS + 1.0


def test_what_is_confirmed_in_time_is_nobody_else_s_concern():
    """To the last moment."""
    made = declared()
    made.alarm(alarm(1), "", 0.0)
    confirm(made)
    assert told(made, CONFIRM_SECONDS) == []


def test_a_late_confirmation_ends_it_with_the_same_id():
    """update_no rises, the state is ended."""
    made = declared()
    made.alarm(alarm(1), "", 0.0)
    ((_, start),) = made.tick(5.0, WALL)
    confirm(made)
    ((_, end),) = made.tick(7.0, WALL)
    assert (end.id, end.update_no, end.phase, end.state) == (start.id, 1, "end", "ended")
    assert made.standing() == []


@pytest.mark.parametrize(
    "more", [{"state": "ended"}, {"state": "acknowledged"}, {"silenced": True}]
)
def test_an_alarm_that_sounds_no_longer_need_not_be_confirmed(more):
    """It ended, or somebody else saw to it."""
    made = declared()
    made.alarm(alarm(1), "", 0.0)
    assert told(made, 5.0) == STARTED
    made.alarm(alarm(1, 1, **more), "", 6.0)
    assert told(made, 6.0) == ENDED


@pytest.mark.parametrize(
    "more",
    [
        {"silenced": True},
        {"priority": Priority.INFORMATION},
        {"state": "ended"},
        {"kind": "DELIVERY_FAIL"},
        {"strip": m.Strip(0, 1, ())},
    ],
)
def test_what_makes_no_sound_is_not_waited_for(more):
    """Nor what tells of another receiver, nor a strip that follows."""
    made = declared()
    made.alarm(alarm(1, **more), "", 0.0)
    assert told(made, 60.0) == []


def test_an_escalation_must_be_confirmed_anew():
    """Within its own five seconds; the first confirmation counts for the first update only."""
    made = declared()
    made.alarm(alarm(1), "", 0.0)
    made.alarm(alarm(1, 1, phase="escalate"), "", 4.0)
    confirm(made)
    assert told(made, 8.9) == []
    assert told(made, 9.0) == STARTED
    confirm(made, update_no=1)
    assert told(made, 9.5) == ENDED


def test_an_escalation_does_not_give_more_time():
    """The oldest update that is not confirmed counts."""
    made = declared()
    made.alarm(alarm(1), "", 0.0)
    made.alarm(alarm(1, 1, phase="escalate"), "", 4.0)
    assert told(made, 5.0) == STARTED


def test_a_repeated_confirmation_gives_no_more_time():
    """It says nothing new."""
    made = declared()
    for update_no, now in enumerate((0.0, 1.0, 2.0)):
        made.alarm(alarm(1, update_no), "", now)
        confirm(made)
    made.alarm(alarm(1, 3), "", 6.0)
    confirm(made)
    assert told(made, 6.0) == STARTED


def test_a_latched_alarm_still_wants_somebody():
    """The condition is over, and nobody has seen it."""
    made = declared()
    made.alarm(alarm(1, 1, state="latched"), "", 0.0)
    assert told(made, 5.0) == STARTED


def test_a_confirmation_counts_for_all_updates_before_it():
    """Cumulative; repeated updates, and repeated confirmations, change nothing."""
    made = declared()
    made.alarm(alarm(1), "", 0.0)
    made.alarm(alarm(1, 3), "", 1.0)
    confirm(made, update_no=3)
    confirm(made, update_no=0)
    for update_no in (0, 3):
        made.alarm(alarm(1, update_no), "", 2.0)
    made.snapshot("desk", (alarm(1, 3),), 3.0)
    assert told(made, 60.0) == []


def test_one_alarm_tells_of_all_that_wait_of_one_patient():
    """It ends when none of them waits too long; another patient has one of their own."""
    made = declared()
    for sample in (1, 2):
        made.alarm(alarm(sample), "", 0.0)
    made.alarm(alarm(1, patient="p2"), "", 0.0)
    assert told(made, 5.0) == [("desk", "p1", "start"), ("desk", "p2", "start")]
    confirm(made, 1)
    assert told(made, 6.0) == []
    confirm(made, 2)
    assert told(made, 7.0) == ENDED


def test_each_receiver_answers_for_itself():
    """One confirms, the other does not."""
    made = declared("desk", "pager")
    made.alarm(alarm(1), "", 0.0)
    confirm(made, name="pager")
    assert told(made, 5.0) == STARTED


def test_a_receiver_answers_only_for_the_patients_it_asked_for():
    """By unit here, with an earlier wish that no longer counts."""
    made = declared(units=("CCU",))
    made.alarm(alarm(1), "ICU", 0.0)
    assert told(made, 5.0) == []
    made.alarm(alarm(2), "CCU", 6.0)
    assert told(made, 11.0) == STARTED
    made.join(m.Subscribe(channels=("alarms",), receiver="desk", units=("ICU",)), 2)
    assert told(made, 12.0) == ENDED


def test_alarms_that_begin_while_a_receiver_is_away_are_told():
    """And end when it is back, has seen the snapshot, and confirms."""
    made = declared()
    made.leave("desk", 1, 0.0, clean=False)
    made.alarm(alarm(1), "", 10.0)
    assert told(made, 15.0) == STARTED
    made.join(m.Subscribe(channels=("alarms",), receiver="desk"), 2)
    made.snapshot("desk", (alarm(1),), 20.0)
    confirm(made)
    assert told(made, 20.5) == ENDED


def test_what_a_lost_receiver_owed_is_told():
    """The connection went with an alarm under way."""
    made = declared()
    made.alarm(alarm(1), "", 0.0)
    made.leave("desk", 1, 1.0, clean=False)
    assert told(made, 5.0) == STARTED


def test_a_receiver_that_leaves_in_order_is_missed_by_nobody():
    """Unless it owed an answer: closing does not confirm."""
    made = declared("desk", "pager")
    made.leave("desk", 1, 0.0, clean=True)
    assert told(made, 0.5) == []
    assert made.count == 1
    made.alarm(alarm(1), "", 1.0)
    made.leave("pager", 2, 2.0, clean=True)
    assert told(made, 6.0) == [("pager", "p1", "start")]


def test_a_receiver_that_stays_away_is_forgotten():
    """Its alarms end: memory is bounded, and nobody waits for ever."""
    made = declared()
    made.leave("desk", 1, 0.0, clean=False)
    made.alarm(alarm(1), "", 1.0)
    assert told(made, AWAY_SECONDS - 1.0) == STARTED
    assert told(made, AWAY_SECONDS) == ENDED
    assert (made.count, made.standing()) == (0, [])


def test_the_newest_connection_of_a_name_counts():
    """The end of an older one means nothing."""
    made = declared()
    made.join(m.Subscribe(channels=("alarms",), receiver="desk"), 2)
    made.leave("desk", 1, 0.0, clean=True)
    assert told(made, AWAY_SECONDS * 2) == []
    assert made.count == 1


def test_there_are_only_so_many_receivers_and_alarms(monkeypatch):
    """One more is refused, one more is not counted."""
    monkeypatch.setattr(rule, "MAX_RECEIVERS", 1)
    monkeypatch.setattr(rule, "MAX_WAITING", 2)
    made = declared()
    assert not made.join(m.Subscribe(channels=("alarms",), receiver="pager"), 2)
    for patient in ("p1", "p2", "p3"):
        made.alarm(alarm(1, patient=patient), "", 0.0)
    assert [patient for _, patient, _ in told(made, 5.0)] == ["p1", "p2"]


def test_the_oldest_answers_are_forgotten(monkeypatch):
    """An alarm that was answered long ago and is repeated must be confirmed again."""
    monkeypatch.setattr(rule, "MAX_SETTLED", 2)
    made = declared()
    for update_no, sample in enumerate((1, 2, 1, 3), 1):
        made.alarm(alarm(sample, update_no), "", 0.0)
        confirm(made, sample, update_no)
    for sample in (1, 3):
        made.alarm(alarm(sample), "", 0.0)
    assert told(made, 5.0) == []
    made.alarm(alarm(2), "", 5.0)
    assert told(made, 10.0) == STARTED


STEP = st.one_of(
    st.tuples(st.just("alarm"), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("confirm"), st.integers(1, 3), st.integers(0, 8)),
    st.tuples(st.sampled_from(["leave", "join"]), st.booleans(), st.just(0)),
)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.floats(0.0, 4.0), STEP), max_size=40))
def test_it_stands_exactly_while_an_update_waits_too_long(steps):
    """Against the rule in one line: unconfirmed, sounding, and older than five seconds.

    The model knows each update; confirmations of one in the middle are left out, since there the
    gateway knows of the oldest and the latest time only.
    """
    made, now, connection = declared(), 0.0, 1
    numbers: dict[int, int] = {}
    waits: dict[int, float] = {}
    starts = ends = 0
    for pause, (what, which, more) in steps:
        now += pause
        if what == "alarm":
            numbers[which] = numbers.get(which, -1) + 1
            made.alarm(alarm(which, numbers[which], silenced=more), "", now)
            waits = {k: v for k, v in waits.items() if k != which} if more else waits
            if not more:
                waits.setdefault(which, now)
        elif what == "confirm" and more >= numbers.get(which, 9):
            confirm(made, which, more)
            waits.pop(which, None)
        elif what == "leave":
            made.leave("desk", connection, now, clean=which and bool(waits))
        elif what == "join":
            connection += 1
            made.join(m.Subscribe(channels=("alarms",), receiver="desk"), connection)
        phases = [phase for _, _, phase in told(made, now)]
        starts, ends = starts + phases.count("start"), ends + phases.count("end")
        late = any(now - since >= CONFIRM_SECONDS for since in waits.values())
        assert len(made.standing()) == late == starts - ends


# ── Over real sockets ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def quick(monkeypatch):
    """A twentieth of the time to confirm, and a watch that looks as often."""
    monkeypatch.setattr(hub, "MONITOR_SECONDS", 0.01)
    monkeypatch.setattr(rule, "CONFIRM_SECONDS", 0.25)


async def until(peer, kind: str, phase: str) -> m.Alarm:
    """Wait for an alarm of this kind and phase."""
    while True:
        message = await peer.receive()
        event = getattr(message, "event", message)
        if isinstance(event, m.Alarm) and (event.kind, event.phase) == (kind, phase):
            return event


async def next_alarm(peer) -> m.Alarm:
    """The next alarm, whatever it is."""
    while not isinstance(message := await peer.receive(), m.Event):
        pass
    return message.event


def test_a_silent_receiver_is_told_to_the_others_and_to_the_device(tmp_path, monkeypatch, quick):
    """Not before the time to confirm is over; it ends when the receiver confirms late."""
    monkeypatch.setattr(rule, "CONFIRM_SECONDS", CONFIRM_SECONDS)  # the real one, once

    async def scene():
        loop = asyncio.get_running_loop()
        async with (
            worker(tmp_path) as work,
            gateway(tmp_path) as server,
            subscriber(server, "alarms") as other,
            subscriber(server, "alarms", receiver="desk", text=True) as silent,
            device(server) as source,
        ):
            await source.send(hello())
            for peer in (other, silent, source):
                await peer.receive()
            begin = loop.time()
            await work.publish(alarm(1))
            both = asyncio.gather(*(until(p, "DELIVERY_FAIL", "start") for p in (other, source)))
            while not both.done():
                for peer in (silent, source):
                    await peer.send(m.Heartbeat(time=0.0))
                await asyncio.wait({both}, timeout=0.5)
            took = loop.time() - begin
            await silent.send(m.Confirm(alarms=(m.Taken(alarm(1).id, 0),)))
            ended = [await until(peer, "DELIVERY_FAIL", "end") for peer in (other, source)]
            await work.publish(alarm(2))
            return took, both.result(), ended, [await next_alarm(silent) for _ in "12"]

    took, started, ended, seen = asyncio.run(scene())
    assert took >= CONFIRM_SECONDS
    assert started[0] == started[1]
    assert ended == [ended[0]] * 2
    assert (ended[0].id, ended[0].state) == (started[0].id, "ended")
    assert seen == [alarm(1), alarm(2)]  # it is not told of itself


def test_a_receiver_that_confirms_in_time_is_mentioned_to_nobody(tmp_path, quick, monkeypatch):
    """The SDK does, when the consumer asks for what comes next; also on a busy machine."""
    monkeypatch.setattr(rule, "CONFIRM_SECONDS", 2.0)

    async def receive(server, count: int, ready: asyncio.Event) -> list[m.Alarm]:
        url, seen = f"ws://127.0.0.1:{server.port}", []
        async with aclosing(aiter(Subscriber(url, receiver="desk"))) as items:
            async for item in items:
                ready.set()
                if isinstance(item, m.Event):
                    seen.append(item.event)
                if len(seen) == count:
                    return seen
        raise AssertionError

    async def scene():
        async with (
            worker(tmp_path) as work,
            gateway(tmp_path) as server,
            subscriber(server, "alarms") as other,
            subscriber(server, "alarms", receiver="silent") as silent,
        ):
            await other.receive()
            await silent.receive()
            receiving = asyncio.create_task(receive(server, 3, ready := asyncio.Event()))
            await ready.wait()
            await work.publish(alarm(1))
            fail = await until(other, "DELIVERY_FAIL", "start")
            await work.publish(alarm(2))
            counted = [await count_of(server, name) for name in ("receivers", "undelivered")]
            return counted, fail, await receiving

    counted, fail, seen = asyncio.run(scene())
    assert counted == [2, 1]
    assert fail.text.endswith("silent")  # whose silence proves that the time had passed
    assert [one.kind for one in seen] == ["VTACH", "DELIVERY_FAIL", "VTACH"]


def test_a_receiver_that_is_cut_off_is_missed_and_one_that_says_goodbye_is_not(tmp_path, quick):
    """A later subscriber and a later device see it at once: snapshot, WELCOME."""

    async def scene():
        async with worker(tmp_path) as work, gateway(tmp_path) as server:
            for name in ("lost", "left"):
                async with subscriber(server, "alarms", receiver=name) as peer:
                    await peer.receive()
                    if name == "lost":
                        peer.socket.transport.abort()
            async with subscriber(server, "alarms") as other:
                await other.receive()
                await work.publish(alarm(1))
                fail = await until(other, "DELIVERY_FAIL", "start")
            async with subscriber(server, "alarms") as late, device(server) as source:
                await source.send(hello())
                await source.receive()
                return fail, (await late.receive()).alarms, await source.receive()

    fail, shown, heard = asyncio.run(scene())
    assert fail.text.endswith("lost")
    assert shown == (fail,)
    assert heard == fail


def test_what_the_snapshot_shows_must_be_confirmed_too(tmp_path, quick):
    """Here alarms that began before the receiver was there; one of them is confirmed."""
    with Store(tmp_path / "store.db") as store:
        epoch = store.claim(0)
        with store.transaction(0, epoch) as change:
            change.save_alarms([alarm(1)])
            change.save_alarms([alarm(1, patient="p2")])

    async def scene():
        async with (
            gateway(tmp_path) as server,
            subscriber(server, "alarms") as other,
            subscriber(server, "alarms", receiver="desk") as silent,
        ):
            await silent.receive()
            await silent.send(m.Confirm(alarms=(m.Taken(alarm(1).id, 0),)))
            return await until(other, "DELIVERY_FAIL", "start")

    assert asyncio.run(scene()).patient == "p2"


def test_a_device_is_told_that_nobody_analyses(tmp_path, quick, monkeypatch):
    """NOT_MONITORED goes to it, too, and a receiver must confirm it."""
    monkeypatch.setattr("stream.gateway.monitor.VITALS_SECONDS", 0.1)
    monkeypatch.setattr("stream.gateway.monitor.HOLD_SECONDS", 0.05)

    async def scene():
        async with (
            gateway(tmp_path) as server,
            subscriber(server, "alarms", receiver="desk") as silent,
            device(server) as source,
        ):
            await silent.receive()
            await source.send(hello(), block(payload=bytes(1500)))
            await until(source, "NOT_MONITORED", "start")
            await until(silent, "NOT_MONITORED", "start")
            return await until(source, "DELIVERY_FAIL", "start")

    assert "NOT_MONITORED" in asyncio.run(scene()).evidence.rule


def test_the_device_sdk_gives_the_alarm_to_its_listener(tmp_path, quick):
    """As an event like any other."""

    async def scene():
        heard: asyncio.Queue[m.Alarm] = asyncio.Queue()

        def listen(event):
            if isinstance(event, m.Alarm):
                heard.put_nowait(event)

        async with (
            worker(tmp_path) as work,
            gateway(tmp_path) as server,
            subscriber(server, "alarms", receiver="desk") as silent,
            Device(
                f"ws://127.0.0.1:{server.port}",
                patient="p1",
                leads=["II"],
                rate=250,
                uv_per_lsb=5,
                listener=listen,
            ),
        ):
            await silent.receive()
            await work.publish(alarm(1))
            return await heard.get()

    assert asyncio.run(scene()).kind == "DELIVERY_FAIL"


@pytest.mark.parametrize(
    ("asked", "first", "code"),
    [
        ({"channels": ("beats",), "receiver": "desk"}, None, "mismatch"),
        ({"channels": ("gossip", "alarms"), "receiver": "desk"}, None, "unknown_channel"),
        ({"channels": ("alarms",), "receiver": "no spaces"}, None, "out_of_range"),
        ({"channels": ("alarms",)}, m.Confirm(alarms=(m.Taken("a", 0),)), "unexpected"),
    ],
)
def test_a_declaration_or_confirmation_out_of_place_is_refused(tmp_path, asked, first, code):
    """Typed, with the documented close code."""

    async def scene():
        async with (
            gateway(tmp_path) as server,
            subscriber(server, *asked["channels"], receiver=asked.get("receiver", "")) as peer,
        ):
            await peer.send(*([first] if first else []))
            while not isinstance(message := await peer.receive(), m.Problem):
                pass
            return message.code, await peer.closed()

    assert asyncio.run(scene()) == (code, Close.INVALID)


def test_one_receiver_too_many_is_turned_away(tmp_path, monkeypatch):
    """With the limit; nobody else is forgotten for it."""
    monkeypatch.setattr(rule, "MAX_RECEIVERS", 1)

    async def scene():
        async with (
            gateway(tmp_path) as server,
            subscriber(server, "alarms", receiver="first") as first,
        ):
            await first.receive()
            async with subscriber(server, "alarms", receiver="second") as second:
                return (await second.receive()).code, await second.closed()

    assert asyncio.run(scene()) == ("too_many_receivers", Close.UNAVAILABLE)


@pytest.mark.parametrize("away", [False, True])
def test_a_failure_that_another_gateway_ended_is_over_only_if_the_receiver_went_there(away):
    """Who is still here and owes an answer fails anew, under another name."""
    made = declared()
    made.alarm(alarm(1), "ICU", 10.0)
    ((_, fail),) = made.tick(15.5, WALL)
    made.told_over(alarm(0, id="p1:s:x:DELIVERY_FAIL:desk:9", kind="DELIVERY_FAIL"))
    assert made.standing() == [fail]
    if away:
        made.leave("desk", 1, 16.0, clean=False)
    made.told_over(fail)
    assert made.standing() == []
    assert told(made, 17.0) == ([] if away else STARTED)
    assert made.settled("desk", "p2") == (not away)
    assert not made.settled("desk", "p1")
    assert not made.settled("nobody", "p1")
