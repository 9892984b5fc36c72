"""`beatwire upload`, and `upload()` for programs: a record as a file, its beats and alarms back."""

import argparse
import json
import re
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from client.errors import RefusedError
from client.http import HttpClient
from client.records import RecordError

POLL_SECONDS: Final = 0.5
_CHUNK: Final = 1 << 18

Progress = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Analysed:
    """An upload that the server has analysed; it drops the result after a while.

    Attributes:
        url: of the upload at the server; `/beats`, `/alarms`, `/signal` follow it.
        result: counts, heart rate, conditions, alarms, trend and notes, as the server gives them
            (`GET /openapi.json` describes it).
    """

    url: str
    result: dict[str, Any]


def upload(
    path: str | Path,
    url: str,
    fields: Mapping[str, object] | None = None,
    *,
    token: str = "",
    progress: Progress | None = None,
) -> Analysed:
    """Upload the record at `path` and wait until it is analysed.

    Args:
        path: CSV, EDF, BDF, zip, or a WFDB record with or without `.hea`.
        url: of the server.
        fields: rate, unit, uv_per_lsb, lead, as docs/uploads.md describes them.
        token: credential.
        progress: is told the share that is analysed, 0 to 1, whenever it was asked for.

    Raises:
        RecordError: the file is not there.
        RefusedError: the server cannot use the file, or will not take it.
        OSError: no connection.
    """
    server = HttpClient(url, token)
    form = Form(files_of(Path(path)), {**(fields or {}), "wait": 0})
    headers = {"Content-Type": form.media_type, "Content-Length": str(len(form))}
    with server.post("/v1/upload", form, headers) as answer:
        job = json.load(answer)
    while job["state"] not in {"done", "failed"}:
        if progress is not None:
            progress(job["progress"])
        time.sleep(POLL_SECONDS)
        job = server.get_json(job["url"])
    result = server.get_json(f"{job['url']}/result")  # of a failed one it says why
    if progress is not None:
        progress(1.0)
    return Analysed(job["url"], result)


# ── The form ──────────────────────────────────────────────────────────────────────────────────


def files_of(path: Path) -> list[Path]:
    """The files of a record: of WFDB the header and the signal files that it names.

    Raises:
        RecordError: `not-found`.
    """
    header = path if path.suffix == ".hea" else path.with_name(path.name + ".hea")
    if header.is_file() and (path.suffix == ".hea" or not path.is_file()):
        lines = header.read_text(errors="replace").splitlines()
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
        names = dict.fromkeys(row[0] for row in rows[1:])
        found = [header, *(header.with_name(name) for name in names)]
    else:
        found = [path]
    for file in found:
        if not file.is_file():
            raise RecordError("not-found", "record", "there is no such file", file)
    return found


class Form:
    """A multipart body of files and fields, read from the disk as it is sent."""

    def __init__(self, files: Sequence[Path], fields: Mapping[str, object]) -> None:
        self._boundary = uuid.uuid4().hex
        self._files = [(self._head("file", path.name), path) for path in files]
        given = {name: value for name, value in fields.items() if value not in {None, ""}}
        texts = [self._head(name) + f"{value}\r\n".encode() for name, value in given.items()]
        self._tail = b"".join(texts) + f"--{self._boundary}--\r\n".encode()

    @property
    def media_type(self) -> str:
        """For the Content-Type."""
        return f"multipart/form-data; boundary={self._boundary}"

    def __len__(self) -> int:
        """Bytes."""
        return sum(len(head) + path.stat().st_size + 2 for head, path in self._files) + len(
            self._tail
        )

    def __iter__(self) -> Iterator[bytes]:
        """The body, piece by piece."""
        for head, path in self._files:
            yield head
            with path.open("rb") as file:
                while data := file.read(_CHUNK):
                    yield data
            yield b"\r\n"
        yield self._tail

    def _head(self, name: str, file: str = "") -> bytes:
        safe = re.sub(r'["\r\n]', "_", file)
        named = f'; filename="{safe}"' if file else ""
        text = f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
        return text.encode()


# ── The command ───────────────────────────────────────────────────────────────────────────────


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `beatwire upload`."""
    add = parser.add_argument
    parser.description = "Have a record (CSV, EDF, WFDB, zip) analysed by a server."
    add("record", metavar="FILE", help="WFDB path without suffix, EDF, CSV or zip file")
    add("--url", default="http://127.0.0.1:8000", help="server (%(default)s)")
    add("--rate", type=float, help="Hz, for a CSV file without a time column")
    add("--unit", help="of a CSV file's values: V, mV, uV, nV (its header's, or a guess)")
    add("--uv-per-lsb", type=float, help="microvolts per unit of a converter's raw numbers")
    add("--lead", help="number from 0, or name (0)")
    add("--token", default="", help="credential")
    add("--quiet", action="store_true", help="no progress bar")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the result as JSON")
    form.add_argument("--csv", action="store_true", help="all beats as CSV")


def run(args: argparse.Namespace) -> int:
    """Carry out `beatwire upload`; returns the exit status."""
    fields = {name: getattr(args, name) for name in ("rate", "unit", "uv_per_lsb", "lead")}
    try:
        form = "{l_bar}{bar}| [{elapsed}<{remaining}]"
        with tqdm(total=1.0, bar_format=form, disable=args.quiet or None, file=sys.stderr) as bar:
            analysed = upload(
                args.record,
                args.url,
                fields,
                token=args.token,
                progress=lambda share: bar.update(share - bar.n),
            )
        if args.csv:
            with HttpClient(args.url, args.token).get(f"{analysed.url}/beats?format=csv") as rows:
                shutil.copyfileobj(rows, sys.stdout.buffer)
            return 0
    except (RefusedError, OSError, ValueError) as error:
        if isinstance(error, RecordError):
            raise
        sys.stderr.write(f"beatwire upload: {error}\n")
        return 1
    text = json.dumps(analysed.result, indent=2) if args.json else summary(analysed.result)
    sys.stdout.write(text + "\n")
    return 0


def summary(result: Mapping[str, Any]) -> str:
    """A result in some lines for people."""
    rate = result["heart_rate"]
    lines = [
        f"{result['name']} ({result['format']}): lead {result['lead']}, {result['rate']:g} Hz",
        f"length      {result['seconds']:.0f} s, {result['gap_seconds']:.0f} s without signal",
        "beats       " + "  ".join(f"{name} {count}" for name, count in result["beats"].items()),
        "heart rate  "
        + (f"{rate['mean']:.0f} ({rate['low']:.0f} to {rate['high']:.0f}) /min" if rate else "?"),
    ]
    lines += [
        f"{kind['priority']:<12}{kind['text']}: {kind['count']} x, {kind['seconds']:.0f} s"
        for kind in result["conditions"]
    ]
    lines += [f"note        {note}" for note in result["notes"]]
    return "\n".join([*lines, result["disclaimer"]])
