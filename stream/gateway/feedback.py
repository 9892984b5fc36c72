"""Feedback over HTTP: a beat or an alarm was right or wrong; a beat's signal is kept with it."""

import asyncio
import time
import uuid
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from ecg import messages as m
from stream.gateway.access import answer, content, documented, read_body
from stream.gateway.commands import Body
from stream.gateway.problems import Refusal, responses
from stream.gateway.queries import Count, Seconds, Sought
from stream.gateway.strips import Place, before
from stream.log import Log
from stream.store import Feedback, FeedbackFilter, Store

Verdict = Literal["right", "wrong"]
Label = Literal["N", "S", "V", "F", "Q", "artefact"]
Id = Annotated[m.Text, Meta(min_length=1, examples=["bed-1:boot-1:VTACH:5000"])]


class AboutAlarm(msgspec.Struct, tag="alarm", tag_field="type", forbid_unknown_fields=True):
    """An alarm of the book."""

    id: Id


class AboutBeat(
    msgspec.Struct, tag="beat", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """A beat as the subscription showed it; `label` is the class that it has."""

    patient: m.Name
    session: m.Name
    sample: m.Index
    time: Annotated[float, Meta(ge=0, le=1e11)]
    label: Label


class FeedbackBody(Body, kw_only=True):
    """Whether Beatwire was right about an alarm or a beat."""

    verdict: Verdict
    about: AboutAlarm | AboutBeat
    note: m.Text = ""


class FeedbackList(msgspec.Struct):
    """The latest first."""

    feedback: list[Feedback]


EXAMPLE: Final = FeedbackBody(
    by="dr-2", verdict="wrong", about=AboutAlarm("bed-1:boot-1:VTACH:5000"), note="artefact"
)
KEPT: Final = Feedback(
    id="feedback-1",
    at=1.7e9 + 60,
    by="dr-2",
    about="beat",
    verdict="wrong",
    patient="bed-1",
    session="boot-1",
    sample=5000,
    time=1.7e9,
    label="V",
)


def feedback_routes(log: Log, store: Store) -> APIRouter:
    """The routes under /v1 that take and show feedback."""
    router = APIRouter(tags=["feedback"])
    table = store.feedback

    @router.post("/feedback", **_posted())
    async def give_feedback(request: Request) -> Response:
        """Say that a beat or an alarm was right or wrong; with the same `id` it is said once."""
        body = await read_body(request, FeedbackBody)
        about = body.about
        if isinstance(about, AboutAlarm):
            said = _of_alarm(body, about, await asyncio.to_thread(store.history.alarm, about.id))
            strip = None  # the alarm has its own
        else:
            said = _of_beat(body, about)
            strip = await before(log, Place(about.patient, about.session, about.sample, about.time))
        kept = await asyncio.to_thread(table.add, said, strip)
        if _content(kept) != _content(said):
            raise Refusal(409, "conflict", f"{said.id} stands for other feedback", field="id")
        return answer(kept, 201 if kept.at == said.at else 200)

    @router.get("/feedback", **documented(FeedbackList, FeedbackList([KEPT]), 503))
    def list_feedback(
        patient: Sought = "",
        alarm: Sought = "",
        about: Literal["", "beat", "alarm"] = "",
        verdict: Literal["", "right", "wrong"] = "",
        by: Sought = "",
        since: Seconds = None,
        until: Seconds = None,
        limit: Count = 100,
    ) -> Response:
        """List feedback; parameters restrict."""
        wanted = FeedbackFilter(patient, alarm, about, verdict, by, since, until, limit)
        return answer(FeedbackList(table.find(wanted)))

    return router


def _posted() -> dict[str, Any]:
    body = content(FeedbackBody, "Who says what of what", EXAMPLE)
    return {
        "status_code": 201,
        "responses": {
            201: content(Feedback, "Kept", KEPT),
            200: content(Feedback, "It was kept before", KEPT),
            **responses(404, 409, 503),
        },
        "openapi_extra": {"requestBody": {"required": True, **body}},
    }


def _of_alarm(body: FeedbackBody, about: AboutAlarm, alarm: m.Alarm | None) -> Feedback:
    if alarm is None:
        raise Refusal(404, "not_found", f"no alarm {about.id}", field="about.id")
    return Feedback(
        **_head(body),
        about="alarm",
        patient=alarm.patient,
        session=alarm.session,
        sample=alarm.onset_sample,
        time=alarm.onset_time,
        alarm=alarm.id,
    )


def _of_beat(body: FeedbackBody, about: AboutBeat) -> Feedback:
    return Feedback(
        **_head(body),
        about="beat",
        patient=about.patient,
        session=about.session,
        sample=about.sample,
        time=about.time,
        label=about.label,
    )


def _head(body: FeedbackBody) -> dict[str, Any]:
    return {
        "id": body.id or f"feedback-{uuid.uuid4().hex}",
        "at": time.time(),
        "by": body.by,
        "verdict": body.verdict,
        "note": body.note,
    }


def _content(said: Feedback) -> Feedback:
    """What was said, whenever it was."""
    return msgspec.structs.replace(said, at=0.0)
