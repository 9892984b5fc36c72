"""`beatwire annotate`: records through the live pipeline at full speed, beats and alarms to files."""

import argparse
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from client.records import Record, open_record, write_annotations
from ecg.messages import Alarm, Beat
from inference import registry
from inference.classifier import BeatClassifier
from stream.engine.pipeline import Classifier
from stream.offline import play


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "records", nargs="+", metavar="RECORD", help="WFDB without suffix, EDF, CSV"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--extension", default="bw", help="of the annotation files (default: bw)")
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


def run(args: argparse.Namespace) -> int:
    """Annotate every record; returns the exit status."""
    classifier = BeatClassifier(registry.find(args.model))
    leads = [int(lead) if lead.isdigit() else lead for lead in args.leads]
    args.output.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        shared = stack.enter_context(args.events.open("w")) if args.events else None
        for path in tqdm(args.records, unit="record", disable=len(args.records) < 2 or None):
            record = open_record(path, leads, rate=args.rate)
            with ExitStack() as own:
                file = shared or own.enter_context(_events_file(args.output, record).open("w"))
                annotate(record, classifier, args.output, args.extension, file)
    return 0


def annotate(
    record: Record, classifier: Classifier, folder: Path, extension: str, events: TextIO
) -> None:
    """Run one record through the pipeline; write its annotation file and its alarms."""
    beats: list[Beat] = []
    bar = tqdm(total=round(record.seconds), unit="s", desc=record.name, leave=False, disable=None)
    with bar:
        for now, event in play(record, classifier):
            if isinstance(event, Beat):
                beats.append(event)
                bar.update(int(event.sample / record.rate) - bar.n)
            elif isinstance(event, Alarm):
                events.write(json.dumps(line(record, event, now), ensure_ascii=False) + "\n")
    write_annotations(
        folder,
        record.name,
        extension,
        [beat.sample for beat in beats],
        [beat.label.value for beat in beats],
        record.rate,
    )


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


def _events_file(folder: Path, record: Record) -> Path:
    return folder / f"{record.name}.jsonl"
