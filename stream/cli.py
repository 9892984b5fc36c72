"""The command `beatwire`: one line for each subcommand; each lives with what it runs."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Final

from client.records import RecordError
from ecg.errors import ModelError
from stream.lifeline import follow_parent
from stream.version import keep_compiled_kernels

COMMANDS: Final = {
    "serve": ("stream.serve", "run the server: gateway and worker, on embedded files or Kafka"),
    "topics": ("stream.topics", "create or list a house's topics on Kafka"),
    "annotate": ("stream.annotate", "run records through the pipeline, write annotations"),
    "evaluate": ("inference.evaluation.command", "score annotations by EC57, or alarms"),
    "replay": ("client.replay", "stream records to a server"),
    "upload": ("client.upload", "have a record analysed by a server"),
    "watch": ("client.watch", "show what a server pushes, as a table or as JSON lines"),
    "predict": ("client.predict", "ask a server for verdicts on measurements"),
    "simulate": ("client.simulate", "stream simulated beds to a server"),
    "data": ("client.fetch", "bring public ECG databases from PhysioNet"),
    "store": ("stream.upgrade", "bring the store's tables up to date"),
    "train": ("inference.training.command", "train the beat classifier, or that of intervals"),
}
"""Subcommand → module with `configure(parser)` and `run(args) -> exit status`, and its help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="beatwire", description="Real-time ECG monitor. Not a medical device."
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    keep_compiled_kernels()
    follow_parent()
    words = list(sys.argv[1:] if argv is None else argv)
    wanted = next((word for word in words if word in COMMANDS), None)
    for name, (module, text) in COMMANDS.items():
        sub = subparsers.add_parser(name, help=text, description=text)
        if name == wanted:  # the others' modules, some of them heavy, stay unread
            importlib.import_module(module).configure(sub)
    args = parser.parse_args(words)
    try:
        return int(importlib.import_module(COMMANDS[args.command][0]).run(args))
    except (RecordError, ModelError) as error:
        print(f"beatwire {args.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
