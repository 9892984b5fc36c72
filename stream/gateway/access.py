"""Who may ask over HTTP, how a request's body is read, and how answers are written."""

import hmac
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers

from ecg import wire
from ecg.errors import WireError
from stream.gateway.problems import Refusal, responses

MAX_BODY_BYTES: Final = 16 * 1024
"""A command is a few hundred bytes; a note may have 256 characters."""

JSON: Final = "application/json"


def _number(text: str) -> float:
    """A JSON number with a point or exponent; 5.0 is an integer, as JSON Schema has it."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


_JSON: Final = msgspec.json.Decoder(float_hook=_number)
_SCHEME: Final = HTTPBearer(auto_error=False, description="the token that the server was given")

T = TypeVar("T", bound=msgspec.Struct)


def bearer_check(token: str) -> Callable[..., Awaitable[None]]:
    """A dependency that refuses who does not show the token (empty: none asked).

    It is async, as `origin_check` is, because FastAPI would hand a plain function to a thread.
    """

    async def check(
        shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_SCHEME)] = None,
    ) -> None:
        credential = shown.credentials if shown else ""
        if token and not hmac.compare_digest(credential.encode(errors="replace"), token.encode()):
            raise Refusal(401, "unauthorized", "credential is missing or wrong")

    return check


def is_foreign(headers: Headers, allowed: Collection[str]) -> bool:
    """Whether a browser sends this for a page of a site that may neither read nor command.

    Other programs send no Origin, and WebSockets know no same-origin rule of their own.
    """
    origin = headers.get("origin")
    if origin is None or origin in allowed:
        return False
    return urlsplit(origin).netloc != headers.get("host", "")


def origin_check(allowed: Collection[str]) -> Callable[[Request], Awaitable[None]]:
    """A dependency that refuses what a page of a site other than ours and these sends."""

    async def check(request: Request) -> None:
        if is_foreign(request.headers, allowed):
            raise Refusal(403, "foreign_origin", "pages of other sites may not use this server")

    return check


async def read_body(request: Request, kind: type[T]) -> T:
    """The request's JSON body as a struct; `request.state.said` keeps it as it came.

    Raises:
        Refusal: of another media type (none is taken for JSON).
        WireError: too large, not JSON, or out of its limits.
    """
    body = await read_bytes(request, MAX_BODY_BYTES)
    try:
        said = request.state.said = _JSON.decode(body)
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        path = str(error).partition(" - at `")[2].rstrip("`")
        raise wire.invalid(error, wire.json_field(path)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise WireError("malformed", f"body cannot be read: {error}") from None


async def read_bytes(request: Request, most: int) -> bytes:
    """The request's body, JSON not yet read.

    Raises:
        Refusal: of another media type (none is taken for JSON).
        WireError: more than `most` bytes.
    """
    media_type(request, (JSON,))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise WireError("too_large", f"body has more than {most} bytes", limit=f"{most} bytes")
    return bytes(body)


def media_type(request: Request, known: Sequence[str]) -> None:
    """Refuse a body of another media type than those known; none is taken for the first."""
    media = request.headers.get("content-type", known[0]).partition(";")[0].strip().lower()
    if media not in known:
        text = f"{media[:64]} is not {known[0]}"
        raise Refusal(415, "unsupported_media_type", text, limit=", ".join(known))


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a type with every reference written out, for the OpenAPI document."""
    whole = msgspec.json.schema(kind)
    definitions = whole.pop("$defs", {})
    resolved: dict[str, Any] = _resolve(whole, definitions)
    return resolved


def content(kind: Any, description: str, example: Any = None) -> dict[str, Any]:
    """An OpenAPI response or request body of this type, with an example (built-ins or structs)."""
    media = {"schema": schema(kind)}
    if example is not None:
        media["example"] = msgspec.to_builtins(example)
    return {"description": description, "content": {JSON: media}}


def documented(kind: Any, example: Any, *errors: int) -> dict[str, Any]:
    """What FastAPI cannot see of a route that answers with this type: schema, example, problems."""
    return {"responses": {200: content(kind, "Found", example), **responses(*errors)}}


def _resolve(value: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolve(item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return _resolve(definitions[value["$ref"].removeprefix("#/$defs/")], definitions)
    return {
        name: _resolve(item, definitions) for name, item in value.items() if name != "discriminator"
    }
