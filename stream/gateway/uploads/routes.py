"""`POST /v1/upload` and what can be asked of an upload afterwards. `/upload` is an alias of the first."""

import asyncio
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from ecg import wire
from ecg.errors import WireError
from stream.gateway.access import answer
from stream.gateway.problems import responses
from stream.gateway.uploads import documents, results
from stream.gateway.uploads.answers import POLL_SECONDS, check, shown, url_of
from stream.gateway.uploads.jobs import Job, Uploads
from stream.gateway.uploads.receive import Form, receive
from stream.uploads import ALARMS, LeadName, Options, Positive, Unit

UploadId = Annotated[
    str, Path(pattern=r"^[0-9a-f]{32}$", examples=["0123456789abcdef0123456789abcdef"])
]
FIELDS: Final[dict[str, Any]] = {
    "rate": Positive,
    "unit": Unit,
    "uv_per_lsb": Positive,
    "lead": LeadName,
    "wait": Annotated[float, msgspec.Meta(ge=0, le=documents.MAX_WAIT)],
}
"""Of the form beside the files, and what each may be."""

Index = Annotated[int, Query(ge=0, le=2**40)]


# ── The upload itself ─────────────────────────────────────────────────────────────────────────


def upload_alias(uploads: Uploads) -> APIRouter:
    """`/upload`, for those who know it from elsewhere."""
    router = APIRouter(tags=["uploads"])

    @router.post("/upload", **documents.UPLOAD)
    async def upload(request: Request) -> Response:
        """Alias of `POST /v1/upload`."""
        return await _upload(request, uploads)

    return router


async def _upload(request: Request, uploads: Uploads) -> Response:
    job = uploads.admit()
    try:
        form = await receive(request, job.source, uploads.max_bytes)
        options, wait = _asked(form)
    except BaseException:  # also when the client has gone
        await uploads.drop(job)
        raise
    uploads.submit(job, options)
    try:
        async with asyncio.timeout(wait):
            await job.finished.wait()
    except TimeoutError:
        headers = {"Location": url_of(job), "Retry-After": str(POLL_SECONDS)}
        later = answer(shown(job, uploads), 202)
        later.headers.update(headers)
        return later
    check(job)
    result = await asyncio.to_thread(results.read_result, job.folder)
    return answer(msgspec.structs.replace(shown(job, uploads), result=result))


def _asked(form: Form) -> tuple[Options, float]:
    """What the form's fields ask for: options of the analysis, and how long to wait for it.

    Raises:
        WireError: unknown, or out of their limits.
    """
    asked = {name: _value(name, text) for name, text in form.fields.items() if text}
    wait = asked.pop("wait", documents.DEFAULT_WAIT)
    return Options(**asked), wait


def _value(name: str, text: str) -> Any:
    if name not in FIELDS:
        raise WireError("unknown_field", f"there is no field {name[:64]!r}", field=name[:64])
    try:
        return msgspec.convert(text, FIELDS[name], strict=False)
    except msgspec.ValidationError as error:
        raise wire.invalid(error, name) from None


# ── Afterwards ────────────────────────────────────────────────────────────────────────────────


def upload_routes(uploads: Uploads) -> APIRouter:
    """The routes under /v1 that take an upload, say how far it is, and drop it."""
    router = APIRouter(tags=["uploads"])

    @router.post("/upload", **documents.UPLOAD)
    async def upload(request: Request) -> Response:
        """Analyse a CSV, EDF, BDF or WFDB record, or a zip of one.

        Answers 200 with the result when it is there within `wait` seconds, else 202; then ask
        `GET /v1/uploads/{id}`.
        """
        return await _upload(request, uploads)

    @router.get("/uploads/{upload}", **documents.SHOW)
    async def show_upload(upload: UploadId) -> Response:
        """Say how far an upload is."""
        return answer(shown(uploads.find(upload), uploads))

    @router.delete("/uploads/{upload}", status_code=204, responses=responses(404))
    async def delete_upload(upload: UploadId) -> Response:
        """Cancel an upload, or drop its result."""
        await uploads.drop(uploads.find(upload))
        return Response(status_code=204)

    return router


def result_routes(uploads: Uploads) -> APIRouter:
    """The routes under /v1 that show what was found."""
    router = APIRouter(tags=["uploads"])

    def finished(name: str) -> Job:
        job = uploads.find(name)
        check(job)
        return job

    @router.get("/uploads/{upload}/result", **documents.RESULT)
    def show_result(upload: UploadId) -> Response:
        """Show what was found: counts, heart rate, conditions, alarms, trend, notes."""
        return answer(results.read_result(finished(upload).folder))

    @router.get("/uploads/{upload}/beats", **documents.BEATS)
    def show_beats(
        upload: UploadId,
        after: Index = 0,
        limit: Annotated[int, Query(ge=1, le=results.MAX_PAGE)] = 1000,
        format: Annotated[str, Query(pattern="^(json|jsonl|csv)$")] = "json",  # noqa: A002
    ) -> Response:
        """List beats: a page as JSON, or all of them, streamed, as JSON lines or CSV."""
        folder = finished(upload).folder
        rate = results.read_result(folder).rate
        if format == "jsonl":
            return StreamingResponse(
                results.beat_lines(folder, rate), media_type=documents.JSON_LINES
            )
        if format == "csv":
            return StreamingResponse(results.beat_rows(folder, rate), media_type="text/csv")
        return answer(results.beat_page(folder, rate, after, limit))

    @router.get("/uploads/{upload}/alarms", **documents.ALARMS)
    def list_conditions(upload: UploadId) -> Response:
        """List every alarm from onset to end, as JSON lines, in the order in which they ended."""
        return FileResponse(finished(upload).folder / ALARMS, media_type=documents.JSON_LINES)

    @router.get("/uploads/{upload}/signal", **documents.SIGNAL)
    def show_signal(
        upload: UploadId,
        start: Annotated[float, Query(ge=0, le=1e9, description="seconds")] = 0.0,
        seconds: Annotated[float | None, Query(gt=0, le=1e9, description="default: all")] = None,
        points: Annotated[int, Query(ge=1, le=results.MAX_POINTS)] = 2000,
    ) -> Response:
        """Show the analysed lead, or its envelope where there are more samples than points."""
        folder = finished(upload).folder
        result = results.read_result(folder)
        first = min(round(start * result.rate), result.samples)
        end = result.samples
        if seconds is not None:
            end = min(first + max(1, round(seconds * result.rate)), end)
        return answer(results.signal_page(folder, result, first, end, points))

    return router
