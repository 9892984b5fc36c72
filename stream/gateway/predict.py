"""Verdicts on people's measurements over HTTP: one person, a batch, a CSV file.

Each route stands under /v1 and, for programs written for the system we follow, without it.
"""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from inference.intervals.person import EXAMPLE, Person
from stream.gateway.access import JSON, answer, content, media_type, read_bytes, schema
from stream.gateway.people_csv import People
from stream.gateway.predict_file import CSV, CSV_EXAMPLE, VERDICTS_EXAMPLE, as_csv, as_json
from stream.gateway.problems import responses
from stream.gateway.spool import Spool
from stream.gateway.verdicts import BATCH, MAX_ROWS, VERDICT, BatchBody, Judge, Verdicts

FILES: Final = ("/predict/csv", "/v1/predict/csv")
"""Paths whose body is read as a stream."""
MAX_ROW_BYTES: Final = 16 * 1024
MAX_BATCH_BYTES: Final = 1024 * MAX_ROWS
"""Thirteen numbers of 17 digits with their names are 600 bytes; the rest is white space."""
CSV_TYPES: Final = (CSV, "application/csv", "application/vnd.ms-excel", "text/plain")

Threshold = Annotated[
    float, Query(ge=0, le=1, description="from this probability on the label is `abnormal`")
]
Explain = Annotated[bool, Query(description="say what each input contributed (up to 16 ms)")]


def predict_routes(judge: Judge) -> APIRouter:
    """The routes; without their prefix they are aliases."""
    router = APIRouter(tags=["predict"])
    spool = Spool()

    @router.post("/predict", **_documented(schema(Person), EXAMPLE, VERDICT))
    async def predict(
        request: Request,
        threshold: Threshold = 0.5,
        contributions: Explain = False,  # noqa: FBT002 - a query parameter
    ) -> Response:
        """Say how probable it is that this person's electrocardiogram is abnormal.

        "Abnormal" is everything but sinus rhythm without any finding. Age, sex, QTc and QRS duration
        are required; each further measurement sharpens the answer, and what is missing is named.
        """
        body = await read_bytes(request, MAX_ROW_BYTES)
        if contributions:
            return answer(await asyncio.to_thread(judge.one, body, threshold, explained=True))
        return answer(judge.one(body, threshold))

    @router.post("/predict/batch", **_documented(_batch_schema(), BATCH, VERDICT))
    async def predict_batch(request: Request) -> Response:
        """Judge up to 10,000 people at once; a bad row is named in `errors`, the others answered."""
        body = await read_bytes(request, MAX_BATCH_BYTES)
        return Response(await asyncio.to_thread(judge.batch, body), media_type=JSON)

    @router.post("/predict/csv", **_documented_csv())
    async def predict_csv(request: Request, threshold: Threshold = 0.5) -> Response:
        """Judge the people in a CSV file of any size, in its order; errors have their line.

        The answer is CSV, or JSON where `Accept` says so. Separator, encoding and spelling of the
        header are found out; columns that are no measurement are ignored.
        """
        media_type(request, CSV_TYPES)
        is_json = JSON in request.headers.get("accept", "")
        write = as_json if is_json else as_csv
        file = await spool.receive(request)
        people = await file.read(People)
        parts = file.stream(write(judge, people, threshold))
        return StreamingResponse(parts, media_type=JSON if is_json else CSV)

    return router


def _documented(body: dict[str, Any], example: Any, answered: Any) -> dict[str, Any]:
    """What FastAPI cannot see of a route that reads its body by itself."""
    media = {JSON: {"schema": body, "example": example}}
    return {
        "responses": {200: content(Verdicts, "Verdicts, then errors", answered), **responses(413)},
        "openapi_extra": {"requestBody": {"required": True, "content": media}},
    }


def _batch_schema() -> dict[str, Any]:
    """BatchBody's, with the rows as what they should be."""
    whole = schema(BatchBody)
    whole["properties"]["data"]["items"] = schema(Person)
    return whole


def _documented_csv() -> dict[str, Any]:
    media = {"schema": {"type": "string"}, "example": CSV_EXAMPLE}
    found = content(Verdicts, "A line for each row, or verdicts, then errors", VERDICT)
    found["content"][CSV] = {"schema": {"type": "string"}, "example": VERDICTS_EXAMPLE}
    body = {"required": True, "content": {CSV: media, "text/plain": media}}
    return {
        "responses": {200: found, **responses(408, 413, 503)},
        "openapi_extra": {"requestBody": body},
    }
