"""The one thread that writes a log file: what arrives during a commit forms the next group.

Durable means `PRAGMA synchronous = FULL` in WAL mode: COMMIT returns after the WAL is synced.
Checkpoints, new segments and retention happen after the group was acknowledged.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from stream.log import segments
from stream.log.base import (
    Entry,
    LogClosed,
    LogCorrupt,
    LogError,
    LogFull,
    LogInUse,
    LogReadOnly,
    Retention,
)
from stream.log.room import Job, Room

Connect = Callable[[Path], sqlite3.Connection]
Clock = Callable[[], int]

QUEUE_BYTES: Final = 8 << 20
"""Appends wait while more than this is queued: some 16,000 blocks of 1 s, half a second's work."""

GROUP_ENTRIES: Final = 512
"""Largest group: 5 ms of work; waking 1024 callers at once held the event loop up for 12 ms."""

CHECKPOINT_BYTES: Final = 4 << 20
"""Written since the last checkpoint before the next: about SQLite's default of 1000 pages."""

COMMIT_BYTES: Final = 16 << 10
"""What a commit adds to the WAL beside its records: pages of the catalogue and the indexes."""

MAINTAIN_S: Final = 5.0
"""Retention by age and a failed checkpoint are looked at so often, busy or idle."""

_log = logging.getLogger(__name__)


def open_file(path: Path) -> sqlite3.Connection:
    """Open a file for the writer; statements commit only where we say so."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)


def wall_clock() -> int:
    """Unix time in ms."""
    return time.time_ns() // 1_000_000


def typed(error: sqlite3.Error) -> LogError:
    """Translate SQLite's error into the log's."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    kinds: dict[int, type[LogError]] = {
        sqlite3.SQLITE_FULL: LogFull,
        sqlite3.SQLITE_READONLY: LogReadOnly,
        sqlite3.SQLITE_CORRUPT: LogCorrupt,
        sqlite3.SQLITE_NOTADB: LogCorrupt,
    }
    return kinds.get(code, LogError)(str(error))


def _lock(path: Path) -> sqlite3.Connection:
    """Lock a file beside `path` until closed or dead: SQLite's own locks are portable."""
    lock = sqlite3.connect(path.with_suffix(".lock"), isolation_level=None, timeout=0.5)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        raise LogInUse(f"{path.name} is being written by another process") from error
    return lock


class Writer:
    """Appends to one file from a thread of its own. Used on the event loop that opened it."""

    def __init__(
        self,
        path: Path,
        retention: Mapping[str, Retention],
        *,
        written: Callable[[], None],
        connect: Connect = open_file,
        clock: Clock = wall_clock,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        """Prepare; `retention` names the topics of the file, `written` is called per commit."""
        self._path = path
        self._retention = retention
        self._written = written
        self._connect = connect
        self._clock = clock
        self._room = Room(queue_bytes)
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name=f"log {path.name}", daemon=True)
        self._opened: Future[None] = Future()
        self._closed = True
        self._segments: dict[str, list[segments.Segment]] = {}
        self._stale = False
        self._unmoved = 0
        self._looked_ms = 0
        self._pause_s = 0.0
        self._complaint = ""

    async def open(self) -> None:
        """Start the thread; returns when the file is there and ours."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        await asyncio.wrap_future(self._opened)
        self._closed = False

    async def close(self) -> None:
        """Complete what was queued, then end the thread."""
        if self._closed:
            return
        self._closed = True
        self._room.close()
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def append(self, topic: str, entries: Sequence[Entry]) -> int:
        """Queue entries and wait until they are durable (see `Log.append`)."""
        if self._closed:
            raise LogClosed("the log is not open")
        assert self._loop is not None
        job = Job(topic, entries, self._loop.create_future())
        await self._room.take(job.size)
        if self._closed:
            raise LogClosed("the log was closed")
        self._jobs.put(job)
        return await job.done

    @property
    def waiting(self) -> int:
        """How many appends wait for room in the queue."""
        return self._room.waiting

    # The thread.

    def _run(self) -> None:
        with ExitStack() as stack:
            try:
                conn = self._open_file(stack)
            except sqlite3.Error as error:
                self._opened.set_exception(typed(error))
                return
            except (LogError, OSError) as error:
                self._opened.set_exception(error)
                return
            self._opened.set_result(None)
            while self._serve(conn):
                pass

    def _open_file(self, stack: ExitStack) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        stack.enter_context(closing(_lock(self._path)))
        conn = stack.enter_context(closing(self._connect(self._path)))
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("PRAGMA synchronous = FULL")
        conn.execute("PRAGMA wal_autocheckpoint = 0")
        conn.execute("BEGIN IMMEDIATE")
        segments.create(conn, list(self._retention), self._clock())
        conn.execute("COMMIT")
        self._load(conn)
        return conn

    def _load(self, conn: sqlite3.Connection) -> None:
        self._segments = {topic: segments.load(conn, topic) for topic in self._retention}

    def _serve(self, conn: sqlite3.Connection) -> bool:
        """Deal with one group; False when it was the last."""
        group, more = self._gather()
        if group:
            self._commit(conn, group)
        try:
            self._maintain(conn)
        except sqlite3.Error as error:
            self._stale = True
            self._complain(str(error))
        return more

    def _gather(self) -> tuple[list[Job], bool]:
        """Take what is queued, at once if there is anything; False at the end of the queue."""
        group: list[Job] = []
        count = 0
        try:
            job = self._jobs.get(timeout=self._pause_s)
            while job is not None:
                group.append(job)
                count += len(job.entries)
                if count >= GROUP_ENTRIES:
                    return group, True
                job = self._jobs.get_nowait()
        except Empty:
            return group, True
        return group, False

    def _commit(self, conn: sqlite3.Connection, group: list[Job]) -> None:
        result: list[int] | LogError
        try:
            result = self._write(conn, group)
        except sqlite3.Error as error:
            result = typed(error)
        except Exception as error:  # noqa: BLE001 - the thread's edge: nobody may wait for ever
            result = LogError(f"append failed: {error!r}")
        self._stale = self._stale or isinstance(result, LogError)
        self._unmoved += sum(job.size for job in group) + COMMIT_BYTES
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._finish, group, result)
        self._written()

    def _write(self, conn: sqlite3.Connection, group: list[Job]) -> list[int]:
        """Commit a group; returns each job's last offset."""
        self._begin(conn)
        now_ms = self._clock()
        results = [0] * len(group)
        for topic in dict.fromkeys(job.topic for job in group):
            places = [i for i, job in enumerate(group) if job.topic == topic]
            entries = [entry for i in places for entry in group[i].entries]
            last = segments.write(conn, self._segments[topic], entries, now_ms)
            end = 0
            for i in places:
                end += len(group[i].entries)
                results[i] = last[end - 1]
        conn.execute("COMMIT")
        return results

    def _begin(self, conn: sqlite3.Connection) -> None:
        """Begin a transaction; after a failure, first return to what the file really holds."""
        if self._stale:
            if conn.in_transaction:
                conn.execute("ROLLBACK")
            self._load(conn)
            self._stale = False
        conn.execute("BEGIN IMMEDIATE")

    def _maintain(self, conn: sqlite3.Connection) -> None:
        """Between two groups: close full segments, drop one that expired, empty the WAL."""
        now_ms = self._clock()
        for topic, keep in self._retention.items():
            newest = self._segments[topic][-1]
            if segments.full(newest, keep, now_ms):
                self._begin(conn)
                opened_ms = max(now_ms, newest.last_ms)
                new = segments.open_segment(conn, topic, newest.next, opened_ms)
                conn.execute("COMMIT")
                self._segments[topic].append(new)
                self._looked_ms = 0
        if self._pause_s == 0 or abs(now_ms - self._looked_ms) >= MAINTAIN_S * 1000:
            self._pause_s = 0 if self._drop_one(conn, now_ms) else MAINTAIN_S
            self._looked_ms = now_ms
        if self._unmoved >= CHECKPOINT_BYTES:
            conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._unmoved = 0

    def _drop_one(self, conn: sqlite3.Connection, now_ms: int) -> bool:
        """Drop the first expired segment, if any: one, as appends wait meanwhile."""
        for topic, keep in self._retention.items():
            for segment in segments.expired(self._segments[topic], keep, now_ms)[:1]:
                self._begin(conn)
                segments.drop(conn, segment)
                conn.execute("COMMIT")
                self._segments[topic].remove(segment)
                self._unmoved += COMMIT_BYTES
                return True
        return False

    def _complain(self, text: str) -> None:
        """Log a failure between groups, once: appenders are told of theirs directly."""
        if text != self._complaint:
            _log.warning("%s: maintenance failed: %s", self._path.name, text)
        self._complaint = text

    def _finish(self, group: list[Job], result: list[int] | LogError) -> None:
        """Answer the callers (on the event loop) and make room."""
        for i, job in enumerate(group):
            self._room.give(job.size)
            if job.done.done():
                continue
            if isinstance(result, LogError):
                job.done.set_exception(type(result)(*result.args))
            else:
                job.done.set_result(result[i])
