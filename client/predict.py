"""Verdicts on people's measurements: `Predictor` asks a server, `beatwire predict` prints."""

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal
from urllib.parse import urlencode

import msgspec

from client.errors import RefusedError
from client.http import JSON, HttpClient

OPTIONS: Final = {
    "age": ("Age", "years"),
    "gender": ("Gender", "F or M"),
    "qtc": ("ECG_QTC_INTERVAL", "ms"),
    "qrs": ("ECG_QRS_DURATION", "ms"),
    "rate": ("ECG_VENT_RATE", "ventricular, /min"),
    "atrial-rate": ("ECG_ATRIAL_RATE", "/min"),
    "qt": ("ECG_QT_INTERVAL", "ms"),
    "r-axis": ("ECG_R_AXIS", "degrees"),
    "t-axis": ("ECG_T_AXIS", "degrees"),
    "count": ("ECG_QRS_COUNT", "complexes in 10 s"),
    "q-onset": ("ECG_Q_ONSET", "of the median beat, in 2 ms"),
    "q-offset": ("ECG_Q_OFFSET", "of the median beat, in 2 ms"),
    "t-offset": ("ECG_T_OFFSET", "of the median beat, in 2 ms"),
}
"""Option → the API's name, and what it is measured in."""

Measurements = Mapping[str, float | str]


class Predictor:
    """Asks a server for verdicts; the answers are as docs/protocol.md describes them.

    Every method raises RefusedError when the server refuses, OSError when it cannot be reached.
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", token: str = "") -> None:
        self._http = HttpClient(url, token)

    def one(
        self, person: Measurements, threshold: float = 0.5, *, contributions: bool = False
    ) -> dict[str, Any]:
        """The verdict on one person; `contributions` says what each measurement added."""
        words = {"threshold": threshold, "contributions": str(contributions).lower()}
        found: dict[str, Any] = self._http.post_json(f"/v1/predict?{urlencode(words)}", person)
        return found

    def batch(self, people: Sequence[Measurements], threshold: float = 0.5) -> dict[str, Any]:
        """Verdicts on up to 10,000 people, and an error for each who has none."""
        body = {"data": people, "threshold": threshold}
        found: dict[str, Any] = self._http.post_json("/v1/predict/batch", body)
        return found

    def csv(
        self,
        file: BinaryIO,
        out: BinaryIO,
        threshold: float = 0.5,
        form: Literal["text/csv", "application/json"] = "text/csv",
    ) -> None:
        """Send a CSV file and write the answer to `out` as it comes; memory stays small."""
        path = f"/v1/predict/csv?{urlencode({'threshold': threshold})}"
        headers = {"Content-Type": "text/csv", "Accept": form}
        with self._http.post(path, file, headers) as answer:
            shutil.copyfileobj(answer, out)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    parser.description = (
        "Ask a server how probable it is that an electrocardiogram is abnormal: of the people in a "
        "CSV file, or of one whose measurements are given. Not a medical device."
    )
    add("file", nargs="?", type=Path, help="CSV file with a row for each person")
    add("--url", default="http://127.0.0.1:8000", help="server (%(default)s)")
    add("--token", default="", help="credential")
    add("--threshold", type=float, default=0.5, help="abnormal from here on (%(default)s)")
    add("--json", action="store_true", help="the answer as JSON")
    add("--contributions", action="store_true", help="what each measurement of one person added")
    person = parser.add_argument_group("one person")
    for option, (name, unit) in OPTIONS.items():
        kind: type = str if name == "Gender" else float
        person.add_argument(f"--{option}", dest=name, type=kind, metavar="X", help=unit)


def run(args: argparse.Namespace) -> int:
    """Ask and print; returns the exit status."""
    given = {name: getattr(args, name) for name, _ in OPTIONS.values()}
    person = {name: value for name, value in given.items() if value is not None}
    if bool(person) == bool(args.file):
        sys.stderr.write("beatwire predict: give a CSV file or one person's measurements\n")
        return 2
    try:
        predictor = Predictor(args.url, args.token)
        if args.file:
            _print_file(predictor, args)
        else:
            found = predictor.one(person, args.threshold, contributions=args.contributions)
            sys.stdout.write(_text(found, as_json=args.json))
    except (RefusedError, OSError, ValueError) as error:
        sys.stderr.write(f"beatwire predict: {_why(error)}\n")
        return 1
    return 0


def _print_file(predictor: Predictor, args: argparse.Namespace) -> None:
    with args.file.open("rb") as file:
        form: Literal["text/csv", "application/json"] = JSON if args.json else "text/csv"
        predictor.csv(file, sys.stdout.buffer, args.threshold, form)


def _text(found: dict[str, Any], *, as_json: bool) -> str:
    """The answer on one person, as JSON or in lines."""
    if as_json:
        return msgspec.json.encode(found).decode() + "\n"
    (verdict,) = found["predictions"]
    lines = [f"{verdict['label']}, probability {verdict['probability']:.3f} ({found['model']})"]
    parts = verdict.get("contributions", {"inputs": {}})["inputs"]
    largest = sorted(parts.items(), key=lambda part: -abs(part[1]))
    lines += [f"  {value:+.3f}  {name}" for name, value in largest]
    if verdict["missing"]:
        lines.append(f"not given: {', '.join(verdict['missing'])}")
    return "\n".join([*lines, "Not a medical device.", ""])


def _why(error: Exception) -> str:
    if isinstance(error, RefusedError) and error.problem.field:
        return f"{error} ({error.problem.field})"
    return str(error)
