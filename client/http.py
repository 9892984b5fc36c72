"""How every client asks over HTTP: address, credential and problems, in one place.

The standard library's client is enough: it sends a file block by block and hands out the answer as
it comes.
"""

from collections.abc import Iterable, Mapping
from http.client import HTTPResponse
from io import IOBase
from typing import Any, BinaryIO, Final, cast
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

import msgspec

from client.errors import RefusedError
from ecg import messages as m

JSON: Final = "application/json"
TIMEOUT_SECONDS: Final = 60.0
"""How long a server may be silent: it answers a file only when all of it has come."""
MAX_PROBLEM_BYTES: Final = 1 << 16

_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


class HttpClient:
    """Asks one server.

    Args:
        url: of the server, with http, https, ws or wss.
        token: credential; empty: none.

    Raises:
        ValueError: `url` is no such address.
    """

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:8000")
        own = parts.path.rstrip("/")
        self._base = urlunsplit((_SCHEMES[parts.scheme], parts.netloc, own, "", ""))
        self._token = token

    def post(
        self, path: str, body: bytes | BinaryIO | Iterable[bytes], headers: Mapping[str, str]
    ) -> HTTPResponse:
        """The answer to a body, a file, or pieces (then with Content-Length), to be read and closed.

        Raises:
            RefusedError: the server says what is wrong with it.
            OSError: the server cannot be reached.
        """
        request = Request(self._base + path, body, dict(headers))  # noqa: S310 - http or https
        if isinstance(body, IOBase):
            request.add_unredirected_header("Content-Length", str(_size(cast("BinaryIO", body))))
        return self._open(request)

    def get(self, path: str) -> HTTPResponse:
        """The answer, to be read and closed; raises as `post` does."""
        return self._open(Request(self._base + path))  # noqa: S310 - http or https

    def get_json(self, path: str) -> Any:
        """The answer's JSON; raises as `post` does."""
        with self.get(path) as answer:
            return msgspec.json.decode(answer.read())

    def post_json(self, path: str, value: Any) -> Any:
        """The answer to a JSON value, read; raises as `post` does."""
        headers = {"Content-Type": JSON, "Accept": JSON}
        with self.post(path, msgspec.json.encode(value), headers) as answer:
            return msgspec.json.decode(answer.read())

    def _open(self, request: Request) -> HTTPResponse:
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            answer = urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310 - http or https
        except HTTPError as error:
            with error:
                raise RefusedError(_problem(error)) from None
        return cast("HTTPResponse", answer)


def _size(file: BinaryIO) -> int:
    """Bytes from here to the end of a file."""
    here = file.tell()
    end = file.seek(0, 2)
    file.seek(here)
    return end - here


def _problem(error: HTTPError) -> m.Problem:
    """What the server said is wrong; its status when it did not say it in our words."""
    try:
        found = msgspec.json.decode(error.read(MAX_PROBLEM_BYTES), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError):
        found = {}
    names = ("code", "detail", "field", "limit", "where")
    words = {name: str(found.get(name, "")) for name in names}
    place = f"{words['where']}: {words['field']}: " if words["where"] else ""  # of a file
    return m.Problem(
        code=words["code"] or "refused",
        text=place + (words["detail"] or f"status {error.code}"),
        field=words["field"],
        limit=words["limit"],
    )
