"""Noise stress: beats by EC57's protocol, and alarms in noise, as Markdown or JSON.

    python benchmarks/noise.py beats [--records 118 119] [--noises em] [--snr 24 18 12 6 0 -6]
    python benchmarks/noise.py alarms [--records 101 112 122] [--noises em ma bw]

`beats`: noise of nstdb, lead 0, is mixed into lead 0 of mitdb records in turns of two minutes
(`inference/evaluation/noise.py`); the live pipeline finds the beats, bxb's rules count them from the
sixth minute on. `alarms`: the same, and in bursts of 10 s a minute, with records that have no rhythm
of high priority: every high alarm is false.
"""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from table import markdown
from tqdm import tqdm

from stream.version import keep_compiled_kernels

keep_compiled_kernels()  # before the rooms are imported
from client.records import Record, open_record
from ecg.messages import Alarm, Beat
from ecg.types import CLASSES, Priority
from inference import bundle
from inference.classifier import BeatClassifier
from inference.evaluation import noise
from inference.evaluation.annotations import BXB, Beats, beats, load, spans
from inference.evaluation.ec57 import compare
from inference.evaluation.summary import COUNTS, counts
from stream.offline import play

BLOCK_SECONDS = 5.0
"""Longer blocks than a device's are cheaper, and give the same beats and alarms."""

SNR = (24.0, 18.0, 12.0, 6.0, 0.0, -6.0)
STRESSED = ("118", "119")
"""EC57's records for this test."""

CALM = ("101", "112", "122")
"""DS1 records without any rhythm of high priority."""


class Stress:
    """One clean record, to which noise is added."""

    def __init__(self, data: Path, name: str, seconds: float) -> None:
        self.name = name
        self._data = data
        record = open_record(data / "mitdb" / name, [0])
        self.record = replace(record, samples=record.samples[: round(seconds * record.rate)])
        self.truth = _until(
            beats(load(data / "mitdb" / name, "atr"), record.rate, BXB), self.record
        )
        self._signal = self.record.samples[:, 0] * self.record.uv_per_lsb[0]
        self._height = noise.qrs_height(self._signal, self.truth.samples, record.rate)

    def with_noise(self, kind: str, snr_db: float, *, bursts: bool) -> Record:
        """The record with noise of nstdb, as a device of the same resolution would send it."""
        source = open_record(self._data / "nstdb" / kind, [0])
        added = source.samples[:, 0] * source.uv_per_lsb[0]
        factor = noise.gain(self._height, noise.noise_level(added, source.rate), snr_db)
        where = noise.turns(len(self.record), self.record.rate, bursts=bursts)
        mixed = noise.mixed(self._signal, added, factor, where) / self.record.uv_per_lsb[0]
        digital = np.clip(np.rint(mixed), -32768, 32767).astype(np.int16)
        return replace(self.record, samples=digital[:, None])


def _until(truth: Beats, record: Record) -> Beats:
    return truth.keep(truth.samples < len(record))


def beat_rows(cases: list[Stress], args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Se and +P of the records together, for each noise and ratio."""
    classifier = BeatClassifier(bundle.load())
    for kind in args.noises:
        for snr in tqdm(args.snr, desc=kind):
            total = np.zeros(len(COUNTS), np.int64)
            for case in cases:
                record = case.with_noise(kind, snr, bursts=False)
                said = [
                    e for _, e in play(record, classifier, BLOCK_SECONDS) if isinstance(e, Beat)
                ]
                total += counts(compare(case.truth, _beats(said), record.rate).matrix)
            by = dict(zip(COUNTS, total.tolist(), strict=True))
            tp = by["qrs_tp"]
            se, ppv = tp / (tp + by["qrs_fn"]), tp / (tp + by["qrs_fp"])
            yield {"noise": kind, "snr_db": snr, "se": 100 * se, "ppv": 100 * ppv}


def _beats(said: list[Beat]) -> Beats:
    return Beats(
        np.array([beat.sample for beat in said], np.int64),
        np.array([CLASSES.index(beat.label) for beat in said], np.int8),
        spans([]),
        spans([]),
    )


def alarm_rows(cases: list[Stress], args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """False high alarms per patient-hour after the clean start, for each noise, way and ratio."""
    classifier = BeatClassifier(bundle.load())
    for kind in args.noises:
        for bursts in (False, True):
            for snr in tqdm(args.snr, desc=f"{kind}{', bursts' * bursts}"):
                kinds, hours = [], 0.0
                for case in cases:
                    record = case.with_noise(kind, snr, bursts=bursts)
                    hours += (record.seconds - noise.CLEAN_S) / 3600
                    kinds += _high(record, classifier)
                yield {
                    "noise": kind,
                    "bursts": bursts,
                    "snr_db": snr,
                    "high_per_hour": len(kinds) / hours,
                    "kinds": {name: kinds.count(name) for name in sorted(set(kinds))},
                }


def _high(record: Record, classifier: BeatClassifier) -> list[str]:
    """Kinds of the high alarms that were raised once the noise may have begun."""
    return [
        event.kind
        for now, event in play(record, classifier, BLOCK_SECONDS)
        if isinstance(event, Alarm)
        and event.priority == Priority.HIGH
        and event.phase in {"start", "escalate"}
        and now >= noise.CLEAN_S
    ]


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("beats", "alarms"))
    parser.add_argument("--records", nargs="+", metavar="RECORD")
    parser.add_argument("--noises", nargs="+", metavar="NOISE", choices=("em", "ma", "bw"))
    parser.add_argument("--snr", nargs="+", type=float, default=SNR, metavar="DB")
    parser.add_argument("--seconds", type=float, default=1806.0, help="of each record")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    stress = args.what == "beats"
    args.noises = args.noises or (["em"] if stress else ["em", "ma", "bw"])
    data = Path(os.environ.get("BEATWIRE_DATA", "data"))
    names = args.records or (STRESSED if stress else CALM)
    cases = [Stress(data, name, args.seconds) for name in names]
    rows = list((beat_rows if stress else alarm_rows)(cases, args))
    print(json.dumps(rows, indent=1) if args.json else markdown(rows, _cell), end="")


if __name__ == "__main__":
    main()
