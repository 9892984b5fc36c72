"""What the second lead is worth: beats found while the first one fails, with one lead and with two.

    python benchmarks/leads.py [--records 114 119 205 215] [--seconds 900] [--json]

Lead 0 of mitdb records fails in turns of two minutes from the sixth on (`inference/evaluation/noise.py`):
it is flat, at a rail of 10 mV, in em noise of nstdb at -6 dB, or its electrode is reported off. The beats
of these turns are matched as EC57 does it. What can be found is what lead 1 shows: V1 of some
records is noise or nearly flat.
"""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from table import markdown
from tqdm import tqdm

from stream.version import keep_compiled_kernels

keep_compiled_kernels()  # before the rooms are imported
from client.formats.record import LeadOff
from client.records import Record, open_record
from ecg.messages import Alarm, Beat
from inference import bundle
from inference.classifier import BeatClassifier
from inference.evaluation import noise
from inference.evaluation.annotations import BXB, beats, load, window_samples
from inference.evaluation.ec57 import ALONE, match
from stream.offline import play

BLOCK_SECONDS = 5.0
"""Longer blocks than a device's are cheaper, and give the same beats."""

RECORDS = ("114", "119", "205", "215")
"""DS1 records whose second lead shows the QRS well."""

FAILURES = ("flat", "rail", "em", "off")
RAIL_UV = 10_000.0
SNR_DB = -6.0


class Case:
    """One record of two leads, whose first is made to fail."""

    def __init__(self, data: Path, name: str, seconds: float) -> None:
        record = open_record(data / "mitdb" / name, [0, 1])
        self.record = replace(record, samples=record.samples[: round(seconds * record.rate)])
        truth = beats(load(data / "mitdb" / name, "atr"), record.rate, BXB)
        self.truth = truth.keep(truth.samples < len(self.record)).samples
        self.where = noise.turns(len(self.record), record.rate)
        self._noise = open_record(data / "nstdb" / "em", [0])

    def failing(self, how: str) -> Record:
        """The record with its first lead failing in turns."""
        edges = np.flatnonzero(np.diff(self.where.astype(np.int8), prepend=0, append=0))
        turns = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
        if how == "off":
            return replace(self.record, lead_off=tuple(LeadOff(0, *turn) for turn in turns))
        gain = self.record.uv_per_lsb[0]
        signal = self.record.samples[:, 0] * gain
        wrong = self._noisy(signal) if how == "em" else signal.copy()
        for start, end in turns if how != "em" else ():
            wrong[start:end] = RAIL_UV if how == "rail" else signal[start]
        samples = self.record.samples.copy()
        samples[:, 0] = np.clip(np.rint(wrong / gain), -32768, 32767)
        return replace(self.record, samples=samples)

    def _noisy(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        added = self._noise.samples[:, 0] * self._noise.uv_per_lsb[0]
        height = noise.qrs_height(signal, self.truth, self.record.rate)
        factor = noise.gain(height, noise.noise_level(added, self._noise.rate), SNR_DB)
        return noise.mixed(signal, added, factor, self.where)

    def score(self, found: list[int]) -> NDArray[np.int64]:
        """Beats found, missed, and false, while the lead fails."""
        truth = [int(at) for at in self.truth if self.where[at]]
        ours = [at for at in found if self.where[at]]
        pairs = list(match(truth, ours, window_samples(self.record.rate)))
        missed = sum(j == ALONE for _, j in pairs)
        false = sum(i == ALONE for i, _ in pairs)
        return np.array([len(truth) - missed, missed, false])


def only_first(record: Record) -> Record:
    """The record without its second lead."""
    first = slice(0, 1)
    alone = replace(record, leads=record.leads[first], samples=record.samples[:, first])
    return replace(alone, uv_per_lsb=record.uv_per_lsb[first], labels=record.labels[first])


def rows(cases: list[Case]) -> Iterator[dict[str, Any]]:
    """Se and +P in percent of all records together, and false arrests, for each failure."""
    classifier = BeatClassifier(bundle.load())
    for how in FAILURES:
        for leads in (1, 2):
            total, arrests = np.zeros(3, np.int64), 0
            for case in tqdm(cases, desc=f"{how}, {leads}", leave=False):
                record = case.failing(how)
                played = record if leads == 2 else only_first(record)
                said = [event for _, event in play(played, classifier, BLOCK_SECONDS)]
                total += case.score([e.sample for e in said if isinstance(e, Beat)])
                arrests += sum(
                    isinstance(e, Alarm) and (e.kind, e.phase) == ("ASYSTOLE", "start")
                    for e in said
                )
            tp, fn, fp = total.tolist()
            yield {
                "lead 0": how,
                "leads": leads,
                "se": round(100 * tp / (tp + fn), 2),
                "ppv": round(100 * tp / (tp + fp), 2) if tp + fp else None,
                "asystoles": arrests,
            }


def _cell(value: object) -> str:
    return "–" if value is None else str(value)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", nargs="+", default=RECORDS, metavar="RECORD")
    parser.add_argument("--seconds", type=float, default=900.0, help="of each record (default 900)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    data = Path(os.environ.get("BEATWIRE_DATA", "data"))
    found = list(rows([Case(data, name, args.seconds) for name in args.records]))
    print(json.dumps(found, indent=1) + "\n" if args.json else markdown(found, _cell), end="")


if __name__ == "__main__":
    main()
