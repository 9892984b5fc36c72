"""A file that a client sends: kept on the disk while it comes, read in a thread when it is whole.

The answer begins only then: a client that sends all before it listens, as most do, would else wait
for us while we wait for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, TypeVar, cast

from fastapi import Request
from starlette.concurrency import iterate_in_threadpool

from stream.gateway.problems import Refusal
from stream.uploads import no_room

MAX_FILES: Final = 8
"""Files at once: each takes disk, and a thread of the pool while it is answered."""
SILENT_SECONDS: Final = 10.0
"""A file that stops coming for so long gives its place to another."""
IN_MEMORY: Final = 1 << 20
"""Bytes of a file that stay in memory; beyond it goes to the disk, so often at once."""

T = TypeVar("T")


class Spool:
    """The files of one route.

    Attributes:
        held: how many there are at this moment.
    """

    def __init__(self) -> None:
        self.held = 0

    async def receive(self, request: Request) -> "SpooledFile":
        """The request's body as a file.

        Raises:
            Refusal: too many files at once, or this one stopped coming, or the disk is full.
        """
        if self.held >= MAX_FILES:
            text = f"{MAX_FILES} files are being read"
            raise Refusal(429, "too_many_requests", text, headers={"Retry-After": "1"})
        file = SpooledFile(self)
        try:
            await _fill(file.file, coming(request))
        except BaseException:
            file.close()
            raise
        return file


class SpooledFile:
    """One file; who has it must `read` and `stream` it, which closes it, or `close` it."""

    def __init__(self, spool: Spool) -> None:
        self.file = cast("BinaryIO", SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115
        self._spool = spool
        spool.held += 1

    def close(self) -> None:
        """Give the place to another."""
        if not self.file.closed:
            self.file.close()
            self._spool.held -= 1

    async def read(self, parse: Callable[[BinaryIO], T]) -> T:
        """`parse` the file from its beginning, in a thread; it is closed when that fails."""
        try:
            self.file.seek(0)
            return await asyncio.to_thread(parse, self.file)
        except BaseException:
            self.close()
            raise

    async def stream(self, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        """Parts made of the file, each in a thread; then it is closed."""
        try:
            async for part in iterate_in_threadpool(parts):
                yield part
        finally:
            self.close()


async def coming(request: Request) -> AsyncIterator[bytes]:
    """The request's body, as it comes.

    Raises:
        Refusal: it stopped coming.
    """
    body = request.stream()
    while True:
        try:
            async with asyncio.timeout(SILENT_SECONDS):
                chunk = await anext(body, None)
        except TimeoutError:
            text = f"nothing came for {SILENT_SECONDS:g} s"
            raise Refusal(408, "silent", text, limit=f"{SILENT_SECONDS:g} s") from None
        if chunk is None:
            return
        yield chunk


async def _fill(file: BinaryIO, body: AsyncIterator[bytes]) -> None:
    """Write what comes, in large pieces, each in a thread."""
    piece = bytearray()
    async for chunk in body:
        piece += chunk
        if len(piece) >= IN_MEMORY:
            await _write(file, bytes(piece))
            piece.clear()
    await _write(file, bytes(piece))


async def _write(file: BinaryIO, piece: bytes) -> None:
    with on_disk():
        await asyncio.to_thread(file.write, piece)


@contextmanager
def on_disk() -> Iterator[None]:
    """What is done here needs a disk that takes a file.

    Raises:
        Refusal: it does not: it is full, or it fails.
    """
    try:
        yield
    except OSError as error:
        failure = no_room(error)
        raise Refusal(503, failure.code, failure.detail) from None
