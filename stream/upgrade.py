"""`beatwire store upgrade`: bring the store's tables up to date before the servers are.

Every start does so too. This one needs no server, and may show credentials that are allowed to change
tables when those of the servers are not.
"""

import argparse
import sys
from pathlib import Path

from stream.config import Settings
from stream.store import Store, StoreError, tables


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; each is also a variable BEATWIRE_<NAME>."""
    parser.add_argument("action", choices=("upgrade",))
    parser.add_argument("--folder", type=Path, help="where the store lives (default: ./data)")
    parser.add_argument("--store", metavar="URL", help="of the store, when it is no file there")


def run(args: argparse.Namespace) -> int:
    """Open the store, which does all; returns the exit status."""
    settings = Settings.load(folder=args.folder, store=args.store)
    try:
        Store(settings.store_place).close()
    except StoreError as error:
        print(f"beatwire store: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"the store has revision {tables.REVISION}")  # noqa: T201
    return 0
