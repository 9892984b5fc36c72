"""`beatwire train --model interval`: make the interval classifier's bundle from the table."""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from tqdm import tqdm

from inference import bundle
from inference.intervals import features
from inference.intervals.classifier import (
    Calibration,
    IntervalClassifier,
    IntervalManifest,
    Intervals,
    load,
)
from inference.intervals.inputs import COUNT, REQUIRED
from inference.training import network
from inference.training.intervals import card, figures, pupil, teacher
from inference.training.intervals.table import FILE, Floats, Table, data_hash, folds, only, read
from inference.training.intervals.table import with_gaps as gaps
from inference.training.provenance import ROOT, code_version
from inference.training.tracking import track

NAME: Final = "interval"
VERSION: Final = "0.2.0"
FOLDS: Final = 5
COPIES: Final = 10
"""How often each person is learnt, each time with other measurements taken away."""
VIEWS: Final = {
    "all measurements": COUNT,
    "with the ventricular rate": 5,
    "required": len(REQUIRED),
}
"""What is given when figures are taken, and how many of the inputs that is."""
_SOURCES: Final = (
    "inference/intervals/features.py",
    "inference/intervals/inputs.py",
    "inference/training/compact.py",
    "inference/training/network.py",
    "inference/training/intervals/*.py",
)
"""Files that decide what the model is."""

Figures = dict[str, dict[str, float]]


class Answers(NamedTuple):
    """Of people not trained on, in one view: teacher's and pupil's probabilities (n,)."""

    teacher: Floats
    pupil: Floats


def run(args: argparse.Namespace) -> int:
    """Cross-validate, train, judge on the people held out, write the bundle; 0 when done."""
    path = args.data / FILE
    table = read(path)
    network.prepare()
    known = table.part(~table.held_out)
    trials = [_cross_validate(known, seed) for seed in args.folds]
    line = _line(known, trials)
    models = [_train(known, seed)[1] for seed in tqdm(args.seeds, desc="train")]
    made = [_bundle(args, pupil.exported(one), line, data_hash(path)) for one in models]
    unseen = table.part(table.held_out)
    results = [_judge(one, unseen) for one in made]
    found = {
        "unseen people": results[0],
        "cross-validation": _validated(known, trials, line),
        "reliability": _reliability(made[0], unseen),
    }
    _write(made[0], found, results, args.folds)
    if args.track:
        track(load(args.output), results[0], line._asdict())
    return 0


def _train(people: Table, seed: int) -> tuple[teacher.Teacher, Any]:
    """Teacher and pupil."""
    gappy = gaps(people, COPIES, seed)
    taught = teacher.train(people, gappy, seed)
    return taught, pupil.train(gappy, taught.answer(gappy.values), seed)


def _cross_validate(people: Table, seed: int) -> dict[str, Answers]:
    """Answers on each person by models that never saw them, in each view."""
    place = folds(people.abnormal, FOLDS, seed)
    size = len(place)
    found = {name: Answers(np.zeros(size), np.zeros(size)) for name in VIEWS}
    for k in tqdm(range(FOLDS), desc=f"validate {seed}"):
        out = place == k
        taught, learnt = _train(people.part(~out), seed)
        for name, count in VIEWS.items():
            values = only(people.values[out], count)
            found[name].teacher[out] = taught.answer(values)
            found[name].pupil[out] = pupil.ask(learnt, values)
    return found


def _line(people: Table, trials: Sequence[dict[str, Answers]]) -> Calibration:
    """One calibration for all views, since any subset may be given."""
    answers = [trial[name].pupil for trial in trials for name in VIEWS]
    return figures.calibrate(np.tile(people.abnormal, len(answers)), np.concatenate(answers))


def _validated(people: Table, trials: Sequence[dict[str, Answers]], line: Calibration) -> Figures:
    """Mean over the cross-validations, by view; the teacher's ROC-AUC beside the pupil's."""
    result = {}
    for name in VIEWS:
        each = [
            figures.measure(people.abnormal, figures.calibrated(trial[name].pupil, line))
            | {"roc_auc_teacher": figures.auc(people.abnormal, trial[name].teacher)}
            for trial in trials
        ]
        mean = {key: round(float(np.mean([one[key] for one in each])), 4) for key in each[0]}
        spread = float(np.std([one["roc_auc"] for one in each]))
        result[name] = mean | {"roc_auc_sd": round(spread, 4)}
    return result


def _judge(made: Intervals, people: Table) -> Figures:
    """The exported model, as it is served, on people never trained on."""
    found = _answers(made, people)
    return {name: figures.measure(people.abnormal, found[name]) for name in VIEWS}


def _reliability(made: Intervals, people: Table) -> dict[str, list[list[float]]]:
    found = _answers(made, people)
    return {name: figures.reliability(people.abnormal, found[name]) for name in VIEWS}


def _answers(made: Intervals, people: Table) -> dict[str, Floats]:
    classify = IntervalClassifier(made)
    return {name: classify(only(people.values, count)) for name, count in VIEWS.items()}


def _bundle(
    args: argparse.Namespace, model: bytes, line: Calibration, data_sha256: str
) -> Intervals:
    sources = [path for pattern in _SOURCES for path in sorted(ROOT.glob(pattern))]
    manifest = IntervalManifest(
        name=NAME,
        version=VERSION,
        calibration=line,
        input=features.DESCRIPTION,
        input_sha256=bundle.description_hash(features.DESCRIPTION),
        model_sha256=hashlib.sha256(model).hexdigest(),
        seeds=args.seeds,
        data_sha256=data_sha256,
        code_version=code_version(sources),
        figures={},
    )
    return bundle.Bundle(args.output, manifest, model)


def _write(
    made: Intervals, found: dict[str, Any], results: Sequence[Figures], seeds: Sequence[int]
) -> None:
    manifest = msgspec.structs.replace(made.manifest, figures=found)
    spread = {name: [result[name]["roc_auc"] for result in results] for name in VIEWS}
    text = card.write(manifest, len(made.model), spread, seeds)
    bundle.save(made.path, manifest, made.model, text)
    sys.stdout.write(f"{made.path}: {len(made.model)} bytes\n{text.partition('## Figures')[2]}\n")
