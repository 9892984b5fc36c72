"""The worker in trouble: models, records, logs and books that fail; silence; bounds."""

import logging

import msgspec
import pytest
from worker_rig import PARTITION, START, Broken, Width, house, live, work
from worker_world import hello, stream

from ecg import messages as m
from ecg.types import BeatClass
from stream.config import Settings
from stream.engine.ward import Ward
from stream.log import Entry, LogUnavailable, OffsetExpired, Topic
from stream.store import Keep
from stream.worker import codec
from stream.worker.role import keep

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("eager")]


# ── Trouble ───────────────────────────────────────────────────────────────────────────────────


async def test_a_failing_model_is_an_alarm_of_everybody_who_sends(tmp_path):
    """Beats are Q, rate and asystole go on; who comes later is told; all end when it works."""
    model = Broken()
    async with house(tmp_path) as made:
        sources = [stream("asystole", "p"), stream("steady", "q")]
        worker = made.worker(classifier=model)
        readers = await live(made, worker, sources, 5)
        model.fails = True
        sources.append(stream("steady", "late", begin=8))
        await live(made, worker, sources, 21, 5, readers)
        failed = {a.patient for a in await made.alarms("MODEL_FAIL")}
        assert failed == {"p", "q", "late"}
        assert (await made.alarms("ASYSTOLE", "p"))[0].phase == "start"
        events = await made.published(Topic.EVENTS)
        labels = {e.label for e in events if isinstance(e, m.Beat) and e.sample > 6 * 250}
        assert labels == {BeatClass.Q}
        rates = [e.heart_rate for e in events if isinstance(e, m.Vitals) and e.patient == "q"]
        assert rates[-1] == pytest.approx(65, abs=1)
        model.fails = False
        await live(made, worker, sources, 24, 21, readers)
        ended = {a.patient for a in await made.alarms("MODEL_FAIL") if a.phase == "end"}
        assert ended == {"p", "q", "late"}


async def test_a_restart_with_a_working_model_ends_its_alarm(tmp_path):
    """What an earlier process raised does not stand for ever."""
    model = Broken()
    async with house(tmp_path) as made:
        model.fails = True
        await live(made, made.worker(classifier=model), [stream("steady", "p")], 8)
        await live(made, made.worker(), [stream("steady", "p")], 12, 8)
        phases = [a.phase for a in await made.alarms("MODEL_FAIL")]
        assert phases == ["start", "end"]


async def test_lag_is_an_alarm_until_the_worker_has_caught_up(tmp_path):
    """Told when what is read has waited for long, ended with the turn in which it has not."""
    async with house(tmp_path) as made:
        worker = made.worker()
        readers = await live(made, worker, [stream("steady", "p")], 5)
        for at, block in stream("steady", "p"):
            if START + 5 < at <= START + 12:
                await made.put(at, block)
        made.now = START + 30
        await worker.turn(*readers)
        (late,) = await made.alarms("ANALYSIS_LAG")
        assert (late.phase, late.value, late.measure) == (
            "start",
            pytest.approx(18.95, abs=0.06),
            "s",
        )
        await made.put(START + 30.1, stream("steady", "p")[12][1])
        await worker.turn(*readers)
        assert [a.phase for a in await made.alarms("ANALYSIS_LAG")] == ["start", "end"]


async def test_what_cannot_be_read_stalls_nobody(tmp_path, caplog):
    """Malformed records, and those under another's key, are left out and told in a topic."""
    async with house(tmp_path) as made:
        block = stream("steady", "p")[0][1]
        foreign = Entry("q", codec.wire.pack(block))
        await made.put(START + 1, Entry("p", b""), Entry("p", b"\xc1"), foreign, block)
        astray = m.PauseAudio(id="c1", patient="p", by="n", at=START)
        strays = Entry("p", b"{}"), Entry("q", codec.wire.pack(astray))
        await made.put(START + 1, *strays, topic=Topic.COMMANDS)
        await work(made.worker())
        assert [a.kind for a in await made.alarms()] == ["LEARNING"]
        told = await made.published(Topic.REJECTED)
        assert [(r.topic, r.offset, r.key, r.code, r.field) for r in told] == [
            (Topic.SAMPLES, 0, "p", "malformed", ""),
            (Topic.SAMPLES, 1, "p", "malformed", ""),
            (Topic.SAMPLES, 2, "q", "mismatch", "key"),
            (Topic.COMMANDS, 0, "p", "missing_field", "type"),
            (Topic.COMMANDS, 1, "q", "mismatch", "key"),
        ]
        assert made.store.history.command("c1") is None
        assert any(r.levelno == logging.WARNING for r in caplog.records)


async def test_what_postgresql_cannot_keep_stalls_nobody(tmp_path, postgres):
    """U+0000 in a record that an older gateway or another producer wrote: told, and left out."""
    async with house(tmp_path, place=postgres.place()) as made:
        block = stream("steady", "p")[0][1]
        nowhere = msgspec.structs.replace(block, unit="IC\0U")
        await made.put(START + 1, nowhere, block)
        bad, good = (
            m.PauseAudio(id=f"cmd-{n}", patient="p", by=by, at=START, seconds=60.0)
            for n, by in enumerate(("nurse\x007", "nurse-7"))
        )
        await made.put(START + 1, bad, good, topic=Topic.COMMANDS)
        await work(made.worker())
        told = await made.published(Topic.REJECTED)
        assert [(r.topic, r.code, r.field) for r in told] == [
            (Topic.SAMPLES, "out_of_range", "unit"),
            (Topic.COMMANDS, "out_of_range", "by"),
        ]
        assert made.store.history.command("cmd-0") is None
        assert made.store.history.command("cmd-1") is not None


async def test_expired_records_are_survived_loudly(tmp_path, caplog):
    """What retention dropped is a gap; the worker goes on where the log begins."""
    async with house(tmp_path) as made:
        await made.put(START + 1, *[b for _, b in stream("steady", "p")[:5]])
        worker = made.worker()
        samples, commands = await worker.take_over()
        await worker.turn(samples, commands)

        class Expired:
            """A reader that stands before the beginning."""

            async def poll(self, *_):
                raise OffsetExpired(Topic.SAMPLES, 0, 5, 40, 60)

            def seek(self, offset, partition):
                self.at = offset

            def position(self, partition):
                return self.at

        expired = Expired()
        await worker.turn(expired, commands)
        assert expired.at == 40
        assert "35 records had expired unread" in caplog.text
        assert made.store.load(PARTITION).positions[Topic.SAMPLES] == 40


async def test_a_log_that_cannot_be_reached_makes_nobody_silent(tmp_path):
    """Who sends cannot be seen: no NO_DATA, however long, nor before devices had time to come back."""
    async with house(tmp_path) as made:
        worker = made.worker()
        readers = await live(made, worker, [stream("steady", "p")], 8)

        class Away:
            """A reader without a broker."""

            async def poll(self, *_):
                raise LogUnavailable("no broker")

        for second in range(9, 40):
            made.now = START + second
            await worker.turn(Away(), readers[1])
        made.now = START + 41
        await worker.turn(*readers)
        assert await made.alarms("NO_DATA") == []
        for second in range(43, 48):
            made.now = START + second
            await worker.turn(*readers)
        assert [a.phase for a in await made.alarms("NO_DATA")][:1] == ["start"]


async def test_a_log_that_is_another_is_read_from_its_beginning(tmp_path, caplog):
    """Files of the log were lost: the worker says so, analyses what there is, and moves back."""
    async with house(tmp_path) as made:
        await made.put(START + 1, *[b for _, b in stream("steady", "p")[:20]])
        await work(made.worker())
    for file in tmp_path.glob("ingest.*"):
        file.unlink()
    async with house(tmp_path) as made:
        await made.put(START + 100, *[b for _, b in stream("steady", "p", session="s2")[:5]])
        await work(made.worker())
        assert "ends at 5, before 20" in caplog.text
        assert made.store.load(PARTITION).positions[Topic.SAMPLES] == 5
        beats = [e for e in await made.published(Topic.EVENTS) if isinstance(e, m.Beat)]
        assert {beat.session for beat in beats} == {"s", "s2"}


async def test_a_book_that_cannot_be_read_is_begun_anew(tmp_path, caplog):
    """One patient's damage is nobody else's, and no reason not to start."""
    async with house(tmp_path) as made:
        await live(made, made.worker(), [stream("steady", "p"), stream("steady", "q")], 5)
        epoch = made.store.claim(PARTITION)
        with made.store.transaction(PARTITION, epoch) as tx:
            tx.save_books({"p": b"no book"})
        worker = made.worker()
        await live(made, worker, [stream("steady", "p"), stream("steady", "q")], 8, 5)
        assert "p: an alarm book that cannot be read" in caplog.text
        assert set(worker._ward.book.patients()) == {"p", "q"}


# ── Silence ───────────────────────────────────────────────────────────────────────────────────


async def test_a_silent_patient_does_not_hold_the_replay_back(tmp_path):
    """Its checkpoint is moved up, also when a restarted worker has never heard of it."""
    async with house(tmp_path) as made:
        silent = [(at, b) for at, b in stream("steady", "silent") if at < START + 5]
        sources = [stream("steady", "p"), silent]
        await live(made, made.worker(), sources, 12)
        await live(made, made.worker(), sources, 49, 12)
        loaded = made.store.load(PARTITION)
        offsets = {c.patient: c.offset for c in loaded.checkpoints}
        assert loaded.positions[Topic.SAMPLES] - offsets["silent"] <= 12


async def test_who_leaves_in_order_leaves_nothing_to_replay(tmp_path):
    """Also of patients who fell silent a moment ago: every checkpoint stands at the position."""
    async with house(tmp_path) as made:
        silent = stream("steady", "silent", begin=10.5)[:1]  # the first block is saved at once
        worker = made.worker()
        await live(made, worker, [stream("steady", "p"), silent], 14)
        worker.stop()
        await worker.run()
        loaded = made.store.load(PARTITION)
        offsets = {c.patient: c.offset for c in loaded.checkpoints}
        assert offsets == dict.fromkeys(("p", "silent"), loaded.positions[Topic.SAMPLES])


async def test_a_stream_silent_for_an_hour_is_forgotten_with_its_last_minute(tmp_path):
    """Memory and checkpoint go, the last minute of the trend is kept; the book stays."""
    async with house(tmp_path) as made:
        worker = made.worker()
        readers = await live(made, worker, [stream("steady", "p")], 10)
        made.now = START + 10 + 3700
        await worker.turn(*readers)
        assert worker._ward.pipeline.patients == []
        assert made.store.load(PARTITION).checkpoints == []
        (minute,) = made.store.history.trends("p", 0, 2**40)
        assert minute.seconds == 9
        assert [a.kind for a in worker._ward.book.alarms("p")] == ["NO_DATA"]


async def test_silence_keeps_its_onset_over_a_restart(tmp_path):
    """NO_DATA is since data came last, whichever worker notices; devices may come back first."""
    async with house(tmp_path) as made:
        await live(made, made.worker(), [stream("steady", "p")], 5)
        made.now = START + 60
        worker = made.worker()
        readers = await worker.take_over()
        await worker.turn(*readers)
        assert await made.alarms("NO_DATA") == []
        made.now = START + 63.5
        await worker.turn(*readers)
        start = (await made.alarms("NO_DATA"))[0]
        assert (start.phase, start.onset_time) == ("start", pytest.approx(START + 4.05))


async def test_minutes_are_whole_over_a_restart(tmp_path):
    """Counts of a minute that a restart lies in are those of an undisturbed one."""
    found = []
    for name, stops in (("one", [50]), ("three", [12, 33, 50])):
        async with house(tmp_path / name) as made:
            begin = 0
            for stop in stops:
                await live(made, made.worker(), [stream("vt", "vt")], stop, begin)
                begin = stop
            rows = made.store.history.trends("vt", 0, 2**40)
            found.append(rows)
    assert found[0] == found[1]
    assert [row.minute for row in found[0]] == [int(START // 60)]
    assert found[0][0].v_beats == pytest.approx(21, abs=1)


# ── Bounds ────────────────────────────────────────────────────────────────────────────────────


async def test_the_ward_is_bounded(tmp_path, caplog):
    """One patient too many is refused, counted and logged; an idle one makes room."""
    async with house(tmp_path) as made:
        worker = made.worker(ward=Ward(Width(), most=2))
        sources = [stream("steady", name) for name in ("p", "q")]
        readers = await live(made, worker, sources, 5)
        sources.append(stream("steady", "r", begin=5))
        await live(made, worker, sources, 8, 5, readers)
        assert set(worker._ward.pipeline.patients) == {"p", "q"}
        assert worker._ward.roll.refused == 2
        worker._chores.do(made.now, worker._ward.roll)
        assert "the ward is full with 2 patients: 2 records refused" in caplog.text
        await made.put(
            START + 8, m.PauseAudio(id="c1", patient="s", by="n", at=0), topic=Topic.COMMANDS
        )
        await live(made, worker, [], 10, 8, readers)
        events = await made.published(Topic.EVENTS)
        assert [e.refused for e in events if isinstance(e, m.CommandDone)] == ["ward_full"]


async def test_greetings_alone_do_not_fill_the_ward_for_ever(tmp_path):
    """Who said HELLO and nothing else for an hour is forgotten."""
    async with house(tmp_path) as made:
        worker = made.worker(ward=Ward(Width(), most=3))
        await made.put(START + 1, *[hello(f"p{k}") for k in range(5)])
        readers = await work(worker)
        assert len(worker._ward.roll) == 3
        made.now = START + 3700
        await worker.turn(*readers)
        assert len(worker._ward.roll) == 0


async def test_retention_of_the_settings_reaches_the_store(tmp_path):
    """What is older than the settings say is pruned, portion by portion."""
    async with house(tmp_path) as made:
        worker = made.worker(keep=Keep(alarms=60.0))
        await live(made, worker, [stream("steady", "p")], 10)
        assert {a.state for a in made.store.history.alarms()} == {"ended"}
        worker._chores.do(START + 30, worker._ward.roll)
        assert made.store.history.alarms()
        worker._chores.do(START + 100, worker._ward.roll)
        assert made.store.history.alarms() == []


def test_settings_become_retention():
    """Each class of data has its own."""
    settings = Settings.load({"BEATWIRE_KEEP_ALARMS": "100", "BEATWIRE_KEEP_TRENDS": "50"})
    assert (keep(settings).alarms, keep(settings).trends) == (100.0, 50.0)
