"""`beatwire train --again FOLDER`: write a beat bundle's own weights as training would write them now.

Nothing is learnt. Thresholds, seeds, data hash, code version and what is cross-validated stay those of the
training; the file, the figures on records never trained on and the reference of drift are made anew.
"""

import hashlib
import sys
from pathlib import Path

import msgspec
import numpy as np
from tqdm import tqdm

from ecg.errors import ModelError
from inference import bundle
from inference.classifier import BeatClassifier
from inference.evaluation.records import DS1, DS2
from inference.training import card, compact, figures, network, reference
from inference.training.harvest import harvest
from inference.training.records import read_signal, svdb

BeatBundle = bundle.Bundle[bundle.BeatManifest]


def run(folder: Path, output: Path, data: Path, version: str) -> None:
    """Read the bundle in `folder`, write the one of `version` to `output`; `data` holds mitdb and svdb.

    Prints size, latency and figures of both, and what differs between them on all records.

    Raises:
        ModelError: no bundle of this code's beat classifier, or records are missing.
    """
    if not ((data / "mitdb").is_dir() and (data / "svdb").is_dir()):
        raise ModelError("data_missing", f"{data} lacks mitdb or svdb")
    old = bundle.load(folder)
    model = compact.halved(old.model, network.EXACT)
    digest = hashlib.sha256(model).hexdigest()
    manifest = msgspec.structs.replace(old.manifest, version=version, model_sha256=digest)
    made = bundle.Bundle(output, manifest, model)
    tests = figures.tests(data)
    found = manifest.figures | figures.judge(made, tests)
    manifest = msgspec.structs.replace(manifest, figures=found)
    text = (folder / bundle.CARD).read_text(encoding="utf-8")
    text = card.again(text, f"{manifest.name} {version}", found)
    bundle.save(output, manifest, model, text)
    reference.renew(bundle.load(output), data)
    variants = [figures.variant(name, one, tests) for name, one in (("before", old), ("now", made))]
    sys.stdout.write(f"{output}: {'; '.join(variants)}; {_difference(old, made, data)}\n")


def _difference(old: BeatBundle, made: BeatBundle, data: Path) -> str:
    """How many of our beats of DS1, DS2 and svdb change their class, and the largest change of a probability."""
    before, now = BeatClassifier(old), BeatClassifier(made)
    beats, changed, largest = 0, 0, 0.0
    paths = [data / "mitdb" / name for name in DS1 + DS2] + svdb(data)
    for path in tqdm(paths, unit="record", desc="compare"):
        rate, signal = read_signal(path)
        found = harvest(signal, rate)
        classes, probabilities = before(found.windows, found.context)
        others, answers = now(found.windows, found.context)
        beats += len(classes)
        changed += int((classes != others).sum())
        largest = max(largest, float(np.abs(probabilities - answers).max(initial=0.0)))
    return f"{changed} of {beats} beats change their class, probabilities by {largest:.5f} at most"
