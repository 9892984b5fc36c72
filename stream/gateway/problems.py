"""Errors over HTTP: RFC 9457 problem details with the stable codes of docs/protocol.md."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from ecg.errors import WireError
from stream.log import LogError
from stream.store import StoreError

MEDIA_TYPE: Final = "application/problem+json"

CODES: Final = {
    400: "malformed",
    401: "unauthorized",
    403: "foreign_origin",
    404: "not_found",
    405: "method_not_allowed",
    408: "silent",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "out_of_range",
    429: "too_many_requests",
    500: "internal_error",
    501: "missing_extra",
    503: "store_unavailable",
}
"""Status → its code, where the route says no more; the examples of the OpenAPI document, too."""

METHODS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT")

_PARAMETER_CODES: Final = (
    ("missing", "missing_field"),
    ("extra_forbidden", "unknown_field"),
    ("json_invalid", "malformed"),
    ("_type", "wrong_type"),
    ("_parsing", "wrong_type"),
    ("finite_number", "not_finite"),
)
"""Ends of pydantic's error types → ours; anything else is out of its range."""


class Details(msgspec.Struct, omit_defaults=True):
    """The body of an error; `code`, `field` and `limit` are what they are on the wire."""

    title: str
    status: int
    code: str
    detail: str = ""
    field: str = ""
    limit: str = ""
    where: str = ""
    """Of an uploaded file: its name and line."""
    type: str = "about:blank"


class Refusal(HTTPException):
    """A request that cannot be carried out, and why.

    It is an `HTTPException` because FastAPI lets only those pass while it reads a body.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        field: str = "",
        limit: str = "",
        where: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.details = Details(_title(code), status, code, detail, field, limit, where)


REFUSED: Final = (Refusal, WireError, RequestValidationError)
"""What a request is refused with before anything is done."""


def details_of(error: Refusal | WireError | RequestValidationError) -> Details:
    """What the answer says of a request that is refused."""
    if isinstance(error, Refusal):
        return error.details
    if isinstance(error, WireError):
        status = 413 if error.code == "too_large" else 422
        title = _title(error.code)
        return Details(title, status, error.code, error.text, error.field, error.limit)
    first = error.errors()[0]
    code = next((c for end, c in _PARAMETER_CODES if first["type"].endswith(end)), "out_of_range")
    field = ".".join(str(part) for part in first["loc"][1:])
    limit = ", ".join(f"{name} {value}" for name, value in first.get("ctx", {}).items())
    return Details(_title(code), 422, code, first["msg"], field, limit)


def install(app: FastAPI) -> None:
    """Answer every error of `app` in the one form."""
    for kind in REFUSED:
        app.add_exception_handler(kind, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(LogError, _unavailable)
    app.add_exception_handler(StoreError, _unavailable)
    app.add_exception_handler(Exception, _unexpected)  # then raised again, for the server's log


def refuse(refusal: Refusal) -> Response:
    """The answer that a refusal is."""
    return _answer(refusal.details, refusal.headers)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of these errors."""
    return {status: _described(status) for status in statuses}


def _described(status: int) -> dict[str, Any]:
    code = CODES[status]
    example = msgspec.to_builtins(Details(_title(code), status, code))
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {MEDIA_TYPE: {"schema": schema, "example": example}}
    headers = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    return {
        "description": _title(code),
        "content": content,
        **({"headers": headers} if status == 429 else {}),
    }


def _title(code: str) -> str:
    return code.replace("_", " ").capitalize()


def _answer(details: Details, headers: Mapping[str, str] | None = None) -> Response:
    added = {"WWW-Authenticate": "Bearer"} if details.status == 401 else {}
    body = msgspec.json.encode(details)
    return Response(body, details.status, added | dict(headers or {}), media_type=MEDIA_TYPE)


def _refused(_: Request, error: Any) -> Response:
    return _answer(details_of(error), getattr(error, "headers", None))


def _http(request: Request, error: Any) -> Response:
    code = CODES.get(error.status_code, "refused")
    details = Details(_title(code), error.status_code, code, str(error.detail))
    if error.status_code == 405:
        return _answer(details, {"Allow": ", ".join(_methods(request))})
    return _answer(details, error.headers)


def _methods(request: Request) -> list[str]:
    """What may be asked at this path; the error itself knows only the first of its routes."""
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    routes = request.app.routes
    return [
        method
        for method, scope in scopes.items()
        if any(route.matches(scope)[0] == Match.FULL for route in routes)
    ]


def _unavailable(_: Request, error: Any) -> Response:
    code = "log_unavailable" if isinstance(error, LogError) else "store_unavailable"
    return _answer(Details(_title(code), 503, code, str(error)))


def _unexpected(_: Request, __: Any) -> Response:
    text = "the server failed at this request; its log says why"
    return _answer(Details(_title(CODES[500]), 500, CODES[500], text))
