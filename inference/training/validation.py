"""Cross-validation of the beat model: its thresholds, and its figures for patients it never saw."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from inference.training import beats
from inference.training.figures import Classified, score
from inference.training.network import Floats
from inference.training.records import read

Figures = dict[str, float]


class Validated(NamedTuple):
    """What cross-validation says of a recipe."""

    limits: dict[str, float]
    """Thresholds of the shipped network, by all folds."""
    figures: dict[str, Figures]
    """EC57 figures in per cent of each database's patients, each by a network that never saw it."""
    compared: str
    """F1 of trees and network, of all beats we found, in words."""


def validate(
    paths: Sequence[Path],
    patients: Sequence[beats.Patient],
    material: Sequence[beats.Patient],
    seeds: Sequence[int],
) -> Validated:
    """Cross-validate with the folds of each seed; figures are the seeds' means.

    Classes of a fold come of thresholds that were chosen without it. `paths` are the records of
    `patients`; `material` is all that the shipped model is trained on.
    """
    runs = [beats.cross_validate(patients, material, seed) for seed in tqdm(seeds, desc="validate")]
    networks = [beats.nested(patients, run[0], seed) for run, seed in zip(runs, seeds, strict=True)]
    trees = [beats.nested(patients, run[1], seed) for run, seed in zip(runs, seeds, strict=True)]
    compared = []
    for name, classes in (("LightGBM", trees), ("network", networks)):
        values = _mean([beats.summary(patients, one) for one in classes])
        compared.append(name + " " + ", ".join(f"{key} {x:.1f}" for key, x in values.items()))
        sys.stdout.write(f"cross-validated F1: {compared[-1]}\n")
    means: list[Floats] = [
        np.mean(parts, axis=0) for parts in zip(*(run[0] for run in runs), strict=True)
    ]
    return Validated(
        beats.thresholds(patients, means), _figures(paths, patients, networks), "; ".join(compared)
    )


def _figures(
    paths: Sequence[Path], patients: Sequence[beats.Patient], classes: list[list[beats.Labels]]
) -> dict[str, Figures]:
    """Mean figures of each database over several answers."""
    out = {}
    for group in sorted({one.group for one in patients}):
        members = [i for i, one in enumerate(patients) if one.group == group]
        each = [
            score(Classified(read(paths[i]), patients[i].at, one[i]) for i in members)
            for one in classes
        ]
        out[f"{group}, {len(members)} patients, cross-validated"] = _mean(each)
    return out


def _mean(each: Sequence[Figures]) -> Figures:
    return {name: round(float(np.mean([one[name] for one in each])), 2) for name in each[0]}
