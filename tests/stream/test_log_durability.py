"""The SQLite log when things go wrong: crashes, cut files, full disks, retention, overload."""

import asyncio
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.log import (
    Entry,
    LogClosed,
    LogCorrupt,
    LogError,
    LogFull,
    LogInUse,
    LogReadOnly,
    OffsetExpired,
    Record,
    Retention,
    SqliteLog,
    Topic,
    segments,
)
from stream.log.room import Room
from stream.log.writer import Writer, open_file

pytestmark = pytest.mark.anyio
EVENTS = Topic.EVENTS
WRITES = frozenset({Topic.EVENTS, Topic.ALARMS})
LONG_S = 30.0


@dataclass
class Watched:
    """Opens the writer's connection and notes each statement, its thread, and its settings."""

    conn: sqlite3.Connection | None = None
    statements: list[str] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def __call__(self, path: Path) -> sqlite3.Connection:
        self.conn = open_file(path)
        self.conn.set_trace_callback(self.note)
        return self.conn

    def note(self, statement: str) -> None:
        self.statements.append(statement)
        self.threads.add(threading.get_ident())

    def commits(self) -> int:
        return self.statements.count("COMMIT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the log of the test lies."""
    return tmp_path / "log"


def entry(value: str | bytes, key: str = "p") -> Entry:
    return Entry(key, value if isinstance(value, bytes) else value.encode())


async def everything(log: SqliteLog, topic: str = EVENTS) -> list[Record]:
    reader = log.reader(topic, await log.begin(topic))
    got: list[Record] = []
    while records := await reader.poll(1000, 0):
        got += records
    return got


# Acknowledged means durable.


async def test_acknowledged_after_the_synced_commit(folder: Path):
    """WAL, synchronous FULL, and COMMIT lies before the answer to each append."""
    watched = Watched()
    async with SqliteLog(folder, WRITES, connect=watched) as log:
        for i in range(5):
            before = watched.commits()
            await log.append(EVENTS, [entry(str(i))])
            assert watched.commits() > before
        assert watched.conn is not None
        assert watched.conn.execute("PRAGMA synchronous").fetchone() == (2,)
        assert watched.conn.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_the_event_loop_touches_no_file(folder: Path):
    """Every statement of the writer runs on its own thread."""
    watched = Watched()
    async with SqliteLog(folder, WRITES, connect=watched) as log:
        await asyncio.gather(*(log.append(EVENTS, [entry("a")]) for _ in range(50)))
        assert watched.threads.isdisjoint({threading.get_ident()})
        assert len(watched.threads) == 1


CHILD = """
import asyncio, os, sys
from pathlib import Path
from stream.log import *
async def main():
    async with SqliteLog(Path(sys.argv[1]), frozenset({Topic.EVENTS})) as log:
        for i in range(int(sys.argv[2])):
            await asyncio.gather(*(
                log.append(Topic.EVENTS, [Entry(f"p{k}", b"%d" % i)]) for k in range(5)))
            os.write(1, b"ack %d\\n" % i)
asyncio.run(main())
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_kernel_sees_a_sync_before_each_acknowledgement(folder: Path, tmp_path: Path):
    """Counted from outside: between two acknowledgements a sync of the WAL has succeeded."""
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-e", "trace=fsync,fdatasync,write", "-o", str(trace)]
    run = subprocess.run(
        [*command, sys.executable, "-c", CHILD, str(folder), "20"],
        check=False,
        capture_output=True,
        text=True,
    )
    if "ptrace" in run.stderr:
        pytest.skip(f"strace may not trace here: {run.stderr[:80]}")
    assert run.returncode == 0, run.stderr
    events = re.findall(r'f(?:data)?sync.*= 0|write\(1, "ack', trace.read_text())
    acks = [i for i, event in enumerate(events) if "ack" in event]
    assert len(acks) == 20
    assert all("sync" in events[i - 1] for i in acks)


@pytest.mark.parametrize("acks", [1, 3, 40])
def test_kill_right_after_the_acknowledgement(folder: Path, acks: int):
    """SIGKILL at once after an acknowledgement: all that was acknowledged is there."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), "100000"], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(acks)]
        child.kill()
    assert lines[-1] == b"ack %d\n" % (acks - 1)

    async def check() -> None:
        async with SqliteLog(folder, WRITES) as log:
            got = [int(record.value) for record in await everything(log)]
            assert got[: 5 * acks] == [i for i in range(acks) for _ in range(5)]
            assert await log.append(EVENTS, [entry("next")]) == len(got)

    asyncio.run(check())


@dataclass
class Image:
    """A log's files as a crash left them, and the groups that had been written."""

    db: bytes
    wal: bytes
    groups: list[list[bytes]]


def _image(folder: Path, groups: list[list[bytes]]) -> Image:
    async def write() -> Image:
        async with SqliteLog(folder, WRITES) as log:
            for group in groups:
                await log.append(EVENTS, [entry(value) for value in group])
            wal = (folder / "events.db-wal").read_bytes()
            return Image((folder / "events.db").read_bytes(), wal, groups)

    return asyncio.run(write())


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Image]:
    """A young log that is all WAL, and one whose WAL was copied to the file and begun anew."""
    small = [[b"%d.%d" % (i, k) for k in range(i % 4 + 1)] for i in range(30)]
    large = [[b"%d" % i + bytes(60_000) for _ in range(10)] for i in range(12)]
    return [
        _image(tmp_path_factory.mktemp("young"), small),
        _image(tmp_path_factory.mktemp("old"), large + small),
    ]


def restored(folder: Path, image: Image, wal: bytes) -> list[bytes]:
    """What a log holds that starts from these files; it must also go on and repeat itself."""

    async def read() -> list[bytes]:
        (folder / "events.db").write_bytes(image.db)
        (folder / "events.db-wal").write_bytes(wal)
        async with SqliteLog(folder, WRITES) as log:
            got = [record.value for record in await everything(log)]
            assert await log.append(EVENTS, [entry("next")]) == len(got)
        async with SqliteLog(folder) as log:
            assert [record.value for record in await everything(log)] == [*got, b"next"]
        return got

    return asyncio.run(read())


def prefixes(groups: list[list[bytes]]) -> list[int]:
    """The lengths that whole groups add up to."""
    return [sum(len(group) for group in groups[:n]) for n in range(len(groups) + 1)]


@given(which=st.integers(0, 1), share=st.floats(0, 1))
@example(which=0, share=0.0)
@example(which=1, share=0.0)
@example(which=0, share=1.0)
@example(which=1, share=1.0)
def test_a_cut_wal_is_a_prefix_of_whole_groups(
    tmp_path_factory: pytest.TempPathFactory, images: list[Image], which: int, share: float
):
    """Cut at any byte, the log holds the first groups, whole, and nothing else; no error."""
    image = images[which]
    cut = round(share * len(image.wal))
    got = restored(tmp_path_factory.mktemp("cut"), image, image.wal[:cut])
    assert got == [value for group in image.groups for value in group][: len(got)]
    assert len(got) in prefixes(image.groups)
    if share == 1:
        assert len(got) == prefixes(image.groups)[-1]


@given(share=st.floats(0, 1), noise=st.binary(min_size=1, max_size=40))
def test_a_torn_wal_is_a_prefix_of_whole_groups(
    tmp_path_factory: pytest.TempPathFactory, images: list[Image], share: float, noise: bytes
):
    """Nonsense where the last sector was being written ends the log there, nothing worse."""
    image = images[0]
    cut = round(share * len(image.wal))
    wal = image.wal[:cut] + noise + image.wal[cut + len(noise) :]
    got = restored(tmp_path_factory.mktemp("torn"), image, wal)
    assert got == [value for group in image.groups for value in group][: len(got)]
    assert len(got) in prefixes(image.groups)


# One writer.


async def test_a_second_writer_is_refused(folder: Path):
    """Two processes never write one file; other files are free, and reading always is."""
    async with SqliteLog(folder, WRITES):
        with pytest.raises(LogInUse, match=r"events\.db"):
            await SqliteLog(folder, WRITES).__aenter__()
        async with SqliteLog(folder, frozenset({Topic.SAMPLES})), SqliteLog(folder):
            pass
    async with SqliteLog(folder, WRITES):
        pass


async def test_a_newer_format_is_refused(folder: Path):
    """A log of a later version is left alone, by writers and readers."""
    async with SqliteLog(folder, WRITES):
        pass
    conn = sqlite3.connect(folder / "events.db")
    conn.execute(f"PRAGMA user_version = {segments.FORMAT + 1}")
    conn.close()
    with pytest.raises(LogCorrupt, match="newer"):
        await SqliteLog(folder, WRITES).__aenter__()
    async with SqliteLog(folder) as log:
        with pytest.raises(LogCorrupt, match="newer"):
            await log.end(EVENTS)


@pytest.fixture
def foreign(folder: Path) -> Path:
    """A folder in which something else has our file's name."""
    folder.mkdir()
    (folder / "events.db").write_bytes(b"something else" * 1000)
    return folder


async def test_a_file_that_is_no_log_is_refused(foreign: Path):
    """Foreign bytes are not overwritten."""
    with pytest.raises(LogCorrupt, match="not a database"):
        await SqliteLog(foreign, WRITES).__aenter__()
    async with SqliteLog(foreign) as log:
        with pytest.raises(LogCorrupt, match="not a database"):
            await log.reader(EVENTS).poll(1, LONG_S)


# The medium fails.


def no_space(conn: sqlite3.Connection) -> None:
    (pages,) = conn.execute("PRAGMA page_count").fetchone()
    conn.execute(f"PRAGMA max_page_count = {pages}")


def space(conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA max_page_count = 1000000")


def read_only(conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA query_only = ON")


def writable(conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA query_only = OFF")


@pytest.mark.parametrize(
    ("fail", "mend", "error"),
    [(no_space, space, LogFull), (read_only, writable, LogReadOnly)],
)
async def test_every_waiting_append_learns_of_a_failure(
    folder: Path, fail: Callable, mend: Callable, error: type[LogError]
):
    """All appends of the group fail, typed, with nothing written; mended, the log goes on."""
    watched = Watched()
    async with SqliteLog(folder, WRITES, connect=watched) as log:
        await log.append(EVENTS, [entry("before")])
        fail(watched.conn)
        big = [entry(bytes(20_000)) for _ in range(5)]
        results = await asyncio.gather(
            *(log.append(EVENTS, big) for _ in range(10)), return_exceptions=True
        )
        assert [type(result) for result in results] == [error] * 10
        assert await log.end(EVENTS) == 1
        mend(watched.conn)
        assert await log.append(EVENTS, [entry("after")]) == 1
        assert [record.value for record in await everything(log)] == [b"before", b"after"]


async def test_an_entry_that_is_no_entry_fails_alone(folder: Path):
    """A bug of a caller reaches the caller, and the writer lives on."""
    async with SqliteLog(folder, WRITES) as log:
        with pytest.raises(LogError, match="append failed"):
            await log.append(EVENTS, [Entry("p", b"", 5)])  # type: ignore[arg-type]
        assert await log.append(EVENTS, [entry("a")]) == 0


# Overload.


@pytest.fixture
def blocked(folder: Path) -> Iterator[Callable[[], sqlite3.Connection]]:
    """Hold the file's write lock, so that a commit waits until the connection is closed."""
    held: list[sqlite3.Connection] = []

    def hold() -> sqlite3.Connection:
        conn = sqlite3.connect(folder / "events.db", isolation_level=None)
        conn.execute("BEGIN IMMEDIATE")
        held.append(conn)
        return conn

    yield hold
    for conn in held:
        conn.close()


async def test_what_arrives_during_a_commit_is_one_group(folder: Path, blocked: Callable):
    """100 appends behind a slow commit need one commit more, not 100."""
    watched = Watched()
    async with SqliteLog(folder, WRITES, connect=watched) as log:
        lock = blocked()
        before = watched.commits()
        tasks = [asyncio.create_task(log.append(EVENTS, [entry(str(i))])) for i in range(100)]
        await asyncio.sleep(0)
        lock.close()
        assert await asyncio.gather(*tasks) == list(range(100))
        assert watched.commits() - before <= 2


async def test_a_full_queue_holds_appends_back(folder: Path, blocked: Callable):
    """Behind a stuck disk only so much is queued; the rest waits, and all of it gets through."""
    written = threading.Event()
    writer = Writer(
        folder / "events.db", {EVENTS: Retention()}, written=written.set, queue_bytes=10_000
    )
    await writer.open()
    lock = blocked()
    tasks = [
        asyncio.create_task(writer.append(EVENTS, [entry(bytes(1000 - 48 - 1))])) for _ in range(50)
    ]
    await asyncio.sleep(0)
    assert writer.waiting == 40
    lock.close()
    assert await asyncio.gather(*tasks) == list(range(50))
    assert writer.waiting == 0
    await writer.close()


async def test_room_is_given_in_turn():
    """First come first served: a small append does not overtake a large one for ever."""
    room = Room(10)
    await room.take(8)
    order: list[int] = []

    async def take(size: int) -> None:
        await room.take(size)
        order.append(size)

    tasks = [asyncio.create_task(take(size)) for size in (9, 1, 99)]
    await asyncio.sleep(0)
    assert order == []
    room.give(8)
    await asyncio.gather(*tasks[:2])
    assert order == [9, 1]
    room.give(9)
    room.give(1)
    await tasks[2]
    room.give(99)
    assert (room.free, room.waiting) == (10, 0)


async def test_cancelled_waits_leave_no_hole_in_the_room():
    """Who gives up while waiting, or just as the turn comes, takes nothing away."""
    room = Room(10)
    await room.take(10)
    early, late = (asyncio.create_task(room.take(6)) for _ in range(2))
    await asyncio.sleep(0)
    early.cancel()
    room.give(10)
    late.cancel()
    for task in (early, late):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (room.free, room.waiting) == (10, 0)


async def test_closing_sends_away_who_waits_for_room():
    """An append that never got into the queue is told that the log closed."""
    room = Room(10)
    await room.take(10)
    task = asyncio.create_task(room.take(1))
    await asyncio.sleep(0)
    room.close()
    with pytest.raises(LogClosed):
        await task


async def test_a_cancelled_append_disturbs_nobody(folder: Path, blocked: Callable):
    """The others of its group are answered."""
    async with SqliteLog(folder, WRITES) as log:
        lock = blocked()
        tasks = [asyncio.create_task(log.append(EVENTS, [entry(str(i))])) for i in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        lock.close()
        assert await tasks[0] == 0
        assert await tasks[2] == 2


# Retention.


@dataclass
class Clock:
    """A wall clock that goes when told."""

    now_ms: int = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


async def settle(log: SqliteLog, count: int = 3) -> None:
    """Let the maintenance after the last commit pass: it precedes the next commits."""
    for _ in range(count):
        await log.append(Topic.ALARMS, [entry("tick")])


async def test_retention_by_size(folder: Path):
    """About max_bytes stay, whole segments go, offsets go on, and the file stops growing."""
    keep = {EVENTS: Retention(max_bytes=400_000)}
    async with SqliteLog(folder, WRITES, keep) as log:
        for i in range(300):
            await log.append(EVENTS, [entry(b"%d" % i + bytes(9_000))])
        await settle(log)
        begin, end = await log.begin(EVENTS), await log.end(EVENTS)
        assert end == 300
        assert 300_000 / 9_060 < end - begin < 500_000 / 9_060
        got = await everything(log)
        assert [int(record.value.rstrip(b"\0")) for record in got] == list(range(begin, end))
    assert (folder / "events.db").stat().st_size < 1_500_000


async def test_retention_by_age(folder: Path):
    """What is older than max_age goes, what is younger stays, also when a topic is idle."""
    clock = Clock()
    keep = {EVENTS: Retention(max_age_s=800)}
    async with SqliteLog(folder, WRITES, keep, clock=clock) as log:
        for _ in range(30):
            await log.append(EVENTS, [entry(str(clock.now_ms))])
            clock.now_ms += 50_000
        await settle(log)
        oldest = (await everything(log))[0].time_ms
        assert 800_000 <= clock.now_ms - oldest <= 1_000_000
        clock.now_ms += 900_000
        await settle(log)
        clock.now_ms += 900_000
        await settle(log, 20)
        assert await log.begin(EVENTS) == await log.end(EVENTS) == 30
    async with SqliteLog(folder, WRITES, keep, clock=clock) as log:
        assert await log.append(EVENTS, [entry("next")]) == 30


async def test_an_overtaken_reader_is_told(folder: Path):
    """A reader before the beginning gets OffsetExpired until it decides where to go on."""
    keep = {EVENTS: Retention(max_bytes=80_000)}
    async with SqliteLog(folder, WRITES, keep) as log:
        reader = log.reader(EVENTS)
        for _ in range(40):
            await log.append(EVENTS, [entry(bytes(5_000))])
        await settle(log)
        for _ in range(2):
            with pytest.raises(OffsetExpired) as caught:
                await reader.poll(1, LONG_S)
        begin = caught.value.begin
        assert begin == await log.begin(EVENTS) > 0
        reader.seek(begin)
        assert (await reader.poll(1, LONG_S))[0].offset == begin


async def test_ids_are_known_as_long_as_small_topics_keep_them(folder: Path):
    """An id is ignored while its record is kept, in whichever segment it lies."""
    keep = {EVENTS: Retention(max_bytes=80_000)}
    async with SqliteLog(folder, WRITES, keep) as log:
        for i in range(12):
            await log.append(EVENTS, [Entry("p", bytes(5_000), str(i))])
        await settle(log)
        assert await log.begin(EVENTS) == 0
        await log.append(EVENTS, [Entry("p", b"again", str(i)) for i in range(12)])
        assert await log.end(EVENTS) == 12


async def test_failed_maintenance_is_logged_once_and_tried_again(
    folder: Path, caplog: pytest.LogCaptureFixture
):
    """A segment that cannot be closed now is closed later; records are not at stake."""
    watched = Watched()
    clock = Clock()
    keep = {EVENTS: Retention(max_age_s=800)}
    async with SqliteLog(folder, WRITES, keep, connect=watched, clock=clock) as log:
        await log.append(EVENTS, [entry("a")])
        read_only(watched.conn)
        clock.now_ms += 200_000
        for _ in range(2):
            with pytest.raises(LogReadOnly):
                await log.append(EVENTS, [entry("b")])
        writable(watched.conn)
        await log.append(EVENTS, [entry("c")])
        await settle(log)
        assert [record.value for record in await everything(log)] == [b"a", b"c"]
    assert len([record for record in caplog.records if "maintenance" in record.message]) == 1
