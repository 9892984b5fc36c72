"""What people ask of the alarm book over HTTP: validated, appended to the command log, answered 202.

A command is done when the book's event comes back, and not before: `GET /v1/commands/{id}` says so.
A client that gives its own `id` may repeat the request; the log and the book know it. What is refused here
stands in the audit trail (refusals.py), as what the book refuses does.
"""

import asyncio
import time
import uuid
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Request, Response
from msgspec import UNSET, Meta, UnsetType

from ecg import messages as m
from ecg import wire
from ecg.objects import from_twin, twin, twin_type
from ecg.types import Category, Paced
from stream.gateway.access import answer, content, read_body
from stream.gateway.admission import either, known, refuse_occupied
from stream.gateway.metrics import Metrics
from stream.gateway.problems import Refusal, responses
from stream.gateway.refusals import Refusals
from stream.log import Entry, Log, LogUnavailable, Topic
from stream.store import Store

PATIENT: Final = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}$"
Patient = Annotated[str, Path(pattern=PATIENT, examples=["bed-1"])]
AlarmId = Annotated[
    str, Path(max_length=256, pattern=m.STORABLE, examples=["bed-1:boot-1:VTACH:5000"])
]
NAMED: Final = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
"""Storable as any text (`messages.STORABLE`), and not blank: the audit trail tells who it was."""
Who = Annotated[str, Meta(min_length=1, max_length=256, pattern=NAMED, examples=["nurse-7"])]


LOG_SECONDS: Final = 5.0
"""A person waits; the command may still be written, and its id makes a repetition harmless."""


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who asks; `id` makes a repeated request harmless, one is made if it is not given."""

    by: Who
    id: m.Name | None = None


class AcknowledgeBody(Body, kw_only=True):
    """Someone has seen it."""

    note: m.Text = ""


class SeenBody(AcknowledgeBody, kw_only=True):
    """Someone has seen an alarm, as it was with this `update_no`; without one, as it is by then."""

    update_no: m.Index = 0


class SeenAllBody(AcknowledgeBody, kw_only=True):
    """Someone has seen a patient's alarms: those in `seen`; without it, all that there are by then."""

    seen: twin_type(m.Seen) | UnsetType = UNSET  # type: ignore[valid-type]


class PauseBody(Body, kw_only=True):
    """Silence for `seconds`; 0 ends a pause. There is no endless one."""

    seconds: Annotated[float, Meta(ge=0, le=180)] = 120.0


class LimitsBody(Body, kw_only=True):
    """Heart-rate limits per minute, low < high."""

    low: Annotated[float, Meta(ge=15, le=200)]
    high: Annotated[float, Meta(ge=30, le=300)]


class AdmitBody(Body, kw_only=True):
    """A patient comes to a bed, or moves to another (transfer); what is absent stays as it is.

    null says that the birth year or the sex is not known.
    """

    unit: m.Text | UnsetType = UNSET
    bed: m.Text | UnsetType = UNSET
    birth_year: Annotated[int, Meta(ge=1850, le=2200)] | UnsetType | None = UNSET
    sex: m.Sex | UnsetType | None = UNSET
    category: Category | UnsetType = UNSET
    paced: Paced | UnsetType = UNSET

    def admission(self, profile: m.Patient, place: m.Location) -> tuple[m.Patient, m.Location]:
        """Who comes where, given what is known."""
        return m.Patient(
            profile.id,
            either(self.birth_year, profile.birth_year),
            either(self.sex, profile.sex),
            either(self.category, profile.category),
            either(self.paced, profile.paced),
        ), m.Location(either(self.unit, place.unit), either(self.bed, place.bed))


SEEN: Final = SeenBody(by="nurse-7", note="seen", update_no=3)
SEEN_ALL: Final = SeenAllBody(
    by="nurse-7",
    note="seen",
    seen=(twin(m.Taken)(alarm="bed-1:boot-1:VTACH:5000", update_no=3),),
)
BED: Final = AdmitBody(by="nurse-7", unit="ICU", bed="3", birth_year=1950, sex="F")


class Accepted(msgspec.Struct):
    """The command stands in the log; ask `status` for what became of it."""

    id: str
    status: str


async def _append(log: Log, command: m.Command) -> None:
    """Put it into the log.

    Raises:
        LogError: the log did not take it, or not in time.
    """
    entry = Entry(command.patient, wire.pack(command), command.id)
    try:
        async with asyncio.timeout(LOG_SECONDS):
            await log.append(Topic.COMMANDS, [entry])
    except TimeoutError:
        text = f"the log has not confirmed command {command.id} within {LOG_SECONDS:g} s"
        raise LogUnavailable(f"{text}: repeat it with this id") from None


def _refuse_reused(store: Store, command: m.Command) -> None:
    """An id that stood for another command: this one would be taken for its repetition, and never done.

    Raises:
        Refusal: for another patient or another action; more the answer does not tell.
    """
    result = store.history.command(command.id)
    if result is None:
        return
    done: m.CommandDone = wire.events.decode(result)
    if (done.patient, done.action) != (command.patient, command.action):
        text = f"{command.id} was {done.action} of {done.patient}"
        raise Refusal(409, "conflict", text, field="id")


def command_routes(log: Log, store: Store, metrics: Metrics) -> APIRouter:
    """The routes under /v1 that change something."""
    router = APIRouter(tags=["commands"], route_class=Refusals(store, metrics).routes())

    async def accept(body: Body, command: m.Command) -> Response:
        wire.check(command)
        if body.id is not None:
            await asyncio.to_thread(_refuse_reused, store, command)
        await _append(log, command)
        metrics.commands_total += 1
        return answer(Accepted(command.id, f"/v1/commands/{command.id}"), 202)

    @router.post("/alarms/{alarm}/acknowledge", **_documented(SEEN, 404))
    async def acknowledge_alarm(alarm: AlarmId, request: Request) -> Response:
        """Acknowledge one alarm: its sound ends, or, if it was latched, the alarm itself."""
        body = await read_body(request, SeenBody)
        found = await asyncio.to_thread(store.history.alarm, alarm)
        if found is None:
            raise Refusal(404, "not_found", f"no alarm {alarm}")
        head = _head(body, found.patient)
        return await accept(
            body, m.Acknowledge(**head, alarm=alarm, note=body.note, update_no=body.update_no)
        )

    @router.post("/patients/{patient}/acknowledge", **_documented(SEEN_ALL))
    async def acknowledge_patient(patient: Patient, request: Request) -> Response:
        """Acknowledge the alarms of a patient that were `seen`; without it, all of them."""
        body = await read_body(request, SeenAllBody)
        seen = () if body.seen is UNSET else from_twin(body.seen)
        head = _head(body, patient)
        return await accept(body, m.Acknowledge(**head, alarm="", note=body.note, seen=seen))

    @router.post("/patients/{patient}/pause", **_documented(PauseBody(by="nurse-7", seconds=120)))
    async def pause(patient: Patient, request: Request) -> Response:
        """Pause the sound of a patient's alarms for a while."""
        body = await read_body(request, PauseBody)
        return await accept(body, m.PauseAudio(**_head(body, patient), seconds=body.seconds))

    @router.post(
        "/patients/{patient}/limits", **_documented(LimitsBody(by="nurse-7", low=45, high=130))
    )
    async def limits(patient: Patient, request: Request) -> Response:
        """Set a patient's heart-rate limits."""
        body = await read_body(request, LimitsBody)
        return await accept(body, m.SetLimits(**_head(body, patient), low=body.low, high=body.high))

    @router.post("/patients/{patient}/admit", **_documented(BED))
    async def admit(patient: Patient, request: Request) -> Response:
        """Admit a patient to a bed, or transfer them; what is absent stays as it is."""
        body = await read_body(request, AdmitBody)
        present = await asyncio.to_thread(store.history.patients)
        who, where = await asyncio.to_thread(known, store, present, patient)
        profile, place = body.admission(who, where)
        refuse_occupied(present, patient, place)
        return await accept(body, m.Admit(**_head(body, patient), profile=profile, location=place))

    @router.post("/patients/{patient}/discharge", **_documented(Body(by="nurse-7")))
    async def discharge(patient: Patient, request: Request) -> Response:
        """Discharge a patient: alarms end, limits return to their defaults."""
        body = await read_body(request, Body)
        return await accept(body, m.Discharge(**_head(body, patient)))

    return router


def _documented(body: Body, *errors: int) -> dict[str, Any]:
    """What FastAPI cannot see of a route that reads its body by itself; `body` is an example."""
    asked = content(type(body), "Who asks for what", body)
    accepted = content(Accepted, "In the log", Accepted("cmd-1", "/v1/commands/cmd-1"))
    return {
        "status_code": 202,
        "responses": {202: accepted, **responses(409, 503, *errors)},
        "openapi_extra": {"requestBody": {"required": True, **asked}},
    }


def _head(body: Body, patient: str) -> dict[str, Any]:
    """What every command begins with."""
    command = body.id or f"cmd-{uuid.uuid4().hex}"
    return {"id": command, "patient": patient, "by": body.by, "at": time.time()}
