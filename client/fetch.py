"""`beatwire data fetch`: bring public ECG databases from PhysioNet, for training and evaluation."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from client.records import RecordError

DATABASES: Final = {
    "mitdb": "MIT-BIH Arrhythmia Database",
    "svdb": "MIT-BIH Supraventricular Arrhythmia Database",
    "nstdb": "MIT-BIH Noise Stress Test Database",
    "cudb": "CU Ventricular Tachyarrhythmia Database",
}
"""PhysioNet's short names; all are under ODC-BY 1.0, which asks for attribution."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    fetch = actions.add_parser("fetch", help="download databases into a folder")
    fetch.add_argument(
        "names", nargs="+", choices=DATABASES, metavar="NAME", help=", ".join(DATABASES)
    )
    fetch.add_argument(
        "--folder",
        type=Path,
        default=Path(os.environ.get("BEATWIRE_DATA", "data")),
        help="default: $BEATWIRE_DATA, else ./data",
    )


def run(args: argparse.Namespace) -> int:
    """Download; returns the exit status."""
    for name in args.names:
        sys.stderr.write(f"{name}: {DATABASES[name]} into {args.folder / name}\n")
        fetch(name, args.folder / name)
    return 0


def fetch(name: str, folder: Path) -> None:
    """Bring one database.

    Raises:
        RecordError: `missing-extra`, or `unreachable` when PhysioNet cannot be reached.
    """
    try:
        import wfdb  # noqa: PLC0415 - an optional extra
    except ImportError:
        what = "needs pip install 'beatwire[records]'"
        raise RecordError("missing-extra", "wfdb", what, folder) from None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        wfdb.dl_database(name, str(folder))
    except (OSError, ValueError) as error:
        what = f"PhysioNet does not give it, or cannot be reached ({type(error).__name__})"
        raise RecordError("unreachable", name, what, folder) from error
