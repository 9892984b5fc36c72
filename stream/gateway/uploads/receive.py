"""A multipart body to files: streamed, bounded, under safe names, written outside of the event loop."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from ecg.errors import WireError
from stream.gateway.problems import Refusal
from stream.gateway.spool import coming, on_disk
from stream.uploads import MAX_NAME_BYTES

MAX_FILES: Final = 16
"""A WFDB record has a header, some signal files and annotations."""
MAX_FIELDS: Final = 16
MAX_FIELD_BYTES: Final = 256
MAX_HEADER_BYTES: Final = 4096
_BATCH: Final = 1 << 20
"""Bytes handed to a thread at a time."""


class Form:
    """The parts of a body as they come: files are written to `folder`, short fields kept.

    Attributes:
        fields: by name.
        files: names of the files, as they were written.
    """

    def __init__(self, folder: Path, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.files: list[str] = []
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._field = ""
        self._value = b""
        self._header = [b"", b""]
        self._header_bytes = 0
        self._disposition: dict[bytes, bytes] = {}
        self._complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_piece(0),
                "on_header_value": self._header_piece(1),
                "on_header_end": self._header_end,
                "on_headers_finished": self._opened,
                "on_part_data": self._data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            WireError: not multipart, or a part breaks a limit.
        """
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise WireError("malformed", f"no multipart body: {error}") from None

    def finish(self) -> None:
        """Nothing more comes.

        Raises:
            WireError: the body ends before it should, or holds no file.
        """
        if not self._complete:
            raise WireError("malformed", "the multipart body ends before its last boundary")
        if not self.files:
            raise WireError("missing_field", "there is no file in the body", field="file")

    def close(self) -> None:
        """Close what is open, whatever happened."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self._disposition = {}
        self._header_bytes = 0

    def _header_piece(self, part: int) -> Callable[[bytes, int, int], None]:
        def take(data: bytes, start: int, end: int) -> None:
            self._header_bytes += end - start
            if self._header_bytes > MAX_HEADER_BYTES:
                limit = f"{MAX_HEADER_BYTES} bytes"
                raise WireError("too_large", "a part's header is too long", limit=limit)
            self._header[part] += data[start:end]

        return take

    def _header_end(self) -> None:
        name, value = self._header
        self._header = [b"", b""]
        if name.lower() == b"content-disposition":
            self._disposition = parse_options_header(value)[1]

    def _opened(self) -> None:
        name = self._disposition.get(b"name", b"").decode(errors="replace")
        file = self._disposition.get(b"filename")
        if file is not None:
            self._open_file(file.decode(errors="replace"))
        else:
            if len(self.fields) >= MAX_FIELDS:
                raise WireError("out_of_range", "too many fields", limit=f"{MAX_FIELDS} fields")
            self._field, self._value = name[:64], b""

    def _open_file(self, name: str) -> None:
        if len(self.files) >= MAX_FILES:
            limit = f"{MAX_FILES} files"
            raise WireError("out_of_range", "too many files", field="file", limit=limit)
        safe = _safe(name)
        if safe in self.files:
            raise WireError("mismatch", f"two files are called {safe}", field="file")
        self._file = (self._folder / safe).open("xb")
        self.files.append(safe)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > MAX_FIELD_BYTES:
            limit = f"{MAX_FIELD_BYTES} bytes"
            raise WireError("out_of_range", "a field is too long", field=self._field, limit=limit)

    def _part_end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        elif self._field in self.fields:
            raise WireError("mismatch", "the field is there twice", field=self._field)
        else:
            self.fields[self._field] = self._value.decode(errors="replace").strip()

    def _end(self) -> None:
        self._complete = True


def _safe(name: str) -> str:
    """The last part of a name, which browsers and curl may send with folders before it."""
    last = name.replace("\\", "/").rpartition("/")[2]
    safe = "".join(c if c.isalnum() or c in "._+-" else "_" for c in last)
    kept = safe.encode()[-MAX_NAME_BYTES:].decode(errors="ignore")  # of a cut character nothing
    return kept if kept.strip(".") else "file"


async def receive(request: Request, folder: Path, max_bytes: int) -> Form:
    """Stream the request's files to `folder`, which is made.

    Raises:
        Refusal: not a multipart body, or it has more than `max_bytes`, or it stopped coming, or the
            disk does not take it.
        WireError: a malformed body.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        what = "send the file as multipart/form-data, as `curl -F file=@record.csv` does"
        raise Refusal(415, "unsupported_media_type", what)
    _check_size(int(request.headers.get("content-length") or 0), max_bytes)
    form = Form(folder, options[b"boundary"])
    with on_disk():
        await asyncio.to_thread(folder.mkdir, parents=True)
        try:
            await _feed(request, form, max_bytes)
        finally:
            form.close()
    form.finish()
    return form


async def _feed(request: Request, form: Form, max_bytes: int) -> None:
    batch, total = bytearray(), 0
    async for chunk in coming(request):
        total += len(chunk)
        _check_size(total, max_bytes)
        batch += chunk
        if len(batch) >= _BATCH:
            await asyncio.to_thread(form.feed, bytes(batch))
            batch.clear()
    await asyncio.to_thread(form.feed, bytes(batch))


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        limit = f"{max_bytes} bytes"
        raise Refusal(413, "too_large", "the upload is too large", field="file", limit=limit)
