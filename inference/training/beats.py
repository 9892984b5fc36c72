"""The beat model: patients, weights, patient-grouped cross-validation, thresholds.

Everything random takes a seed, TensorFlow runs its deterministic kernels on one thread: the same
data, code and seeds give the same model, byte for byte on one machine type.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from inference import beat_input
from inference.training.network import OUTPUTS, Floats, Lesson
from inference.training.teacher import FELLOW, PUPIL, UNLABELLED, Taught, teach

GRID: Final = tuple(np.round(np.arange(0.1, 0.95, 0.05), 2).tolist())
"""Thresholds tried: finer steps only fit the noise of some fifty patients."""
STRIPS: Final = "cinc2017"
"""Group of short recordings with a label per recording: trained on, never a fold or a figure."""
RETIMED: Final = "retimed"
"""Group of beats played in another rhythm, under their patient's or strip's name: never a figure."""
SECOND: Final = "second lead"
"""Group of patients seen by their second lead: other shapes in the same rhythm; never a figure."""
SHARES: Final = {STRIPS: 0.05, RETIMED: 0.03, SECOND: 0.5}
"""Weight relative to a patient. Retimed at 0.1 lose more S of svdb in cross-validation."""

ARCHITECTURE: Final = (
    f"A fully connected network ({beat_input.INPUT} features, "
    f"{' and '.join(map(str, PUPIL.hidden))} units, softmax over N, S, V), TFLite that computes in float32, the second layer's weights float16, "
    "{kilobytes:.1f} KB."
)
METHOD: Final = (
    f"Taught by LightGBM and a network of {FELLOW.hidden} units (their mean) on the labelled beats and, unlabelled (weight {UNLABELLED}), on the same signals "
    "upside down; the second lead of each record is trained on as well, as half a patient; V by a pair that never saw beats in another rhythm, S against N by a pair that did. A patient weighs the square root of its beats, a strip a twentieth of that, a patient in another "
    "rhythm 0.03 of that."
)

Labels = npt.NDArray[np.int8]


class Patient(NamedTuple):
    """One record's training rows: inputs (n, INPUT), labels (n,) 0 N, 1 S, 2 V or -1 left out."""

    name: str
    group: str
    """Database, for balancing and reporting."""
    inputs: Floats
    labels: Labels
    unlabelled: Floats = np.zeros((0, beat_input.INPUT), np.float32)
    """Of a patient: inputs of the signal upside down. Of a strip: beats that are N or V, never S."""
    counts: Floats | None = None
    """How many beats each row stands for; one where not given."""
    at: npt.NDArray[np.float64] = np.zeros(0)
    """R of each row in device samples, of records."""


_NONE: Final = Lesson(
    np.zeros((0, beat_input.INPUT), np.float32),
    np.zeros((0, len(OUTPUTS)), np.float32),
    np.zeros(0, np.float32),
)


def rows(patients: Sequence[Patient]) -> Lesson:
    """All labelled beats.

    A patient counts as the square root of its beats: long records do not rule the training.
    """
    inputs = np.concatenate([_NONE.inputs, *(p.inputs for p in patients)])
    labels = np.concatenate([np.zeros(0, np.int8), *(p.labels for p in patients)])
    weights = np.concatenate([_NONE.weights, *(_weights(p) for p in patients)])
    keep = labels >= 0
    targets = np.eye(len(OUTPUTS), dtype=np.float32)[labels[keep]]
    return Lesson(inputs[keep], targets, weights[keep])


def _weights(patient: Patient) -> Floats:
    """Weights of the rows."""
    counts = np.ones(len(patient.labels), np.float32) if patient.counts is None else patient.counts
    total = float(counts.sum()) or 1.0
    weights: Floats = counts * np.float32(SHARES.get(patient.group, 1.0) * total**-0.5)
    return weights


def _even(count: int) -> Floats:
    """Weights of the unlabelled beats of a strip."""
    return np.full(count, SHARES[STRIPS] * max(count, 1) ** -0.5, np.float32)


def train(patients: Sequence[Patient], seed: int) -> Taught:
    """Train one network on patients, strips and retimed beats."""
    own = [p for p in patients if p.group != RETIMED]
    played = [p for p in patients if p.group == RETIMED]
    mirrored = np.concatenate(
        [_NONE.inputs, *(p.unlabelled for p in patients if p.group != STRIPS)]
    )
    return teach(rows(own), rows(played), _never_s(patients), mirrored, seed)


def _never_s(patients: Sequence[Patient]) -> Lesson:
    """The unlabelled beats of strips, their targets open."""
    strips = [p for p in patients if p.group == STRIPS]
    inputs = np.concatenate([_NONE.inputs, *(p.unlabelled for p in strips)])
    weights = np.concatenate([_NONE.weights, *(_even(len(p.unlabelled)) for p in strips)])
    return Lesson(inputs, np.zeros((len(inputs), len(OUTPUTS)), np.float32), weights)


def folds(patients: Sequence[Patient], count: int, seed: int) -> list[list[int]]:
    """Indices of the patients of each fold; every database is spread evenly."""
    rng = np.random.default_rng(seed)
    out: list[list[int]] = [[] for _ in range(count)]
    for group in sorted({p.group for p in patients}):
        members = [i for i, p in enumerate(patients) if p.group == group]
        for place, i in enumerate(rng.permutation(members)):
            out[place % count].append(int(i))
    return out


def cross_validate(
    patients: Sequence[Patient], material: Sequence[Patient], seed: int, count: int = 5
) -> tuple[list[Floats], list[Floats]]:
    """Probabilities for each patient from a network, and from trees, that never saw the patient.

    `material` is trained on: rows of patients, retimed ones, strips, all but the held patients'.
    """
    empty = np.zeros((0, len(OUTPUTS)), np.float32)
    pupil, trees = [empty] * len(patients), [empty] * len(patients)
    for held in folds(patients, count, seed):
        names = {patients[i].name for i in held}
        seen = [p for p in material if p.name not in names]
        taught = train(seen, seed)
        for i in held:
            pupil[i], trees[i] = taught.ask(patients[i].inputs)
    return pupil, trees


def decide(probabilities: Floats, thresholds: dict[str, float]) -> Labels:
    """The classifier's rule: the largest multiple (>= 1) of its threshold, else N."""
    s = probabilities[:, 1] / np.float32(thresholds["S"])
    v = probabilities[:, 2] / np.float32(thresholds["V"])
    out = np.zeros(len(probabilities), np.int8)
    out[(s >= 1) & (s > v)] = 1
    out[(v >= 1) & (v >= s)] = 2
    return out


def f1(truth: Labels, found: Labels, which: int) -> float:
    """F1 of class `which`; 0 where it neither occurs nor is found."""
    both = int(((truth == which) & (found == which)).sum())
    total = int((truth == which).sum() + (found == which).sum())
    return 2 * both / total if total else 0.0


def thresholds(patients: Sequence[Patient], probabilities: Sequence[Floats]) -> dict[str, float]:
    """Thresholds with the best mean over the databases of the F1 of V, then of S."""
    groups = sorted({p.group for p in patients})
    pools = []
    for group in groups:
        members = [i for i, p in enumerate(patients) if p.group == group]
        truth = np.concatenate([patients[i].labels for i in members])
        pools.append((truth, np.concatenate([probabilities[i] for i in members])))
    best = {"S": 0.5, "V": 0.5}
    for which, name in ((2, "V"), (1, "S"), (2, "V"), (1, "S")):
        best[name] = max(GRID, key=lambda t: _score(pools, best | {name: t}, which))
    return best


def _score(pools: list[tuple[Labels, Floats]], limits: dict[str, float], which: int) -> float:
    total = 0.0
    for truth, probabilities in pools:
        judged = truth >= 0
        total += f1(truth[judged], decide(probabilities, limits)[judged], which)
    return total


def nested(
    patients: Sequence[Patient], probabilities: Sequence[Floats], seed: int, count: int = 5
) -> list[Labels]:
    """Classes of cross-validated beats by thresholds that are chosen without the patient's fold.

    `seed` and `count` are those of the cross-validation.
    """
    out = [np.zeros(0, np.int8)] * len(patients)
    for held in folds(patients, count, seed):
        others = [i for i in range(len(patients)) if i not in held]
        limits = thresholds([patients[i] for i in others], [probabilities[i] for i in others])
        for i in held:
            out[i] = decide(probabilities[i], limits)
    return out


def summary(patients: Sequence[Patient], classes: Sequence[Labels]) -> dict[str, float]:
    """F1 in per cent of S and V in each database, of beats that were given these classes."""
    out = {}
    for group in sorted({p.group for p in patients}):
        members = [i for i, p in enumerate(patients) if p.group == group]
        truth = np.concatenate([patients[i].labels for i in members])
        found = np.concatenate([classes[i] for i in members])
        known = truth >= 0
        for which, name in ((1, "S"), (2, "V")):
            out[f"{group} {name}"] = round(100 * f1(truth[known], found[known], which), 1)
    return out
