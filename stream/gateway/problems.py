"""Errors over HTTP: RFC 9457 problem details with the stable codes of docs/protocol.md."""

from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ecg.errors import WireError
from stream.log import LogError
from stream.store import StoreError

MEDIA_TYPE: Final = "application/problem+json"

_CODES: Final = {
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    401: "unauthorized",
}


class Details(msgspec.Struct, omit_defaults=True):
    """The body of an error; `code`, `field` and `limit` are what they are on the wire."""

    title: str
    status: int
    code: str
    detail: str = ""
    field: str = ""
    limit: str = ""
    type: str = "about:blank"


class Refusal(Exception):  # noqa: N818 - not an error of ours
    """A request that cannot be carried out, and why."""

    def __init__(self, status: int, code: str, detail: str, *, field: str = "") -> None:
        super().__init__(detail)
        self.details = Details(_title(code), status, code, detail, field)


def install(app: FastAPI) -> None:
    """Answer every error of `app` in the one form."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(WireError, _wire)
    app.add_exception_handler(RequestValidationError, _parameter)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(LogError, _unavailable)
    app.add_exception_handler(StoreError, _unavailable)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of these errors."""
    content = {MEDIA_TYPE: {"schema": msgspec.json.schema(Details)["$defs"]["Details"]}}
    return {status: {"description": "Problem details", "content": content} for status in statuses}


def _title(code: str) -> str:
    return code.replace("_", " ").capitalize()


def _answer(details: Details) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if details.status == 401 else None
    body = msgspec.json.encode(details)
    return Response(body, details.status, headers=headers, media_type=MEDIA_TYPE)


def _refusal(_: Request, error: Any) -> Response:
    return _answer(error.details)


def _wire(_: Request, error: Any) -> Response:
    status = 413 if error.code == "too_large" else 422
    title = _title(error.code)
    return _answer(Details(title, status, error.code, error.text, error.field, error.limit))


def _parameter(_: Request, error: Any) -> Response:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    limit = ", ".join(f"{name} {value}" for name, value in first.get("ctx", {}).items())
    details = Details("Out of range", 422, "out_of_range", first["msg"], field, limit)
    return _answer(details)


def _http(_: Request, error: Any) -> Response:
    code = _CODES.get(error.status_code, "refused")
    answer = _answer(Details(_title(code), error.status_code, code, str(error.detail)))
    answer.headers.update(error.headers or {})
    return answer


def _unavailable(_: Request, error: Any) -> Response:
    code = "log_unavailable" if isinstance(error, LogError) else "store_unavailable"
    return _answer(Details(_title(code), 503, code, str(error)))
