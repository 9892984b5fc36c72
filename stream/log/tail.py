"""The thread that reads a log file, and watches it for what another process writes.

One connection, one thread: it runs what it is asked, and while somebody waits for records it
looks at `PRAGMA data_version` every 10 ms (3 µs each; it changes when any other connection
commits). A writer in this process says so itself, and is not waited for.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from stream.log import segments
from stream.log.base import LogClosed, LogError
from stream.log.writer import typed

WATCH_S: Final = 0.010
"""Pause between two looks at the file: half of the 20 ms that a commit may take."""

T = TypeVar("T")


class Ask:
    """A piece of work and the future of its result; `waits` repeats it until it is truthy."""

    __slots__ = ("done", "waits", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], Any], *, waits: bool) -> None:
        self.work = work
        self.waits = waits
        self.done: Future[Any] = Future()


class Tail:
    """Reads one file for any number of readers of one process."""

    def __init__(self, path: Path) -> None:
        """Prepare to read `path`, which need not be there yet; `open` starts the thread."""
        self._path = path
        self._asks: SimpleQueue[Ask | str] = SimpleQueue()
        self._waiting: list[Ask] = []
        self._conn: sqlite3.Connection | None = None
        self._version = -1
        self._closed = True
        self._thread = threading.Thread(target=self._run, name=f"read {path.name}", daemon=True)

    def open(self) -> None:
        """Start the thread."""
        self._closed = False
        self._thread.start()

    async def close(self) -> None:
        """End the thread; who waits gets `LogClosed`."""
        if not self._closed:
            self._closed = True
            self._asks.put("close")
            await asyncio.to_thread(self._thread.join)

    def notify(self) -> None:
        """Say (from any thread) that this process has written to the file."""
        self._asks.put("written")

    async def ask(self, work: Callable[[sqlite3.Connection], T], *, waits: bool = False) -> T:
        """Run `work` on the thread; with `waits`, again at each change until it gives something.

        Raises:
            LogClosed: the tail is not open or was closed meanwhile.
            LogError: what SQLite or `work` raised.
        """
        if self._closed:
            raise LogClosed("the log is not open")
        ask = Ask(work, waits=waits)
        self._asks.put(ask)
        result: T = await asyncio.wrap_future(ask.done)
        return result

    # The thread.

    def _run(self) -> None:
        self._empty = sqlite3.connect(":memory:", isolation_level=None)
        self._empty.execute(segments.CATALOGUE)
        while self._turn():
            pass
        for ask in self._waiting:
            if ask.done.set_running_or_notify_cancel():
                ask.done.set_exception(LogClosed("the log was closed"))
        for conn in (self._empty, self._conn):
            if conn is not None:
                conn.close()

    def _turn(self) -> bool:
        """Take one request, or look at the file once; False at the end."""
        try:
            ask = self._asks.get(timeout=WATCH_S if self._waiting else None)
        except Empty:
            self._look()
            return True
        if isinstance(ask, Ask):
            self._serve(ask)
        elif ask == "written":
            self._retry()
        return ask != "close"

    def _look(self) -> None:
        """Forget who no longer waits; serve the others if the file has changed."""
        self._waiting = [ask for ask in self._waiting if not ask.done.cancelled()]
        try:
            changed = self._changed()
        except (LogError, sqlite3.Error):
            changed = True  # the asks meet the same error, and hand it to their callers
        if changed:
            self._retry()

    def _retry(self) -> None:
        waiting, self._waiting = self._waiting, []
        for ask in waiting:
            self._serve(ask)

    def _serve(self, ask: Ask) -> None:
        if ask.done.cancelled():
            return
        try:
            result = self._work(ask.work)
        except LogError as error:
            outcome: LogError | None = error
        except sqlite3.Error as error:
            outcome = typed(error)
        else:
            outcome = None
            if ask.waits and not result:
                self._waiting.append(ask)
                return
        if not ask.done.set_running_or_notify_cancel():
            return
        if outcome is None:
            ask.done.set_result(result)
        else:
            ask.done.set_exception(outcome)

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run in one transaction, so that no segment vanishes half-way."""
        conn = self._connection()
        conn.execute("BEGIN")
        try:
            return work(conn)
        finally:
            conn.execute("COMMIT")

    def _changed(self) -> bool:
        """Tell whether another connection has committed since the last look."""
        (version,) = self._connection().execute("PRAGMA data_version").fetchone()
        before, self._version = self._version, version
        return bool(version != before)

    def _connection(self) -> sqlite3.Connection:
        """Give the connection to the file, or to an empty log until the file is complete."""
        if self._conn is None and self._path.exists():
            self._conn = _open(self._path)
        return self._conn or self._empty


def _open(path: Path) -> sqlite3.Connection | None:
    """Open the file for reading; None while its writer is still making it."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    conn = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5.0)
    try:
        conn.execute("PRAGMA query_only = ON")
        if segments.check_format(conn):
            return conn
    except (LogError, sqlite3.Error):
        conn.close()
        raise
    conn.close()
    return None
