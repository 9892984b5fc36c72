"""The reference of a bundle's drift: what its model says of its training patients' beats.

`beatwire train` writes it with the bundle. For a bundle that is there already:

    python -m inference.training.reference --data RECORDS [--bundle FOLDER]
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ecg.types import CLASSES
from inference import bundle, features
from inference.classifier import BeatClassifier
from inference.drift import counting, population
from inference.drift.counting import Values
from inference.evaluation.records import DS1
from inference.training.harvest import harvest
from inference.training.records import read_signal, svdb


def rows(
    labels: npt.NDArray[np.int8], probabilities: npt.NDArray[np.float32], inputs: Values
) -> Values:
    """What is compared of n beats, (n, NAMES): class, confidence in it, features."""
    confidence = probabilities[np.arange(len(labels)), labels]
    return np.column_stack([labels.astype(np.float32), confidence, inputs])


def write(folder: Path, model: bytes, beats: Iterable[Values]) -> None:
    """Write the reference of `model` into its bundle's folder, from the `rows` of its patients."""
    known = counting.reference(np.concatenate(list(beats)), len(CLASSES), model)
    population.save(folder, known)


def main() -> int:
    """Stream the training records of mitdb and svdb, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with mitdb and svdb")
    parser.add_argument("--bundle", type=Path, default=bundle.SHIPPED)
    args = parser.parse_args()
    renew(bundle.load(args.bundle), args.data)
    return 0


def renew(made: bundle.Bundle[bundle.BeatManifest], data: Path) -> None:
    """Write the reference of a bundle anew, from the training records of mitdb and svdb in `data`."""
    paths = [data / "mitdb" / name for name in DS1] + svdb(data)
    classify = BeatClassifier(made)
    write(made.path, made.model, (_patient(classify, path) for path in tqdm(paths, unit="record")))


def _patient(classify: BeatClassifier, path: Path) -> Values:
    rate, signal = read_signal(path)
    found = harvest(signal, rate)
    inputs = features.transform(found.windows, found.context)
    return rows(*classify(found.windows, found.context), inputs)


if __name__ == "__main__":
    sys.exit(main())
