"""`beatwire annotate`: records through the live pipeline at full speed, beats and alarms to files."""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final, TextIO

from tqdm import tqdm

from client.records import Record, RecordError, open_record, write_annotations
from ecg.messages import Alarm, Beat
from inference import registry
from inference.classifier import BeatClassifier
from stream.engine.pipeline import Classifier
from stream.flutter import Flutter
from stream.offline import play

TAKEN: Final = ("atr", "bdf", "csv", "dat", "edf", "hea", "jsonl", "mat", "tsv", "txt")
"""Extensions of records, of reference annotations and of events: they are not overwritten."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "records", nargs="+", metavar="RECORD", help="WFDB without suffix, EDF, CSV"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--extension", type=_extension, default="bw", help="of the annotation files (default: bw)"
    )
    parser.add_argument(
        "--events",
        type=Path,
        metavar="FILE",
        help="alarms of all records (default: DIR/RECORD.jsonl)",
    )
    parser.add_argument(
        "--leads",
        nargs="+",
        default=["0"],
        help="by number or name: the one to analyse, then one for where that fails (default: 0 alone)",
    )
    parser.add_argument("--rate", type=float, help="Hz, for CSV without a time column")
    parser.add_argument(
        "--model", default="", help="folder of a model bundle, or models:/NAME@ALIAS of MLflow"
    )


def _extension(word: str) -> str:
    if not re.fullmatch("[A-Za-z]+", word) or word.lower() in TAKEN:
        raise argparse.ArgumentTypeError(f"{word!r} is not letters, or one of {', '.join(TAKEN)}")
    return word


def run(args: argparse.Namespace) -> int:
    """Annotate every record; returns the exit status, 2 where nothing can be written."""
    try:
        _annotate_all(args)
    except OSError as error:
        sys.stderr.write(f"beatwire annotate: {error}\n")
        return 2
    return 0


def _annotate_all(args: argparse.Namespace) -> None:
    classifier = BeatClassifier(registry.find(args.model))
    args.output.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        shared = stack.enter_context(_events(args.events)) if args.events else None
        for record in _records(args):
            with ExitStack() as own:
                place = args.output / f"{record.name}.jsonl"
                file = shared or own.enter_context(_events(place))
                annotate(record, classifier, args.output, args.extension, file)


def _records(args: argparse.Namespace) -> Iterator[Record]:
    """Open one after the other, each by a name that is WFDB's and its own.

    Raises:
        RecordError: one cannot be opened, or would overwrite what came of another.
    """
    leads = [int(lead) if lead.isdigit() else lead for lead in args.leads]
    paths: dict[str, str] = {}
    for path in tqdm(args.records, unit="record", disable=len(args.records) < 2 or None):
        record = open_record(path, leads, rate=args.rate)
        name = "".join(c if c.isalnum() or c in "_-" else "-" for c in record.name)
        if name in paths:
            raise RecordError(
                "bad-value", "name", f"{name} is the name of {paths[name]}, too", path
            )
        paths[name] = path
        yield replace(record, name=name)


def annotate(
    record: Record, classifier: Classifier, folder: Path, extension: str, events: TextIO
) -> None:
    """Run one record through the pipeline; write its annotation file and its alarms."""
    marks: list[tuple[int, str]] = []
    flutter = Flutter(record.rate)
    bar = tqdm(total=round(record.seconds), unit="s", desc=record.name, leave=False, disable=None)
    with bar:
        for now, event in play(record, classifier):
            if isinstance(event, Beat):
                marks.append((event.sample, event.label.value))
                bar.update(int(event.sample / record.rate) - bar.n)
            elif isinstance(event, Alarm):
                flutter.hear(event, round(now * record.rate))
                events.write(json.dumps(line(record, event, now), ensure_ascii=False) + "\n")
    marks = sorted(marks + flutter.marks, key=lambda mark: mark[0])
    samples, symbols = [at for at, _ in marks], [symbol for _, symbol in marks]
    write_annotations(folder, record.name, extension, samples, symbols, record.rate)


def line(record: Record, alarm: Alarm, now: float) -> dict[str, object]:
    """One transition of an alarm; `sample` and `time` are when it was decided."""
    started = alarm.phase == "start"
    sample = alarm.detected_sample if started else round(now * record.rate)
    return {
        "record": record.name,
        "id": alarm.id,
        "kind": alarm.kind,
        "phase": alarm.phase,
        "state": alarm.state,
        "priority": alarm.priority.name.lower(),
        "sample": sample,
        "time": round(sample / record.rate, 3),
        "onset_sample": alarm.onset_sample,
        "onset_time": round(alarm.onset_sample / record.rate, 3),
        "value": alarm.value,
        "limit": alarm.limit,
        "measure": alarm.measure,
        "suppressed_by": alarm.suppressed_by,
    }


def _events(place: Path) -> TextIO:
    return place.open("w", encoding="utf-8")
