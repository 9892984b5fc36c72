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
from table import markdown
from tqdm import tqdm

from stream.version import keep_compiled_kernels

keep_compiled_kernels()  # before the rooms are imported
from client.records import Record, open_record
from ecg.messages import Alarm
from inference import bundle
from inference.classifier import BeatClassifier
from inference.training.harvest import harvest
from inference.training.records import strips_of
from inference.training.strips import loop
from stream.offline import play

BLOCK_SECONDS = 5.0
SHORTEST_S = 25.0
WHOLE_S = 100.0
KINDS = ("AFIB", "IRREGULAR_HR")
LABELS = {"N": "normal", "A": "atrial fibrillation", "O": "another rhythm", "~": "noise"}


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


def rows(folder: Path, every: int) -> Iterator[dict[str, Any]]:
    """How many of every so many-th strip have each alarm, by label."""
    classifier = BeatClassifier(bundle.load())
    for label, name in LABELS.items():
        count, told = 0, dict.fromkeys(KINDS, 0)
        for path in tqdm(strips_of(folder, label)[::every], desc=name, leave=False):
            record = lasting(path)
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
    found = list(rows(data / "cinc2017", args.every))
    print(json.dumps(found, indent=1) + "\n" if args.json else markdown(found), end="")


if __name__ == "__main__":
    main()
