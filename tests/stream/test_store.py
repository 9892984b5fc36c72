"""The contract of the store: fencing, idempotent replay, history, retention, durability."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres import Postgres

from ecg.messages import Admit, Alarm, Block, Discharge, Location, Patient, Strip
from ecg.types import Lead, Priority
from stream.log import Entry, Topic
from stream.store import (
    AlarmFilter,
    Audit,
    Checkpoint,
    Fenced,
    Keep,
    Loaded,
    Store,
    StoreError,
    Transaction,
    Trend,
    database,
    history,
    prune,
    tables,
)

DAY_S = 86_400.0
NOW = 1_800_000_000.0

Place = Callable[[], str | Path]


@dataclass
class Clock:
    """A wall clock that goes when told."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where an empty store can be made, another one at each call; on either database."""
    if request.param == "sqlite":
        return lambda: tmp_path_factory.mktemp("store") / "new" / "store.db"
    made: Place = request.getfixturevalue("postgres").place
    return made


@pytest.fixture
def store(place: Place, clock: Clock) -> Iterator[Store]:
    """An empty store."""
    with Store(place(), clock) as store:
        yield store


@pytest.fixture
def write(store: Store) -> Callable[[Callable[[Transaction], Any]], Any]:
    """Run one transaction as the owner of partition 0."""
    epoch = store.claim(0)

    def run(work: Callable[[Transaction], Any]) -> Any:
        with store.transaction(0, epoch) as tx:
            return work(tx)

    return run


def make_alarm(alarm_id: str = "a", update_no: int = 1, **fields: Any) -> Alarm:
    """An alarm in which only what the test is about needs saying."""
    base: dict[str, Any] = {
        "id": alarm_id,
        "update_no": update_no,
        "phase": "start",
        "state": "active",
        "patient": "p1",
        "session": "s1",
        "kind": "VTACH",
        "priority": Priority.HIGH,
        "text": "Ventricular tachycardia",
        "code": 199832,
        "onset_sample": 1000,
        "onset_time": NOW,
        "detected_sample": 1500,
        "detected_time": NOW + 2,
        "unit": "ICU",
        "bed": "1",
    }
    return Alarm(**base | fields)


def make_strip() -> Strip:
    block = Block(
        patient="p1",
        session="s1",
        seq=1,
        first=0,
        rate=250.0,
        leads=(Lead.II,),
        uv_per_lsb=(2.5,),
        payload=bytes(500),
    )
    return Strip(first=0, end=250, blocks=(block,))


def admit(patient: str = "p1", at: float = NOW, bed: str = "1", unit: str = "ICU") -> Admit:
    return Admit(
        id=f"admit-{patient}-{at:.0f}",
        patient=patient,
        by="nurse",
        at=at,
        profile=Patient(patient, 1950),
        location=Location(unit, bed),
    )


# Owners and fencing.


def test_each_claim_raises_the_epoch(store: Store):
    """Epochs count from 1, each partition for itself."""
    assert [store.claim(0), store.claim(0), store.claim(3), store.claim(0)] == [1, 2, 1, 3]


@pytest.mark.parametrize(("partition", "epoch"), [(0, 1), (0, 3), (1, 2), (7, 0)])
def test_only_the_current_epoch_writes(store: Store, partition: int, epoch: int):
    """A worker that lost its partition, never had it, or made up an epoch is refused."""
    store.claim(0)
    store.claim(0)
    store.claim(1)
    with pytest.raises(Fenced), store.transaction(partition, epoch):
        pytest.fail("a fenced transaction must not begin")
    with pytest.raises(Fenced):
        store.save_checkpoints(partition, epoch, [Checkpoint("p", "1", 0, b"")])
    assert store.load(partition) == Loaded({}, [], {})


def test_a_claim_waits_for_the_commit_under_way(store: Store):
    """What the old owner began before the claim is whole; after the claim it writes nothing."""
    epoch = store.claim(0)
    claimed: list[int] = []
    thread = threading.Thread(target=lambda: claimed.append(store.claim(0)))
    with store.transaction(0, epoch) as tx:
        thread.start()
        tx.advance(Topic.SAMPLES, 5)
        assert claimed == []
    thread.join()
    assert claimed == [epoch + 1]
    assert store.load(0).positions == {Topic.SAMPLES: 5}
    with pytest.raises(Fenced), store.transaction(0, epoch):
        pass


def test_a_failed_transaction_leaves_nothing(store: Store, write: Callable):
    """Everything in a transaction is kept together or not at all."""

    def work(tx: Transaction) -> None:
        tx.save_alarms([make_alarm()])
        tx.save_books({"p1": b"book"})
        tx.enqueue(Topic.ALARMS, [Entry("p1", b"x", "a/1")])
        tx.finish_command("c1", "p1", b"done")
        tx.advance(Topic.SAMPLES, 9)
        raise KeyError("the worker failed")

    with pytest.raises(KeyError, match="failed"):
        write(work)
    assert store.load(0) == Loaded({}, [], {})
    assert store.history.alarms() == []
    assert store.pending(9) == []
    assert store.history.command("c1") is None


actions = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from(["claim", "write"]), st.integers(0, 1)),
    max_size=25,
)


@settings(max_examples=50)
@given(actions=actions)
def test_only_the_last_to_claim_gets_anything_in(place: Place, actions: list[tuple[str, str, int]]):
    """Workers claim and write in any order: each write is the last claimer's, or is refused."""
    owner: dict[int, str] = {}
    books: dict[int, dict[str, bytes]] = {0: {}, 1: {}}
    epochs: dict[tuple[str, int], int] = {}
    with Store(place()) as store:
        for step, (worker, action, partition) in enumerate(actions):
            if action == "claim":
                epochs[worker, partition] = store.claim(partition)
                owner[partition] = worker
                continue
            try:
                with store.transaction(partition, epochs.get((worker, partition), 0)) as tx:
                    tx.save_books({worker: b"%d" % step})
            except Fenced:
                assert owner.get(partition) != worker
            else:
                assert owner[partition] == worker
                books[partition][worker] = b"%d" % step
        assert {partition: store.load(partition).books for partition in books} == books


# Going on after a crash.


def test_load_gives_back_what_was_saved(store: Store, write: Callable):
    """Positions, checkpoints and books of one partition, the latest of each."""
    first, second = Checkpoint("p1", "7", 10, b"\0\1"), Checkpoint("p2", "7", 11, b"")
    store.save_checkpoints(0, 1, [first, second])
    moved = Checkpoint("p1", "8", 20, b"\2")
    store.save_checkpoints(0, 1, [moved])
    write(lambda tx: tx.save_books({"p1": b"old", "p2": b"other"}))
    write(lambda tx: tx.save_books({"p1": b"new"}))
    write(lambda tx: tx.advance(Topic.SAMPLES, 30))
    loaded = store.load(0)
    assert sorted(loaded.checkpoints, key=lambda c: c.patient) == [moved, second]
    assert loaded.books == {"p1": b"new", "p2": b"other"}
    assert loaded.positions == {Topic.SAMPLES: 30}
    assert store.load(1) == Loaded({}, [], {})


def test_positions_never_go_back(store: Store, write: Callable):
    """A repeated transaction does not undo progress."""
    for offset in (5, 9, 7):
        write(lambda tx, offset=offset: tx.advance(Topic.SAMPLES, offset))
    assert store.load(0).positions == {Topic.SAMPLES: 9}


def test_anybody_may_ask_how_far_each_partition_is(store: Store, write: Callable):
    """By topic; those that no worker ever had are absent; whose epoch it is does not matter."""
    assert store.positions(Topic.SAMPLES) == {}
    write(lambda tx: (tx.advance(Topic.SAMPLES, 30), tx.advance(Topic.COMMANDS, 2)))
    with store.transaction(7, store.claim(7)) as tx:
        tx.advance(Topic.SAMPLES, 5)
    store.claim(0)
    assert store.positions(Topic.SAMPLES) == {0: 30, 7: 5}
    assert store.positions(Topic.COMMANDS) == {0: 2}


step = st.fixed_dictionaries(
    {
        "alarm": st.sampled_from(["a", "b", "c"]),
        "patient": st.sampled_from(["p1", "p2"]),
        "command": st.sampled_from([None, "c1", "c2"]),
        "strip": st.booleans(),
        "publish": st.integers(0, 2),
    }
)


def apply(store: Store, epoch: int, number: int, step: dict[str, Any], update_no: int) -> None:
    """What a worker does in one step: deterministic in its number and the steps before."""
    strip = make_strip() if step["strip"] else None
    alarm = make_alarm(step["alarm"], update_no, patient=step["patient"], strip=strip)
    with store.transaction(0, epoch) as tx:
        tx.save_alarms([alarm])
        tx.save_books({step["patient"]: b"%d" % number})
        tx.save_checkpoints([Checkpoint(step["patient"], "1", number, b"%d" % number)])
        tx.enqueue(
            Topic.ALARMS, [Entry(step["patient"], b"%d" % number, f"{alarm.id}/{update_no}")]
        )
        tx.save_trends([Trend(step["patient"], number // 3, 60, 70, 80, number, 0, 0, 60.0)])
        if step["command"]:
            tx.finish_command(step["command"], step["patient"], b"done")
            tx.audit(Audit(step["command"], NOW + number, "nurse", "ack", step["patient"]))
        tx.advance(Topic.SAMPLES, number + 1)
    store.published([row.seq for row in store.pending(step["publish"])])


def contents(store: Store) -> dict[str, list[str]]:
    """Every table but the owners, without what numbers and times the attempt, not the event."""
    skip = {"seq", "published_at"}
    with store._database.reading() as conn:
        return {
            table.name: sorted(
                repr(row)
                for row in conn.execute(sa.select(*(c for c in table.c if c.name not in skip)))
            )
            for table in tables.metadata.sorted_tables
            if table is not tables.owners
        }


def attempts(count: int, crashes: list[tuple[int, int]]) -> list[int]:
    """Steps in the order tried: each attempt begins at or before where the last one crashed."""
    order: list[int] = []
    reached = 0
    for back, length in [*crashes, (0 if crashes else count, count)]:
        start = max(reached - back, 0)
        reached = min(start + length, count)
        order += range(start, reached)
    return order


@settings(max_examples=40)
@given(
    steps=st.lists(step, min_size=1, max_size=8),
    crashes=st.lists(st.tuples(st.integers(0, 8), st.integers(1, 8)), max_size=4),
)
def test_any_replay_ends_in_the_same_tables(
    place: Place, steps: list[dict[str, Any]], crashes: list
):
    """Crash anywhere, go back to any earlier step, repeat: the tables are those of one run."""
    counts = Counter[str]()
    updates = []
    for one in steps:
        counts[one["alarm"]] += 1
        updates.append(counts[one["alarm"]])
    found = []
    for run in (range(len(steps)), attempts(len(steps), crashes)):
        with Store(place(), Clock()) as store:
            for number in run:
                apply(store, store.claim(0), number, steps[number], updates[number])
            found.append(contents(store))
    assert found[0] == found[1]


# The outbox.


def test_the_outbox_keeps_order_until_published(store: Store, write: Callable):
    """Oldest first, by portion, by partition; what is published is not seen again."""
    write(lambda tx: tx.enqueue(Topic.ALARMS, [Entry("p1", b"%d" % i, f"{i}") for i in range(3)]))
    with store.transaction(1, store.claim(1)) as tx:
        tx.enqueue(Topic.EVENTS, [Entry("p2", b"3", "3")])
    first, second = store.pending(2)
    assert (first.id, first.topic, first.key, first.value) == ("0", Topic.ALARMS, "p1", b"0")
    store.published([first.seq, second.seq])
    store.published([])
    assert [row.id for row in store.pending(9)] == ["2", "3"]
    assert [row.id for row in store.pending(9, 1)] == ["3"]


def test_a_repeated_entry_is_not_published_again(store: Store, write: Callable):
    """Neither while it waits nor after it was published."""
    for _ in range(3):
        write(lambda tx: tx.enqueue(Topic.ALARMS, [Entry("p1", b"x", "1"), Entry("p1", b"x", "1")]))
        rows = store.pending(9)
        store.published([row.seq for row in rows])
    assert store.pending(9) == []


def test_entries_without_id_do_not_enter_the_outbox(store: Store, write: Callable):
    """A replay could not tell them from new ones."""
    with pytest.raises(ValueError, match="need ids"):
        write(lambda tx: tx.enqueue(Topic.ALARMS, [Entry("p1", b"x")]))


# Alarms and history.


def test_an_alarm_is_kept_whole(store: Store, write: Callable):
    """Every field comes back; the list leaves the strip out, the single alarm has it."""
    alarm = make_alarm(strip=make_strip(), flags=("demo",), value=153.0, note="seen")
    assert write(lambda tx: tx.save_alarms([alarm])) == 1
    assert store.history.alarm("a") == alarm
    assert store.history.alarms() == [msgspec.structs.replace(alarm, strip=None)]
    assert store.history.alarm("b") is None


def test_an_older_update_changes_nothing(store: Store, write: Callable):
    """update_no decides, not the order of arrival; equal is old."""
    news = [
        write(lambda tx, n=n: tx.save_alarms([make_alarm("a", n, note=f"{n}")]))
        for n in (2, 1, 2, 3)
    ]
    assert news == [1, 0, 0, 1]
    assert store.history.alarms()[0].note == "3"


def test_a_strip_outlives_updates_without_one(store: Store, write: Callable):
    """The strip comes with one update and stays."""
    write(lambda tx: tx.save_alarms([make_alarm("a", 1)]))
    write(lambda tx: tx.save_alarms([make_alarm("a", 2, strip=make_strip())]))
    write(lambda tx: tx.save_alarms([make_alarm("a", 3, state="latched")]))
    alarm = store.history.alarm("a")
    assert alarm is not None
    assert (alarm.state, alarm.strip) == ("latched", make_strip())


def test_which_alarms_have_a_strip(store: Store, write: Callable, monkeypatch):
    """However many are asked for, in portions."""
    monkeypatch.setattr(history, "PORTION", 2)
    for name in "abcde":
        strip = make_strip() if name in "ad" else None
        write(lambda tx, n=name, s=strip: tx.save_alarms([make_alarm(n, strip=s)]))
    assert store.history.with_strip([*"abcde", "unknown"]) == {"a", "d"}
    assert store.history.with_strip([]) == set()


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (AlarmFilter(), "dcba"),
        (AlarmFilter(limit=2), "dc"),
        (AlarmFilter(patients=("p2",)), "db"),
        (AlarmFilter(units=("ward",)), "d"),
        (AlarmFilter(kinds=("VTACH", "PAUSE")), "ba"),
        (AlarmFilter(states=("latched", "ended")), "dc"),
        (AlarmFilter(min_priority=Priority.MEDIUM), "ba"),
        (AlarmFilter(since=NOW + 10, until=NOW + 30), "cb"),
        (AlarmFilter(open_only=True), "cba"),
        (AlarmFilter(patients=("p1",), states=("active",), since=NOW), "a"),
        (AlarmFilter(patients=("nobody",)), ""),
    ],
)
def test_alarms_by_filter(store: Store, write: Callable, wanted: AlarmFilter, ids: str):
    """Each field restricts, all together; the latest onset first."""
    low = {"kind": "PAIR_PVCS", "priority": Priority.LOW}
    alarms = [
        make_alarm("a", onset_time=NOW),
        make_alarm("b", onset_time=NOW + 10, patient="p2", kind="PAUSE", priority=Priority.MEDIUM),
        make_alarm("c", onset_time=NOW + 20, state="latched", **low),
        make_alarm("d", onset_time=NOW + 30, state="ended", patient="p2", unit="ward", **low),
    ]
    for alarm in alarms:
        write(lambda tx, alarm=alarm: tx.save_alarms([alarm]))
    assert "".join(alarm.id for alarm in store.history.alarms(wanted)) == ids


def test_the_first_result_of_a_command_stays(store: Store, write: Callable):
    """A command repeated by a replay or an impatient finger is carried out once."""
    assert write(lambda tx: tx.finish_command("c1", "p1", b"first")) is True
    assert write(lambda tx: tx.finish_command("c1", "p1", b"second")) is False
    assert store.history.command("c1") == b"first"
    assert store.history.command("c2") is None


def test_trends(store: Store, write: Callable):
    """Minutes of one patient in order; a minute saved again is replaced."""
    minutes = [Trend("p1", m, 50.0, 60.5, 71.0, 60, 2, 1, 60.0) for m in (3, 1, 2)]
    unknown = Trend("p1", 2, None, None, None, 0, 0, 0, 12.5)
    write(lambda tx: tx.save_trends([*minutes, Trend("p2", 1, 1, 1, 1, 1, 1, 1, 1.0)]))
    write(lambda tx: tx.save_trends([unknown]))
    write(lambda tx: tx.save_trends([]))
    assert store.history.trends("p1", 1, 3) == [minutes[1], unknown]


def test_the_audit_trail(store: Store, write: Callable):
    """The latest first; each id once; from the worker and from the gateway."""
    notes = [Audit(f"c{i}", NOW + i, "nurse", "acknowledge", f"p{i % 2}", "note") for i in range(4)]
    write(lambda tx: [tx.audit(note) for note in notes[:2]])
    for note in (*notes[2:], notes[0]):
        store.audit(note)
    assert store.history.audit() == notes[::-1]
    assert store.history.audit(patient="p1", limit=1) == [notes[3]]
    assert store.history.audit(before=NOW + 2) == [notes[1], notes[0]]


def test_patients_come_move_and_leave(store: Store, write: Callable):
    """Who lies where: the last admission counts, a discharge ends it, the next begins anew."""
    write(lambda tx: [tx.admit(admit("p1")), tx.admit(admit("p2", bed="2"))])
    write(lambda tx: [tx.admit(admit("p1", NOW + 9, "7")), tx.admit(admit("p1", NOW + 3, "3"))])
    assert [
        (one.admit.patient, one.admit.location.bed) for one in store.history.patients(unit="ICU")
    ] == [("p2", "2"), ("p1", "7")]
    leave = Discharge(id="d", patient="p1", by="nurse", at=NOW + 20)
    write(lambda tx: [tx.discharge(leave), tx.discharge(leave)])
    assert [one.admit.patient for one in store.history.patients()] == ["p2"]
    gone = {
        one.admit.patient: one.discharged_at for one in store.history.patients(present_only=False)
    }
    assert gone == {"p1": NOW + 20, "p2": None}
    write(lambda tx: [tx.admit(admit("p1", NOW + 30)), tx.discharge(leave)])
    assert len(store.history.patients()) == 2
    assert store.history.patients(unit="elsewhere") == []


# Retention.


def everything_old(tx: Transaction) -> None:
    """One row of each class."""
    tx.save_alarms([make_alarm("old", state="ended", strip=make_strip())])
    tx.save_trends([Trend("p1", int(NOW // 60), 1, 1, 1, 1, 1, 1, 1.0)])
    tx.audit(Audit("c", NOW, "nurse", "ack"))
    tx.finish_command("c", "p1", b"")
    tx.enqueue(Topic.ALARMS, [Entry("p1", b"", "sent"), Entry("p1", b"", "unsent")])
    tx.save_books({"p1": b"book"})
    tx.save_checkpoints([Checkpoint("p1", "1", 0, b"")])


def rows(store: Store) -> dict[str, int]:
    """How many rows each table has."""
    return {name: len(found) for name, found in contents(store).items()}


@pytest.mark.parametrize(
    ("name", "age", "shrunk"),
    [
        ("alarms", 365 * DAY_S, ["alarms", "strips"]),
        ("trends", 30 * DAY_S, ["trends"]),
        ("audit", 3 * 365 * DAY_S, ["audit"]),
        ("commands", 30 * DAY_S, ["commands"]),
        ("outbox", 3600.0, ["outbox"]),
        ("states", 7 * DAY_S, ["checkpoints", "books"]),
    ],
)
def test_each_class_goes_at_its_age(
    store: Store, write: Callable, name: str, age: float, shrunk: list[str]
):
    """Older than its own age, and nothing else; what was not published never goes."""
    write(everything_old)
    store.published([store.pending(1)[0].seq])
    before = rows(store)
    forever = dict.fromkeys(Keep.__struct_fields__, 10000000000.0)
    keep = Keep(**forever | {name: age})
    assert getattr(Keep(), name) == age
    assert store.prune(NOW + age - 60, keep) == 0
    assert store.prune(NOW + age + 120, keep) > 0
    assert rows(store) == before | {table: before[table] - 1 for table in shrunk}
    assert store.prune(NOW + age + 120, keep) == 0
    assert [row.id for row in store.pending(9)] == ["unsent"]


def test_open_alarms_and_their_books_never_go(store: Store, write: Callable):
    """Neither an alarm nor what the book knows of it is forgotten while it is open."""
    write(everything_old)
    write(lambda tx: tx.save_alarms([make_alarm("open", state="latched")]))
    store.prune(NOW + 10_000 * DAY_S)
    assert [alarm.id for alarm in store.history.alarms()] == ["open"]
    assert store.load(0).books == {"p1": b"book"}
    write(lambda tx: tx.save_alarms([make_alarm("open", 2, state="ended")]))
    while store.prune(NOW + 10_000 * DAY_S):
        pass
    assert store.history.alarms() == []
    assert store.load(0) == Loaded({}, [], {})


def test_pruning_goes_by_portions(store: Store, write: Callable):
    """A long backlog is not one long transaction."""
    many = [Trend("p1", m, 1, 1, 1, 1, 1, 1, 1.0) for m in range(prune.PORTION + 10)]
    write(lambda tx: tx.save_trends(many))
    assert [store.prune(NOW) for _ in range(3)] == [prune.PORTION, 10, 0]


# Durability, and two processes.


def test_every_commit_is_synced(tmp_path: Path):
    """WAL with synchronous FULL on every connection."""
    with Store(tmp_path / "store.db") as store, store._database.writing() as conn:
        assert conn.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


CHILD = """
import os, sys
from stream.store import Store
store = Store(sys.argv[1])
epoch = store.claim(0)
for i in range(100000):
    with store.transaction(0, epoch) as tx:
        tx.save_books({f"p{i % 3}": b"%d" % i})
        tx.advance("ecg.samples", i + 1)
    os.write(1, b"%d\\n" % i)
"""


def test_kill_right_after_a_commit(place: Place):
    """SIGKILL right after a commit: it is there, and books and position agree."""
    path = place()
    Store(path).close()
    url = f"sqlite:///{path}" if isinstance(path, Path) else path
    with subprocess.Popen([sys.executable, "-c", CHILD, url], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(20):
            last = int(child.stdout.readline())
        child.kill()
    with Store(path) as store:
        loaded = store.load(0)
        position = loaded.positions[Topic.SAMPLES]
        assert position >= last + 1
        books = {f"p{i % 3}": b"%d" % i for i in range(position - 3, position)}
        assert loaded.books == books
        assert store.claim(0) == 2


def test_two_processes_take_turns(place: Place):
    """Worker and gateway write the same store; each waits for the other instead of failing."""
    path = place()
    with Store(path) as worker, Store(path) as gateway:
        epoch = worker.claim(0)

        def audit() -> None:
            for i in range(100):
                gateway.audit(Audit(f"g{i}", NOW, "gateway", "refused"))

        thread = threading.Thread(target=audit)
        thread.start()
        for i in range(100):
            with worker.transaction(0, epoch) as tx:
                tx.advance(Topic.SAMPLES, i)
        thread.join()
        assert len(worker.history.audit(limit=999)) == 100
        assert gateway.load(0).positions == {Topic.SAMPLES: 99}


def test_two_who_claim_at_once_get_epochs_of_their_own(place: Place):
    """Eight workers on connections of their own: each epoch once, and the last one writes."""
    path = place()
    stores = [Store(path) for _ in range(8)]
    ready = threading.Barrier(len(stores))
    epochs: dict[int, Store] = {}

    def claim(store: Store) -> None:
        ready.wait()
        epochs[store.claim(0)] = store

    threads = [threading.Thread(target=claim, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(epochs) == list(range(1, 9))
    for epoch, store in epochs.items():
        try:
            with store.transaction(0, epoch) as tx:
                tx.advance(Topic.SAMPLES, epoch)
        except Fenced:
            assert epoch < 8
    assert stores[0].load(0).positions == {Topic.SAMPLES: 8}
    for store in stores:
        store.close()


def test_of_many_who_admit_to_one_bed_at_once_one_gets_it(place: Place):
    """Six workers on connections of their own, six beds: each bed has one patient, the others know whom."""
    path, beds = place(), [Location("ICU", str(bed)) for bed in range(6)]
    stores = [Store(path) for _ in range(6)]
    ready = threading.Barrier(len(stores))
    told: list[tuple[Location, str, str]] = []

    def work(partition: int, store: Store) -> None:
        epoch, patient = store.claim(partition), f"p{partition}"
        ready.wait()
        for number, bed in enumerate(beds):
            name = f"{patient}.{number}"
            with store.transaction(partition, epoch) as tx:
                holder = tx.claim_bed(name, bed)
            with store.transaction(partition, epoch) as tx:
                if not holder:
                    head = {"id": f"c-{name}", "patient": name, "by": "n", "at": NOW}
                    tx.admit(Admit(**head, profile=Patient(name), location=bed))
                tx.unclaim(name)
            told.append((bed, name, holder))

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lying = {one.admit.location: one.admit.patient for one in stores[0].history.patients()}
    assert len(stores[0].history.patients()) == len(lying) == len(beds)
    assert {bed: name for bed, name, holder in told if not holder} == lying
    assert all(holder for bed, name, holder in told if lying[bed] != name)
    for store in stores:
        store.close()


def test_a_claim_that_outlived_a_crash_is_given_to_the_same_patient_again(write):
    """The admission is carried out anew; a discharge, too, gives the claim back."""
    bed = Location("ICU", "3")
    assert write(lambda tx: [tx.claim_bed("p1", bed), tx.claim_bed("p1", bed)]) == ["", ""]
    assert write(lambda tx: tx.claim_bed("p2", bed)) == "p1"
    write(lambda tx: tx.unclaim("p1"))
    assert write(lambda tx: tx.claim_bed("p2", bed)) == ""


def test_a_reader_sees_one_moment(place: Place):
    """What is committed between two questions of one reader is not in the second answer."""
    path = place()
    with Store(path) as store, Store(path) as other:
        epoch = other.claim(0)
        with store._database.reading() as conn:
            query = sa.select(sa.func.count()).select_from(tables.books)
            assert conn.execute(query).scalar_one() == 0
            with other.transaction(0, epoch) as tx:
                tx.save_books({"p1": b""})
            assert conn.execute(query).scalar_one() == 0


def test_a_writer_that_stands_still_loses_its_lock(postgres: Postgres, monkeypatch):
    """A process stopped within a transaction does not keep its partition from the next owner."""
    monkeypatch.setattr(database, "IDLE_S", 0.3)
    path = postgres.place()
    with Store(path) as stopped, Store(path) as following:
        epoch = stopped.claim(0)

        def stand_still() -> None:
            with stopped.transaction(0, epoch) as tx:
                assert following.claim(0) == epoch + 1
                tx.advance(Topic.SAMPLES, 5)

        with pytest.raises(StoreError):
            stand_still()
        assert following.load(0).positions == {}


def test_a_writer_that_stands_still_in_the_midst_of_sending_loses_its_lock(
    postgres: Postgres, monkeypatch
):
    """For the server it is at work, not idle: whoever claims the partition ends it."""
    monkeypatch.setattr(database, "IDLE_S", 0.3)
    place = postgres.place()
    with Store(place) as store:
        store.claim(0)
        halted = sa.create_engine(place, poolclass=sa.NullPool).raw_connection()
        session = halted.driver_connection.pgconn
        session.enter_pipeline_mode()
        for statement in (b"BEGIN", b"SELECT epoch FROM owners WHERE partition = 0 FOR UPDATE"):
            session.send_query_params(statement, None)
        session.send_flush_request()
        session.flush()
        while session.is_busy():
            session.consume_input()
        assert claimed(store, 0) == 2
        halted.invalidate()


def claimed(store: Store, partition: int) -> int:
    """The epoch that a claim gives; tried again, as workers do, for ten seconds."""
    for _ in range(30):
        try:
            return store.claim(partition)
        except StoreError:
            continue
    raise AssertionError("the partition is never free")


def test_a_database_that_knows_no_encoding_keeps_every_letter(postgres: Postgres):
    """As `initdb` makes it where no locale is set: what was written is what is read."""
    with Store(postgres.database("SQL_ASCII")) as store:
        store.audit(Audit("1", NOW, "Schwester Ägir", "seen", "p1", "größer → 130 /min"))
        (line,) = store.history.audit()
    assert (line.who, line.detail) == ("Schwester Ägir", "größer → 130 /min")


def test_pruning_waits_for_no_worker(postgres: Postgres):
    """What a worker is about to write is left for the next time; neither waits for the other."""
    path = postgres.place()
    with Store(path, Clock()) as worker, Store(path, Clock()) as other:
        epoch = worker.claim(0)
        with worker.transaction(0, epoch) as tx:
            tx.save_checkpoints([Checkpoint(p, "1", 0, b"") for p in ("p1", "p2")])
        with worker.transaction(0, epoch) as tx:
            tx.save_checkpoints([Checkpoint("p1", "1", 1, b"")])
            assert other.prune(NOW + 8 * DAY_S) == 1
        assert [c.patient for c in worker.load(0).checkpoints] == ["p1"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://who:hush@127.0.0.1:1/none",
        "postgresql+psycopg://who:hush@127.0.0.1:not-a-port/none",
        "mysql://who:hush@127.0.0.1/none",
        "hush",
    ],
)
def test_a_store_that_cannot_be_opened_keeps_the_secret(url: str):
    """The error names what is wrong, and not the password."""
    with pytest.raises(StoreError) as caught:
        Store(url)
    assert "hush" not in f"{caught.value} {caught.value.__cause__!r}"


def test_readers_wait_for_no_writer(store: Store, write: Callable):
    """A question is answered, from before, while a transaction is open."""
    write(lambda tx: tx.save_alarms([make_alarm("a")]))

    def work(tx: Transaction) -> list[Alarm]:
        tx.save_alarms([make_alarm("b")])
        return store.history.alarms()

    assert [alarm.id for alarm in write(work)] == ["a"]


def test_what_is_no_store_is_refused(tmp_path: Path):
    """Foreign bytes give a typed error and stay as they are."""
    path = tmp_path / "store.db"
    path.write_bytes(b"something else" * 500)
    with pytest.raises(StoreError, match="not a database"):
        Store(f"sqlite:///{path}")
    assert path.read_bytes() == b"something else" * 500


def test_a_failing_database_is_a_store_error(store: Store, write: Callable):
    """The driver's errors do not reach the callers."""
    with store._database.writing() as conn:
        conn.exec_driver_sql("DROP TABLE books")
    with pytest.raises(StoreError, match="books"):
        write(lambda tx: tx.save_books({"p1": b""}))
