"""The worker over the real log and store: what it does in a turn."""

import asyncio
import threading
from itertools import groupby

import msgspec
import pytest
from worker_rig import PARTITION, START, Width, go_on, house, live, work
from worker_world import fill, stream

from ecg import messages as m
from stream.engine.alarms.state import PatientState
from stream.log import Topic
from stream.store import unpack_book

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("eager")]


# ── A turn ────────────────────────────────────────────────────────────────────────────────────


async def test_checkpoints_come_at_once_and_then_staggered(tmp_path):
    """A new patient's state is saved in the turn of the first block; the others' by and by."""
    async with house(tmp_path) as made:
        sources = [stream("steady", f"p{k}") for k in range(6)]
        saved = {}
        worker = made.worker()
        readers = None
        for second in range(1, 25):
            readers = await live(made, worker, sources, second, second - 1, readers)
            for kept in made.store.load(PARTITION).checkpoints:
                saved.setdefault(kept.patient, {}).setdefault(kept.offset, second)
        times = {patient: sorted(found.values()) for patient, found in saved.items()}
        assert all(found[0] == 2 for found in times.values())
        assert all(found[-1] - found[-2] == 10 for found in times.values())
        assert len({found[1] for found in times.values()}) > 2


async def test_positions_books_and_outbox_are_kept_together(tmp_path):
    """After each turn they speak of the same place in the log."""
    async with house(tmp_path) as made:
        await fill(made, until=25)
        worker = made.worker()
        await work(worker)
        loaded = made.store.load(PARTITION)
        assert loaded.positions[Topic.SAMPLES] == await made.log.end(Topic.SAMPLES)
        assert loaded.positions[Topic.COMMANDS] == await made.log.end(Topic.COMMANDS)
        assert all(
            unpack_book(blob).position <= loaded.positions[Topic.SAMPLES]
            for blob in loaded.books.values()
        )
        assert made.store.pending(10) == []


async def test_alarms_say_when_they_were_published(tmp_path):
    """On the wire and in history, by the worker's clock; ids do not depend on it."""
    async with house(tmp_path) as made:
        await fill(made, until=25)
        made.now = START + 33.0
        await work(made.worker())
        alarms = await made.alarms()
        assert alarms
        assert {alarm.published_at for alarm in alarms} == {START + 33.0}
        assert {alarm.published_at for alarm in made.store.history.alarms()} == {START + 33.0}


async def test_a_strip_comes_when_its_signal_is_there(tmp_path):
    """From 10 s before to 5 s after, as an update, in the turn of the block that completes it."""
    async with house(tmp_path) as made:
        source = stream("vt", "vt")
        worker = made.worker()
        readers = await live(made, worker, [source], 17)
        assert [a for a in await made.alarms() if a.strip] == []
        await live(made, worker, [source], 19, 17, readers)
        (tachycardia,) = [a for a in await made.alarms("VTACH") if a.strip]
        onset = tachycardia.onset_sample
        assert (tachycardia.strip.first, tachycardia.strip.end) == (onset - 2500, onset + 1250)
        covered = {n for b in tachycardia.strip.blocks for n in range(b.first, b.end)}
        assert covered >= set(range(onset - 2500, onset + 1250))
        stored = made.store.history.alarm(tachycardia.id)
        assert stored.strip == tachycardia.strip


async def test_gaps_of_a_strip_are_holes_also_after_a_restart(tmp_path):
    """A missing block is missing in the strip, whichever worker cuts it."""
    async with house(tmp_path) as made:
        source = [(at, b) for at, b in stream("vt", "vt") if b.first != 9 * 250]
        await live(made, made.worker(), [source], 17)
        await live(made, made.worker(), [source], 19, 17)
        (strip,) = [a.strip for a in await made.alarms("VTACH") if a.strip]
        firsts = [block.first // 250 for block in strip.blocks]
        assert 8 in firsts
        assert 9 not in firsts
        assert 10 in firsts


async def test_a_goodbye_completes_a_strip(tmp_path):
    """More signal will not come: the strip ends where the session does."""
    async with house(tmp_path) as made:
        source = stream("vt", "vt")
        worker = made.worker()
        readers = await live(made, worker, [source], 16)
        await made.put(START + 16.5, m.Goodbye(patient="vt", session="s", end=15 * 250))
        await worker.turn(*readers)
        (strip,) = [a.strip for a in await made.alarms("VTACH") if a.strip]
        assert strip.blocks[-1].end == 15 * 250


# ── People ────────────────────────────────────────────────────────────────────────────────────


async def test_commands_are_carried_out_once_and_audited(tmp_path):
    """A repeated command does nothing, and its result stands once."""
    async with house(tmp_path) as made:
        worker = made.worker()
        readers = await live(made, worker, [stream("steady", "p")], 5)
        command = m.SetLimits(id="c1", patient="p", by="nurse", at=START + 5, low=40, high=100)
        for at in (5.1, 5.2, 5.3):
            await made.put(START + at, command, topic=Topic.COMMANDS)
            await worker.turn(*readers)
        await worker.turn(*readers)
        done = [e for e in await made.published(Topic.EVENTS) if isinstance(e, m.CommandDone)]
        assert [(d.id, d.refused, d.time) for d in done] == [("c1", "", START + 5.1)]
        (line,) = made.store.history.audit()
        assert (line.id, line.who, line.what, line.detail) == (
            "c1", "nurse", "setlimits", "40 to 100 /min",
        )  # fmt: skip
        state = msgspec.msgpack.decode(worker._ward.book.dump("p"), type=PatientState)
        assert (state.limits.low, state.limits.high) == (40, 100)


def admission(patient: str, number: int, bed: str = "3") -> m.Admit:
    """To a bed of the ICU."""
    at, place = START + number, m.Location("ICU", bed)
    return m.Admit(
        id=f"c{number}", patient=patient, by="n", at=at, profile=m.Patient(patient), location=place
    )


async def answers(made) -> list[tuple[str, str, str]]:
    """Which commands were done (id, refused, why), in order."""
    told = await made.published(Topic.EVENTS)
    return [(e.id, e.refused, e.detail) for e in told if isinstance(e, m.CommandDone)]


async def test_of_two_admissions_to_one_bed_that_both_were_taken_one_is_done(tmp_path):
    """Two gateways looked at once and saw it empty: the other one is refused, and its patient in no bed."""
    async with house(tmp_path) as made:
        first, second = admission("p1", 1), admission("p2", 2)
        await made.put(START + 2, first, second, topic=Topic.COMMANDS)
        await work(made.worker())
        assert await answers(made) == [
            ("c1", "", "ICU 3"),
            ("c2", "occupied", "p1 lies in ICU 3"),
        ]
        (lies,) = made.store.history.patients()
        assert lies.admit == first
        assert made.store.history.audit(patient="p2")[0].what == "admit refused: occupied"


async def test_a_bed_that_another_worker_is_about_to_give_away_is_refused(tmp_path):
    """Its patient is of another partition; after the discharge the bed is free."""
    async with house(tmp_path) as made:
        epoch, theirs, gone = made.store.claim(1), admission("p2", 1), admission("p1", 3)
        with made.store.transaction(1, epoch) as tx:
            assert tx.claim_bed("p2", theirs.location) == ""
        worker = made.worker()
        await made.put(START + 2, admission("p1", 2), topic=Topic.COMMANDS)
        readers = await work(worker)
        with made.store.transaction(1, epoch) as tx:
            tx.admit(theirs)
            tx.unclaim("p2")
        await made.put(START + 3, gone, admission("p1", 4, bed="4"), topic=Topic.COMMANDS)
        await go_on(worker, *readers)
        with made.store.transaction(1, epoch) as tx:
            tx.discharge(m.Discharge(id="d", patient="p2", by="n", at=START + 5))
        await made.put(START + 6, admission("p1", 6), topic=Topic.COMMANDS)
        await go_on(worker, *readers)
        assert await answers(made) == [
            ("c2", "occupied", "p2 lies in ICU 3"),
            ("c3", "occupied", "p2 lies in ICU 3"),
            ("c4", "", "ICU 4"),
            ("c6", "", "ICU 3"),
        ]


async def test_vitals_name_the_bed_that_a_patient_was_admitted_to(tmp_path):
    """Whoever follows a unit sees those who were moved there, whatever their devices say."""
    async with house(tmp_path) as made:
        worker, source = made.worker(), stream("steady", "p1")
        readers = await live(made, worker, [source], 4)
        await made.put(START + 4.5, admission("p1", 4), topic=Topic.COMMANDS)
        await live(made, worker, [source], 8, 4, readers)
        leaves = m.Discharge(id="d", patient="p1", by="n", at=START + 8)
        await made.put(START + 8.5, leaves, topic=Topic.COMMANDS)
        await live(made, worker, [source], 12, 8, readers)
        told = [e for e in await made.published(Topic.EVENTS) if isinstance(e, m.Vitals)]
        places = [(e.unit, e.bed) for e in told]
        assert [place for place, _ in groupby(places)] == [("", ""), ("ICU", "3"), ("", "")]


async def test_a_late_worker_takes_commands_in_their_place(tmp_path):
    """An acknowledgement meant the alarm that stood then, not what stands when it is read."""
    async with house(tmp_path) as made:
        for at, block in stream("vt", "vt"):
            await made.put(at, block)
            if block.first == 15 * 250:
                seen = m.Acknowledge(id="c1", patient="vt", by="n", at=at, alarm="")
                await made.put(at, seen, topic=Topic.COMMANDS)
        await work(made.worker())
        states = [a.state for a in await made.alarms("VTACH") if not a.strip]
        assert states.index("acknowledged") < states.index("latched")


async def test_it_works_until_it_is_told_to_stop(tmp_path):
    """The loop takes what comes while it runs, and ends after the turn in which it is told."""
    async with house(tmp_path) as made:
        worker = made.worker()
        running = asyncio.create_task(worker.run())
        events = made.log.reader(Topic.EVENTS)
        for at, block in stream("steady", "p")[:3]:
            await made.put(at, block)
        assert await events.poll(1, 10.0)
        worker.stop()
        await running
        assert made.store.load(PARTITION).positions[Topic.SAMPLES] >= 1


class Busy(Width):
    """A model that works until the event loop tells it to end."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.enough = threading.Event()
        self.told: list[bool] = []

    def __call__(self, windows, contexts):
        self.begun.set()
        self.told.append(self.enough.wait(20))
        return super().__call__(windows, contexts)


async def test_work_of_the_engine_never_blocks_heartbeats(tmp_path):
    """While the model is at work the event loop, on which heartbeats are sent, has its turns."""
    model = Busy()
    async with house(tmp_path) as made:
        turn = asyncio.create_task(
            live(made, made.worker(classifier=model), [stream("steady", "p")], 12)
        )
        assert await asyncio.to_thread(model.begun.wait, 20)
        assert not turn.done()
        model.enough.set()
        await turn
    assert model.told
    assert all(model.told), "the loop stood still until the model gave up"
