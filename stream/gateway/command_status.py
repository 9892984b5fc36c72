"""What became of a command: the book's answer, none yet, or there never was such a command.

Three places know. The store has the answer to each command that a worker has come to, for as long as it
keeps them (`Keep.commands`). The log has the commands behind the workers' positions, which nobody has
answered yet. A command that is in neither does not exist, whichever gateway is asked.
"""

import asyncio
from functools import partial
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Path, Response

from ecg import messages as m
from ecg import wire
from ecg.errors import WireError
from stream.gateway.access import answer, content
from stream.gateway.commands import PATIENT
from stream.gateway.problems import Refusal, responses
from stream.log import Log, LogUnavailable, Record, Topic
from stream.store import Store

PAGE: Final = 256
POLL_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 10.0
MAX_WAITING: Final = 10_000
"""Commands that wait for their worker, of those that are looked through: some 100 ms."""


class CommandStatus(msgspec.Struct, omit_defaults=True):
    """`done`, `refused` (with a code), or `not_confirmed`: the book has not answered (yet)."""

    id: str
    status: str
    patient: str = ""
    action: str = ""
    by: str = ""
    time: float | None = None
    refused: str = ""
    detail: str = ""


DONE: Final = CommandStatus("cmd-1", "done", "bed-1", "pause", "nurse-7", 1.7e9)


def status_routes(log: Log, store: Store) -> APIRouter:
    """The route under /v1 that says what became of a command."""
    router = APIRouter(tags=["commands"])
    described = content(CommandStatus, "What became of it", DONE)

    @router.get("/commands/{command}", responses={200: described, **responses(404, 503)})
    async def command_status(
        command: Annotated[str, Path(pattern=PATIENT, examples=["cmd-1"])],
    ) -> Response:
        """Say whether the book has carried out a command; 404 if there is none of this id."""
        find = partial(store.history.command, command)
        result = await asyncio.to_thread(find)
        if result is None and not await _waits(log, store, command):
            result = await asyncio.to_thread(find)  # a worker may have come to it meanwhile
            if result is None:
                raise Refusal(404, "not_found", f"no command {command}")
        return answer(_status(command, result))

    return router


def _status(command: str, result: bytes | None) -> CommandStatus:
    if result is None:
        return CommandStatus(command, "not_confirmed")
    done: m.CommandDone = wire.events.decode(result)
    return CommandStatus(
        command,
        "refused" if done.refused else "done",
        done.patient,
        done.action,
        done.by,
        done.time,
        done.refused,
        done.detail,
    )


async def _waits(log: Log, store: Store, command: str) -> bool:
    """Whether the log has a command to which no worker has come; also if too many wait to tell.

    Raises:
        LogError, StoreError: it cannot be read.
    """
    done = await asyncio.to_thread(store.positions, Topic.COMMANDS)
    ends = {p: await log.end(Topic.COMMANDS, p) for p in await log.partitions(Topic.COMMANDS)}
    begins = {p: max(done.get(p, 0), await log.begin(Topic.COMMANDS, p)) for p in ends}
    behind = {p: begin for p, begin in begins.items() if begin < ends[p]}
    if not behind:
        return False
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await _holds(log, behind, ends, command)
    except TimeoutError:
        text = f"{Topic.COMMANDS}: no end of reading after {LOOK_SECONDS:g} s"
        raise LogUnavailable(text) from None


async def _holds(log: Log, begins: dict[int, int], ends: dict[int, int], command: str) -> bool:
    """Whether a command stands in the log between these offsets, by partition."""
    looked = 0
    reader = log.reader(Topic.COMMANDS, begins)
    try:
        while any(reader.position(partition) < ends[partition] for partition in begins):
            page = await reader.poll(PAGE, POLL_SECONDS)
            looked += len(page)
            if looked > MAX_WAITING or any(_id(record) == command for record in page):
                return True
    finally:
        await reader.close()
    return False


def _id(record: Record) -> str:
    """A command's id, empty for what is none."""
    try:
        return str(wire.commands.read(record.value).id)
    except WireError:
        return ""
