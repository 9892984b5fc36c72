"""Atrial fibrillation in strips of many people: how often AFIB and IRREGULAR_HR are told, by their label.

    python benchmarks/afib.py [--every 1] [--json]

Each strip of cinc2017 of at least 25 s goes on for 100 s: it is joined to itself again and again
(`inference/training/strips.py`), for AFIB asks for a minute. Labels are of whole strips: N normal, A atrial
fibrillation, O another rhythm, ~ noise. The beat model learned from a part of them that beats in
AF are not S; the weights of the rule were fitted on their intervals and P waves (`stream/engine/rhythm/atria.py`).
"""

import argparse
import json
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from stream.version import keep_compiled_kernels

keep_compiled_kernels()  # before the rooms are imported
from client.records import Record, open_record
from ecg.messages import Alarm
from inference import bundle
from inference.classifier import BeatClassifier
from inference.training.harvest import harvest
from inference.training.strips import loop
from stream.offline import play

BLOCK_SECONDS = 5.0
SHORTEST_S = 25.0
WHOLE_S = 100.0
KINDS = ("AFIB", "IRREGULAR_HR")
LABELS = {"N": "normal", "A": "atrial fibrillation", "O": "another rhythm", "~": "noise"}


def strips(data: Path, every: int) -> list[tuple[Path, str]]:
    """Every so many-th strip of each label, by name, with its label."""
    lines = (data / "cinc2017" / "REFERENCE.csv").read_text(encoding="ascii").split()
    found = [
        (data / "cinc2017" / name, label) for name, label in (s.split(",") for s in sorted(lines))
    ]
    return [pair for label in LABELS for pair in [p for p in found if p[1] == label][::every]]


def lasting(path: Path) -> Record | None:
    """The strip, joined to itself; None when it is too short, or has too few beats."""
    record = open_record(path, [0])
    if record.seconds < SHORTEST_S:
        return None
    gain = record.uv_per_lsb[0]
    signal = record.samples[:, 0] * gain
    looped = loop(
        signal, record.rate, harvest(signal, record.rate).at, math.ceil(WHOLE_S / record.seconds)
    )
    if looped is None:
        return None
    digital = np.clip(np.rint(looped / gain), -32768, 32767).astype(np.int16)
    return replace(record, samples=digital[: round(WHOLE_S * record.rate), None])


def rows(chosen: list[tuple[Path, str]]) -> Iterator[dict[str, Any]]:
    """Strips and how many of them have each alarm, by label."""
    classifier = BeatClassifier(bundle.load())
    for label, name in LABELS.items():
        count, told = 0, dict.fromkeys(KINDS, 0)
        for path, own in tqdm(chosen, desc=name, leave=False):
            record = lasting(path) if own == label else None
            if record is None:
                continue
            count += 1
            kinds = {
                e.kind for _, e in play(record, classifier, BLOCK_SECONDS) if isinstance(e, Alarm)
            }
            for kind in KINDS:
                told[kind] += kind in kinds
        yield {"label": name, "strips": count, **told}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="of the strips of a label (default 1)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    data = Path(os.environ.get("BEATWIRE_DATA", "data"))
    found = list(rows(strips(data, args.every)))
    if args.json:
        print(json.dumps(found, indent=1))
        return
    print(f"| {' | '.join(found[0])} |\n|{' --- |' * len(found[0])}")
    for row in found:
        print(f"| {' | '.join(str(value) for value in row.values())} |")


if __name__ == "__main__":
    main()
