"""What is said of an upload: its state, or why there is no result."""

from typing import Final

import msgspec

from stream.gateway.problems import Refusal
from stream.gateway.uploads.jobs import Job, State, Uploads
from stream.uploads import Failure, Result

POLL_SECONDS: Final = 1
"""When to ask for the progress of a long file again."""

_STATUSES: Final = {
    "too_large": 413,
    "too_long": 413,
    "cancelled": 409,
    "missing_extra": 501,
    "analysis_crashed": 500,
    "analysis_timeout": 503,
    "store_unavailable": 503,
}
"""Of a failed analysis; anything else is the file's fault, 422."""


class Upload(msgspec.Struct, frozen=True, omit_defaults=True):
    """An upload: `state` is receiving, queued, running, done or failed.

    Attributes:
        progress: share of the file that is analysed, 0 to 1.
        ahead: uploads that come before this one.
        url: of this upload; `/result`, `/beats`, `/alarms` and `/signal` follow it.
        expires_at: when the result goes, seconds since 1970.
        result: in the answer to the upload itself, when it is done in time.
        error: of a failed one.
    """

    id: str
    state: State
    progress: float
    url: str
    created_at: float
    ahead: int = 0
    expires_at: float | None = None
    result: Result | None = None
    error: Failure | None = None


def url_of(job: Job) -> str:
    """Where an upload is asked for."""
    return f"/v1/uploads/{job.id}"


def shown(job: Job, uploads: Uploads) -> Upload:
    """The state of an upload."""
    return Upload(
        id=job.id,
        state=job.state,
        progress=round(min(1.0, job.seconds / job.total), 4) if job.total else 0.0,
        url=url_of(job),
        created_at=job.created_at,
        ahead=uploads.ahead(job),
        expires_at=job.expires_at,
        error=job.failure,
    )


def check(job: Job) -> None:
    """Go on only if there is a result.

    Raises:
        Refusal: `not_done`, or why the analysis failed.
    """
    if job.failure is not None:
        raise _refusal(job.failure)
    if job.state is not State.DONE:
        text = f"the upload is {job.state}"
        raise Refusal(409, "not_done", text, headers={"Retry-After": str(POLL_SECONDS)})


def _refusal(failure: Failure) -> Refusal:
    return Refusal(
        _STATUSES.get(failure.code, 422),
        failure.code,
        failure.detail,
        field=failure.field,
        limit=failure.limit,
        where=failure.where,
    )
