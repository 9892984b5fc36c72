"""A patient who makes a room or the alarm book raise is left out, told, and put back; nobody else notices."""

import contextlib
import itertools
import logging
from typing import Any

import msgspec
import numpy as np
import pytest
from worker_rig import (
    PARTITION,
    START,
    Broken,
    CrashError,
    Fuse,
    Width,
    compare,
    house,
    live,
    mind,
    work,
)
from worker_world import stream

import stream.engine.alarms.book as rules
import stream.worker.worker as loop
from ecg import messages as m
from stream.engine.alarms.rules import Ledger
from stream.engine.ward import Ward
from stream.log import Topic
from stream.worker.turn import Shift

KIND = "ANALYSIS_FAIL"
HUGE = 8000.0
"""Microvolts that no heart has."""
BAD = (12, 15)
"""Seconds of its session in which `bad` makes a room raise."""


pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("read_later")]


class Faulty(Width):
    """The last room but one has a bug: it cannot bear huge beats."""

    def __call__(self, windows, contexts):
        if np.any(windows[:, :96] > HUGE):
            raise ZeroDivisionError("a bug of ours")
        return super().__call__(windows, contexts)


@pytest.fixture
def faulty_book(monkeypatch):
    """The book has two bugs: it cannot bear a note, and cannot end a pause of `bad`'s; both half done."""

    def carry_out(ledger, command):
        done = before(ledger, command)
        if isinstance(command, m.Acknowledge) and command.note == "a bug":
            raise ZeroDivisionError("a bug of ours")
        return done

    before = rules.carry_out
    monkeypatch.setattr(rules, "carry_out", carry_out)
    monkeypatch.setattr(rules, "fall_due", broken(rules.fall_due))


def broken(fall_due):
    """Deadlines that are decided as ever, and then raise at the end of a pause of `bad`'s."""

    def raising(ledger):
        paused = ledger.state.paused_until
        fall_due(ledger)
        if ledger.state.profile.id == "bad" and 0.0 < paused <= ledger.now:
            raise ZeroDivisionError("a bug of ours")

    return raising


def asked(at: float) -> list[tuple[float, Any]]:
    """A nurse acknowledges with the note that the book cannot bear, and pauses the sound for 3 s."""
    by = {"patient": "bad", "by": "nurse", "at": START}
    return [
        (START + at, m.Acknowledge(id="c1", alarm="", note="a bug", **by)),
        (START + at + 1, m.PauseAudio(id="c2", seconds=3, **by)),
        (START + at + 2, m.Acknowledge(id="c1", alarm="", note="a bug", **by)),
    ]


def poisoned(source: list[Any], begin: float, end: float) -> list[Any]:
    """The same stream, twenty times as high for some seconds of it."""
    return [
        (at, _huge(block) if begin <= block.first / 250 < end else block) for at, block in source
    ]


def _huge(block: m.Block) -> m.Block:
    samples = np.frombuffer(block.payload, "<i2") * 20
    return msgspec.structs.replace(block, payload=samples.astype("<i2").tobytes())


def sources() -> list[list[Any]]:
    """Three patients; `bad` is in a tachycardia when it makes a room raise."""
    return [
        stream("vt", "vt", 200),
        poisoned(stream("vt", "bad"), *BAD),
        stream("asystole", "asystole", 500),
    ]


async def everything(made, classifier=None, **named: Any):
    """A worker reads the log of `sources` to its end, and lets all deadlines pass."""
    made.now = START + 110
    worker = made.worker(classifier=classifier, **named)
    readers = await work(worker)
    made.now = START + 120
    await worker.turn(*readers)
    return await made.outcome(), made.kept(), mind(worker)


async def fill(made) -> None:
    """Append all that `sources` have, and what is asked once `bad` is back, in the order of time."""
    found = [(at, block, Topic.SAMPLES) for source in sources() for at, block in source]
    found += [(at, command, Topic.COMMANDS) for at, command in asked(30)]
    for at, message, topic in sorted(found, key=lambda item: item[0]):
        await made.put(at, message, topic=topic)


def others(found: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """What a world says and knows of everybody but `bad`."""
    outcome, kept, known = found
    return (
        {place: events for place, events in outcome.items() if not place.startswith("bad ")},
        {
            "trends": {p: rows for p, rows in kept["trends"].items() if p != "bad"},
            "alarms": [alarm for alarm in kept["alarms"] if alarm.patient != "bad"],
        },
        {patient: state for patient, state in known.items() if patient != "bad"},
    )


@pytest.mark.parametrize("batch", [1, 20, 4096])
async def test_who_makes_a_room_or_the_book_raise_is_left_out_alone(
    tmp_path, monkeypatch, request, batch
):
    """Beats, alarms, trends and states of all others are those of a world without the bug."""
    monkeypatch.setattr(loop, "BATCH", batch)
    async with house(tmp_path / "sound") as made:
        await fill(made)
        sound = await everything(made)
    request.getfixturevalue("faulty_book")
    async with house(tmp_path / "faulty") as made:
        await fill(made)
        faulty = await everything(made, Faulty())
    compare(others(faulty), others(sound))
    before = [b for b in sound[0]["bad Beat"] if b.sample < BAD[0] * 250 - 250]
    assert faulty[0]["bad Beat"][: len(before)] == before
    assert len(before) > 10
    failed = [a for a in faulty[0]["bad Alarm"] if a.kind == KIND and a.phase == "start"]
    assert len(failed) == 2
    assert failed[1].onset_time == pytest.approx(START + 34, abs=0.001)  # as the pause ends


async def test_the_patient_is_told_at_once_and_put_back(tmp_path, caplog):
    """ANALYSIS_FAIL in the turn of the failure; 10 s later it ends, and beats come again."""
    async with house(tmp_path) as made:
        worker = made.worker(classifier=Faulty())
        readers = await live(made, worker, sources(), 14)
        (start,) = await made.alarms(KIND)
        assert (start.patient, start.phase, start.priority.name) == ("bad", "start", "MEDIUM")
        failed = start.onset_time
        assert START + 12 < failed <= START + 14
        assert "bad" in worker._ward.quarantine
        await live(made, worker, sources(), 50, 14, readers)
        phases = [a.phase for a in await made.alarms(KIND)]
        assert phases == ["start", "end"]
        beats = [e for e in await made.published(Topic.EVENTS) if isinstance(e, m.Beat)]
        times = np.array([b.time for b in beats if b.patient == "bad"])
        assert not np.any((times > failed) & (times < failed + 8.0))  # blocks are a second old
        assert np.count_nonzero(times > failed + 12) == pytest.approx(75 * 24 / 60, abs=5)
        learning = await made.alarms("LEARNING", "bad")
        assert [a.phase for a in learning] == ["start", "end", "start", "end"]
        assert await made.alarms("NO_DATA") == []
    traces = [r for r in caplog.records if r.exc_info and r.levelno == logging.ERROR]
    assert len(traces) == 1
    assert "a bug of ours" in caplog.text
    assert "bad: left out for 10 s" in caplog.text


@pytest.mark.usefixtures("faulty_book")
async def test_a_command_that_makes_the_book_raise_is_refused(tmp_path):
    """With a code, once, in the audit trail; what it had begun is undone, and the analysis goes on."""
    async with house(tmp_path) as made:
        worker = made.worker()
        source = stream("vt", "bad")
        readers = await live(made, worker, [source], 18)
        shown = worker._ward.book.alarms("bad")
        assert [a.kind for a in shown if a.state == "active"]
        for at, command in asked(18.1)[::2]:
            await made.put(at, command, topic=Topic.COMMANDS)
        await live(made, worker, [source], 30, 18, readers)
        events = await made.published(Topic.EVENTS)
        done = [(e.id, e.refused) for e in events if isinstance(e, m.CommandDone)]
        assert done == [("c1", "command_failed")]
        assert made.kept()["audit"] == [("c1", "acknowledge refused: command_failed")]
        assert not any(alarm.acknowledged_by for alarm in await made.alarms())
        assert await made.alarms(KIND) == []
        assert max(e.time for e in events if isinstance(e, m.Beat)) > START + 28


@pytest.mark.usefixtures("faulty_book")
async def test_whose_deadline_makes_the_book_raise_is_left_out(tmp_path, caplog):
    """From the deadline on, also one that no record follows: what latches stays, the rest ends."""
    async with house(tmp_path) as made:
        worker = made.worker()
        sources = [stream("vt", "other"), [i for i in stream("vt", "bad") if i[0] < START + 20.5]]
        readers = await live(made, worker, sources, 19)
        _, pause, _ = asked(18)
        await made.put(*pause, topic=Topic.COMMANDS)
        await live(made, worker, sources, 26, 19, readers)
        (start,) = await made.alarms(KIND)
        assert (start.patient, start.onset_time) == ("bad", pytest.approx(START + 22, abs=0.001))
        shown = {a.kind: a.state for a in worker._ward.book.alarms("bad")}
        assert shown == {"VTACH": "latched", "EXTREME_TACHY": "latched", KIND: "active"}
        over = await made.alarms("ALARMS_PAUSED", "bad")
        assert [(a.phase, a.state) for a in over] == [("start", "active"), ("end", "ended")]
        assert made.store.load(PARTITION).books.keys() == {"bad", "other"}
        await live(made, made.worker(), [stream("vt", "other"), stream("vt", "bad")], 40, 26)
        assert [a.phase for a in await made.alarms(KIND)] == ["start", "end"]
        beats = [e for e in await made.published(Topic.EVENTS) if isinstance(e, m.Beat)]
        assert max(b.time for b in beats if b.patient == "bad") > START + 36
        assert max(b.time for b in beats if b.patient == "other") > START + 36
    assert len([r for r in caplog.records if r.exc_info]) == 1


async def test_a_high_alarm_that_held_stays_latched(tmp_path):
    """Nobody knows whether the tachycardia goes on: it is shown until somebody has seen it."""
    async with house(tmp_path) as made:
        late = [stream("vt", "other"), poisoned(stream("vt", "bad"), 18, 20)]
        worker = made.worker(classifier=Faulty())
        await live(made, worker, late, 22)
        shown = {a.kind: a.state for a in worker._ward.book.alarms("bad")}
        assert shown["VTACH"] == "latched"
        assert shown[KIND] == "active"
        held = {a.kind: a.state for a in worker._ward.book.alarms("other")}
        assert held["VTACH"] == "active"


@pytest.mark.parametrize("rule", ["start", "clear", "end", "escalate"])
async def test_whatever_rule_of_the_book_raises_the_worker_goes_on(tmp_path, monkeypatch, rule):
    """Alarms of one patient cannot begin, or end, or grow worse: what the others have is as without the bug."""
    # Silent for so long that NO_DATA is raised, and becomes medium.
    silent = [item for item in stream("vt", "bad") if not 24 < item[0] - START < 36]
    sources = [stream("vt", "other"), silent]
    told = {}
    for place in ("sound", "faulty"):
        async with house(tmp_path / place) as made:
            await live(made, made.worker(), sources, 45)
            told[place] = await made.outcome()
        spoil(monkeypatch, rule)
    for kind in ("Beat", "Vitals", "Alarm"):
        compare(told["faulty"][f"other {kind}"], told["sound"][f"other {kind}"])
    failed = [a for a in told["faulty"]["bad Alarm"] if a.kind == KIND]
    assert [a.phase for a in failed][:1] == ["start"]


@pytest.fixture
def told_of_lag(monkeypatch):
    """What is read long after it came is late, as it is outside of these tests."""
    monkeypatch.setattr(loop, "LAG_SECONDS", 5.0)


async def fall_behind(made, worker, readers) -> list[Any]:
    """Seven seconds of both patients are analysed 8 s after they came; gives what comes then."""
    both = [stream("steady", "bad"), stream("steady", "other")]
    found = sorted((item for source in both for item in source), key=lambda item: item[0])
    for at, block in found:
        if 5 < at - START <= 12:
            await made.put(at, block)
    made.now = START + 20
    await worker.turn(*readers)
    return [(at + 8, block) for at, block in found if at - START > 12]


async def have_trouble(made, kind: str, silent: bool) -> Any:
    """Both patients have a trouble of this kind, which is about to end; `silent`: bad sends no more."""
    model = Broken()
    both = [stream("steady", "bad"), stream("steady", "other")]
    worker = made.worker(classifier=model)
    readers = await live(made, worker, both, 5)
    if kind == "ANALYSIS_LAG":
        rest = await fall_behind(made, worker, readers)
    else:
        model.fails = True
        await live(made, worker, both, 20, 5, readers)
        model.fails = False
        rest = [item for source in both for item in source]
    assert {alarm.patient for alarm in await made.alarms(kind)} == {"bad", "other"}
    left = [item for item in rest if not silent or item[1].patient != "bad"]
    return worker, readers, sorted(left, key=lambda item: item[0])


@pytest.mark.usefixtures("told_of_lag")
@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("kind", ["ANALYSIS_LAG", "MODEL_FAIL"])
async def test_whose_book_cannot_take_the_end_of_a_trouble_is_left_out(
    tmp_path, monkeypatch, kind, silent
):
    """A trouble of everybody ends and one book raises, of who sends or is silent: all others hear it."""
    async with house(tmp_path) as made:
        worker, readers, rest = await have_trouble(made, kind, silent)
        spoil(monkeypatch, "clear", kind)
        await live(made, worker, [rest], 23, 20, readers)
        found = await made.outcome()
        told = {
            patient: [
                (a.kind, a.phase) for a in found[f"{patient} Alarm"] if a.kind in {kind, KIND}
            ]
            for patient in ("bad", "other")
        }
        assert told["other"] == [(kind, "start"), (kind, "end")]
        assert sorted(told["bad"]) == sorted([*told["other"], (KIND, "start")])
        assert "bad" in worker._ward.quarantine


@pytest.mark.usefixtures("told_of_lag")
async def test_whose_book_cannot_take_a_lag_is_left_out(tmp_path, monkeypatch):
    """Others have ANALYSIS_LAG; whoever is left out has ANALYSIS_FAIL instead, and once while it lasts."""
    async with house(tmp_path) as made:
        worker = made.worker()
        readers = await live(made, worker, [stream("steady", "bad"), stream("steady", "other")], 5)
        spoil(monkeypatch, "start", "ANALYSIS_LAG")
        for at, block in (await fall_behind(made, worker, readers))[:2]:
            await made.put(at, block)
        made.now = START + 27
        await worker.turn(*readers)
        told = [(a.patient, a.phase) for a in await made.alarms("ANALYSIS_LAG")]
        assert told == [("other", "start")]
        assert [(a.patient, a.phase) for a in await made.alarms(KIND)] == [("bad", "start")]
        assert worker._ward.quarantine.seconds("bad") == 10.0


class AllV(Width):
    """A version whose classifier calls every beat V: at 65 /min a ventricular rhythm."""

    def __call__(self, windows, contexts):
        labels = np.full(len(windows), 2, np.int8)
        return labels, np.eye(5, dtype=np.float32)[labels]


@pytest.mark.parametrize("fault", ["deadline", "start"])
def test_whose_book_raises_when_a_replay_is_told_is_left_out(monkeypatch, fault):
    """After a takeover, in a deadline or in the news itself: others are told what the new version found."""
    begun, taken = Shift(Ward(Width()), "engine-1", 10.0), Shift(Ward(AllV()), "engine-2", 10.0)
    _, (at, pause), _ = asked(27.5)
    for patient, seconds in (("bad", 30), ("other", 32)):  # the pause ends in between
        found = [(block, at) for at, block in stream("steady", patient)][:seconds]
        begun.samples(found[:28])
        if patient == "bad":
            begun.command(pause, at)
        begun.samples(found[28:])
        taken.recall(patient, begun.ward.book.dump(patient))
        taken.samples(found, live=False)
    if fault == "start":
        spoil(monkeypatch, "start")
    else:
        monkeypatch.setattr(rules, "fall_due", broken(rules.fall_due))
    events = taken.replayed({"bad", "other"}, START + 33)
    started = {(e.patient, e.kind) for e in events if e.phase == "start"}
    assert {kind for patient, kind in started if patient == "bad"} == {KIND}
    assert ("other", "VENT_RHYTHM") in started
    kept = taken.close(events, set(), {})
    assert kept.books.keys() == {"bad", "other"}
    assert [c.patient for c in kept.checkpoints] == ["bad"]


def spoil(monkeypatch, rule: str, kind: str = "") -> None:
    """From now on a rule of the book raises for `bad`, but for the alarm that says so; or for one kind."""
    before = getattr(Ledger, rule)

    def raising(ledger, about, *given, **named):
        alarm = getattr(about, "alarm", about)
        spoilt = alarm.kind == kind if kind else alarm.kind not in {KIND, "LEARNING"}
        if ledger.state.profile.id == "bad" and spoilt:
            raise ZeroDivisionError("a bug of ours")
        return before(ledger, about, *given, **named)

    monkeypatch.setattr(Ledger, rule, raising)


@pytest.mark.usefixtures("faulty_book")
async def test_a_crash_in_the_middle_changes_nothing(tmp_path, monkeypatch):
    """Workers die at many points, before, in and after the quarantine: nobody sees it."""
    monkeypatch.setattr(loop, "BATCH", 16)
    async with house(tmp_path / "log") as made:
        await fill(made)
    async with house(tmp_path / "one", tmp_path / "log") as made:
        undisturbed = await everything(made, Faulty())
    phases = [a.phase for a in undisturbed[0]["bad Alarm"] if a.kind == KIND]
    assert phases == ["start", "end", "start"]
    for at in itertools.count(1, 17):
        async with house(tmp_path / str(at), tmp_path / "log") as made:
            fuse = Fuse(at)
            made.now = START + 110
            with contextlib.suppress(CrashError):
                await work(made.worker(fuse, Faulty()))
            compare(await everything(made, Faulty()), undisturbed, f"crash at {at}")
        if fuse.points < at:
            break
    assert at > 200


async def test_another_engine_tries_again_at_once(tmp_path):
    """A version that has the bug no more puts the patient back when it takes over."""
    async with house(tmp_path) as made:
        await live(made, made.worker(classifier=Faulty()), sources(), 14)
        sound = made.worker(engine="engine-2")
        readers = await live(made, sound, sources(), 16, 14)
        assert [a.phase for a in await made.alarms(KIND)] == ["start", "end"]
        await live(made, sound, sources(), 40, 16, readers)
        beats = [e for e in await made.published(Topic.EVENTS) if isinstance(e, m.Beat)]
        assert max(b.time for b in beats if b.patient == "bad") > START + 38


async def test_another_engine_that_fails_in_its_replay_goes_on(tmp_path):
    """A bug that came with a version is met while it replays: whose it is is left out, and told."""
    async with house(tmp_path) as made:
        await live(made, made.worker(), sources(), 18)
        faulty = made.worker(engine="engine-2", classifier=Faulty())
        await live(made, faulty, sources(), 20, 18)
        assert [(a.patient, a.phase) for a in await made.alarms(KIND)] == [("bad", "start")]
        state = made.store.load(PARTITION)
        assert {c.patient for c in state.checkpoints} >= {"bad", "vt", "asystole"}
        beats = [e for e in await made.published(Topic.EVENTS) if isinstance(e, m.Beat)]
        assert max(b.time for b in beats if b.patient == "vt") > START + 18
