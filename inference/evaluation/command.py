"""`beatwire evaluate`: EC57 figures of annotation files, and the report of their alarms."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from inference.evaluation.alarm_report import (
    alarm_markdown,
    build_alarms,
    build_cinc2015,
    cinc2015_markdown,
)
from inference.evaluation.annotations import EvaluationError
from inference.evaluation.records import choose, evaluate_record
from inference.evaluation.report import build, markdown


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    data = Path(os.environ.get("BEATWIRE_DATA", "data"))
    parser.description = "Score annotation files against reference annotations, by EC57 as bxb."
    parser.add_argument("folder", type=Path, metavar="DIR", help="what `annotate` wrote")
    parser.add_argument(
        "--reference",
        type=Path,
        default=data / "mitdb",
        help="folder of the .atr files and headers (default: $BEATWIRE_DATA/mitdb)",
    )
    parser.add_argument(
        "--records",
        nargs="+",
        default=["all"],
        metavar="RECORD",
        help="record names, DS1, DS2, or all in DIR (default)",
    )
    parser.add_argument("--extension", default="bw", help="of the files in DIR (default: bw)")
    parser.add_argument("--ej-as-n", action="store_true", help="map e, j, n to N instead of S")
    parser.add_argument(
        "--alarms",
        action="store_true",
        help="judge the *.jsonl events in DIR instead (the challenge's score where the reference "
        "folder holds ALARMS)",
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of Markdown")


def run(args: argparse.Namespace) -> int:
    """Evaluate and print the report; 0 when it worked, 2 when the input cannot be evaluated."""
    try:
        _check_reference(args.reference)
        names = choose(args.folder, args.extension, args.records)
        report, text = _alarms(args, names) if args.alarms else _beats(args, names)
    except EvaluationError as error:
        sys.stderr.write(f"beatwire evaluate: {error}\n")
        return 2
    sys.stdout.write(json.dumps(report, indent=1) + "\n" if args.json else text)
    return 0


def _check_reference(folder: Path) -> None:
    if not folder.is_dir():
        told = (
            "no such folder of reference annotations: name it by --reference, or set BEATWIRE_DATA"
        )
        raise EvaluationError(f"{folder}: {told}")


def _beats(args: argparse.Namespace, names: list[str]) -> tuple[dict[str, Any], str]:
    results = [
        evaluate_record(name, args.folder, args.extension, args.reference, ej_as_n=args.ej_as_n)
        for name in tqdm(names, unit="record", file=sys.stderr)
    ]
    report = build(results, ej_as_n=args.ej_as_n)
    return report, markdown(report)


def _alarms(args: argparse.Namespace, names: list[str]) -> tuple[dict[str, Any], str]:
    if (args.reference / "ALARMS").is_file():
        report = build_cinc2015(args.folder, args.reference, names)
        return report, cinc2015_markdown(report)
    report = build_alarms(args.folder, args.reference, names)
    return report, alarm_markdown(report)
