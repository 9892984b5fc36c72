"""The uploads of this gateway: which wait, which runs, which can still be read. Bounded in number.

One file is analysed at a time, by a process of its own; the event loop only passes messages on.
Nothing survives a restart of the gateway: an upload is a question, not a record.
"""

import asyncio
import logging
import shutil
import time
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from stream.config import Settings
from stream.gateway.problems import Refusal
from stream.gateway.uploads.analyser import Analyser
from stream.uploads import SOURCE, Failure, Options, Order, Report

SWEEP_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 600.0
"""After that the analyser ends, and gives its memory back."""
RETRY_SECONDS: Final = 30
"""When to try again while too many files wait: a Holter takes about so long."""

_log = logging.getLogger("beatwire.uploads")


class State(StrEnum):
    """Where an upload stands."""

    RECEIVING = "receiving"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(eq=False)
class Job:
    """One upload."""

    id: str
    folder: Path
    created_at: float
    state: State = State.RECEIVING
    options: Options = field(default_factory=Options)
    seconds: float = 0.0
    total: float = 0.0
    analysed: bool = False
    failure: Failure | None = None
    expires_at: float | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def source(self) -> Path:
        """Folder of the files as they came."""
        return self.folder / SOURCE


class Uploads:
    """All uploads, from the first byte until they expire.

    Attributes:
        max_bytes: of one upload.
    """

    def __init__(self, settings: Settings) -> None:
        self.max_bytes = settings.max_record_bytes
        self._root = settings.folder / "uploads"
        self._most_waiting = settings.max_uploads_waiting
        self._most_kept = settings.max_uploads_kept
        self._keep_seconds = settings.keep_uploads
        self._seconds = settings.upload_seconds
        self._analyser = Analyser(settings.model, settings.upload_memory)
        self._jobs: dict[str, Job] = {}
        self._queue: list[Job] = []
        self._queued = asyncio.Event()
        self._running: Job | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin with an empty folder."""
        await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._sweep())]

    async def stop(self) -> None:
        """End the analyser, drop everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._analyser.end()
        await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)

    # ── What people do ────────────────────────────────────────────────────────────────────────

    def admit(self) -> Job:
        """A place for one more upload; who has it must `submit` or `drop` it.

        Raises:
            Refusal: `too_many_uploads` while too many wait.
        """
        waiting = sum(not job.finished.is_set() for job in self._jobs.values())
        if waiting >= self._most_waiting:
            raise Refusal(
                429,
                "too_many_uploads",
                f"{waiting} files are waiting to be analysed",
                limit=f"{self._most_waiting} uploads",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        name = uuid.uuid4().hex
        job = Job(name, self._root / name, time.time())
        self._jobs[name] = job
        return job

    def submit(self, job: Job, options: Options) -> None:
        """Everything has come: analyse it."""
        job.options = options
        job.state = State.QUEUED
        self._queue.append(job)
        self._queued.set()

    def find(self, name: str) -> Job:
        """The upload of this id.

        Raises:
            Refusal: `not_found`; it may have expired.
        """
        job = self._jobs.get(name)
        if job is None:
            raise Refusal(404, "not_found", f"no upload {name}, or it has expired")
        return job

    def ahead(self, job: Job) -> int:
        """Uploads that are analysed before this one."""
        if job not in self._queue:
            return 0
        return self._queue.index(job) + (self._running is not None)

    async def drop(self, job: Job) -> None:
        """Forget an upload and its files, whatever its state."""
        self._jobs.pop(job.id, None)
        if job in self._queue:
            self._queue.remove(job)
        if not job.finished.is_set():
            job.failure = Failure("cancelled", "the upload was deleted")
            job.finished.set()
        if self._running is job:
            await self._analyser.end()
        await asyncio.to_thread(shutil.rmtree, job.folder, ignore_errors=True)

    # ── Work ──────────────────────────────────────────────────────────────────────────────────

    async def _work(self) -> None:
        while True:
            job = await self._next()
            self._running, job.state = job, State.RUNNING
            try:
                await self._carry_out(job)
            except Exception:  # noqa: BLE001 - the edge: the files that wait must be analysed
                _log.exception("upload %s: the analysis failed", job.id)
                job.analysed = False
            self._running = None
            self._finish(job)
            await self._evict()

    async def _next(self) -> Job:
        """The next to be analysed; the analyser ends while there is none for long."""
        while not self._queue:
            self._queued.clear()
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._queued.wait()
            except TimeoutError:
                await self._analyser.end()
        return self._queue.pop(0)

    async def _carry_out(self, job: Job) -> None:
        """Analyse a file, and delete what was uploaded, whatever becomes of the analysis."""
        try:
            await self._analyse(job)
        finally:
            dropped = job.id not in self._jobs  # meanwhile; its folder may have been written again
            folder = job.folder if dropped else job.source
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _analyse(self, job: Job) -> None:
        order = Order(job.id, str(job.folder.resolve()), self.max_bytes, job.options)
        try:
            async with asyncio.timeout(self._seconds):
                async for report in self._analyser.carry_out(order):
                    self._take(job, report)
        except TimeoutError:
            await self._analyser.end()
            limit = f"{self._seconds:g} s"
            job.failure = Failure("analysis_timeout", "the analysis took too long", limit=limit)
        except Exception:
            await self._analyser.end()  # whatever it says next is of this order
            raise

    def _take(self, job: Job, report: Report) -> None:
        job.seconds = max(job.seconds, report.seconds)
        job.total = max(job.total, report.total)
        job.failure = report.failure
        job.analysed = report.done

    def _finish(self, job: Job) -> None:
        """Done or failed, and told so; the result stays a while."""
        if not job.analysed:
            what = "the analysis ended without a result; the server's log may say why"
            job.failure = job.failure or Failure("analysis_crashed", what)
            _log.info("upload %s failed: %s", job.id, job.failure.code)
        job.expires_at = time.time() + self._keep_seconds
        job.state = State.DONE if job.analysed else State.FAILED
        job.finished.set()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self._evict()

    async def _evict(self) -> None:
        """Drop what has expired, and the oldest when too many are kept."""
        kept = [job for job in self._jobs.values() if job.finished.is_set()]
        for place, job in enumerate(reversed(kept)):
            if place >= self._most_kept or (job.expires_at or 0.0) <= time.time():
                try:
                    await self.drop(job)
                except Exception:  # noqa: BLE001 - the edge: what comes after it must go on
                    _log.exception("upload %s: its files may still be there", job.id)
