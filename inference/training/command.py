"""`beatwire train`: make the beat classifier's bundle, or the interval classifier's."""

import argparse
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from tqdm import tqdm

from ecg.types import CLASSES
from inference import beat_input, bundle
from inference.evaluation.records import DS1
from inference.training import (
    again,
    beats,
    card,
    feedback,
    figures,
    material,
    network,
    reference,
    validation,
)
from inference.training.intervals import command as intervals
from inference.training.provenance import ROOT, code_version
from inference.training.records import data_hash, normal, strips, svdb
from inference.training.tracking import track

BeatBundle = bundle.Bundle[bundle.BeatManifest]

NAME: Final = "beat"
VERSION: Final = "0.4.1"
INT8_CARD: Final = "The int8 variant of the bundle made with it: see there.\n"
_PARTS: Final = (
    "beats", "compact", "feedback", "harvest", "material", "network", "records", "retiming", "rhythms", "strips",
    "teacher", "validation",
)  # fmt: skip
_ROOMS: Final = ("clean.py", "detect/*.py", "segment/*.py")
"""Rooms whose code decides what a model is trained on."""
_MODULES: Final = ("beat_input", "features", *(f"training/{name}" for name in _PARTS))
_LABELS: Final = ("evaluation/annotations", "evaluation/ec57")
"""Which class a detected beat is given."""
_SHAPES: Final = ("shape.py", "types.py", "window.py")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    data = Path(os.environ.get("BEATWIRE_DATA", "data"))
    parser.description = (
        "Train the beat classifier on mitdb DS1, svdb and cinc2017, or the interval classifier on "
        "the table of the Chapman-Shaoxing database; write its bundle."
    )
    parser.add_argument(
        "--model", choices=("beat", "interval"), default="beat", help="default: %(default)s"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=data,
        help="folder with the records (default $BEATWIRE_DATA)",
    )
    parser.add_argument(
        "--output", type=Path, help="bundle folder to write (default: models/ and the model's name)"
    )
    parser.add_argument(
        "--int8", metavar="FOLDER", type=Path, help="write the beat model's int8 variant there"
    )
    parser.add_argument(
        "--again",
        metavar="FOLDER",
        type=Path,
        help="learn nothing: write this beat bundle as it would be written now, judged by today's code",
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[1, 2, 3], help="the first makes the bundle"
    )
    parser.add_argument(
        "--with-feedback",
        metavar="STORE",
        help="also learn from beats that people corrected: folder of an installation, or store URL",
    )
    parser.add_argument(
        "--track", action="store_true", help="log the run to MLflow (MLFLOW_TRACKING_URI)"
    )
    parser.add_argument(
        "--folds",
        type=int,
        nargs="+",
        default=[1],
        metavar="SEED",
        help="seeds of the cross-validations that set thresholds and calibration (default 1; "
        "minutes each)",
    )


def run(args: argparse.Namespace) -> int:
    """Train, judge, write the bundle; 0 when done, 2 when records are missing."""
    args.output = args.output or Path("models") / args.model
    if args.again and args.model != NAME:
        sys.stderr.write("beatwire train: --again writes the beat model alone\n")
        return 2
    if args.again:
        again.run(args.again, args.output, args.data, VERSION)
        return 0
    return intervals.run(args) if args.model == "interval" else _beat(args)


def _beat(args: argparse.Namespace) -> int:
    training = [args.data / "mitdb" / name for name in DS1] + svdb(args.data)
    if len(training) <= len(DS1) or not (args.data / "cinc2017" / "REFERENCE.csv").exists():
        what = f"{args.data} lacks records of mitdb, svdb or cinc2017; the README says whence"
        sys.stderr.write(f"beatwire train: {what}\n")
        return 2
    network.prepare()
    chosen = strips(args.data / "cinc2017")
    spare = normal(args.data / "cinc2017")
    corrected = feedback.patients(feedback.read(args.with_feedback)) if args.with_feedback else []
    patients = [material.patient(path) for path in tqdm(training, unit="record", desc="stream")]
    extra = material.more(training, chosen, spare) + corrected
    lessons = [*map(material.thin, patients), *extra]
    validated = validation.validate(training, patients, lessons, args.folds)
    limits = validated.limits
    models = [beats.train(lessons, seed).pupil for seed in tqdm(args.seeds, desc="train")]
    digest = data_hash(training + [path for path, _ in chosen] + spare)
    digest = feedback.digest(digest, corrected)
    made = [
        _bundle(args, network.export(model, exact=network.EXACT), limits, digest)
        for model in models
    ]
    large = _bundle(args, network.export(models[0], weights="float32"), limits, digest)
    small = _bundle(args, network.export(models[0], weights="int8"), limits, digest)
    tests = figures.tests(args.data)
    results = [figures.judge(one, tests) for one in made]
    kinds = {"mixed": made[0], "float32": large, "int8": small}
    variants = [figures.variant(name, one, tests) for name, one in kinds.items()]
    _write(
        made[0],
        results,
        validated.figures,
        {
            "compared": validated.compared,
            "folds": " ".join(map(str, args.folds)),
            "variants": "; ".join(variants),
            "feedback": feedback.summary(corrected),
        },
    )
    if args.int8:
        bundle.save(args.int8, small.manifest, small.model, INT8_CARD)
    _write_reference(made[0], models[0], patients)
    if args.track:
        thresholds = {f"threshold_{name}": value for name, value in limits.items()}
        track(bundle.load(args.output), results[0], thresholds)
    return 0


def _write_reference(made: BeatBundle, model: Any, patients: Sequence[beats.Patient]) -> None:
    """What the model says of its patients' beats: drift is measured from there."""
    seen = [(one.inputs, network.predict([model], one.inputs)) for one in patients]
    limits = made.manifest.thresholds
    rows = (reference.rows(beats.decide(p, limits), p, inputs) for inputs, p in seen)
    reference.write(made.path, made.model, rows)


def sources() -> list[Path]:
    """The files that decide what a model is trained on."""
    rooms = [p for room in _ROOMS for p in sorted((ROOT / "stream" / "engine").glob(room))]
    shapes = [ROOT / "ecg" / name for name in _SHAPES]
    return rooms + shapes + [ROOT / "inference" / f"{name}.py" for name in _MODULES + _LABELS]


def _spread(results: list[dict[str, dict[str, float]]]) -> str:
    parts = []
    for name in results[0]:
        for key in ("v_f1", "s_f1"):
            values = [result[name][key] for result in results]
            parts.append(f"{name} {key[0].upper()} {np.mean(values):.1f} ± {np.std(values):.1f}")
    return "; ".join(parts)


def _bundle(
    args: argparse.Namespace, model: bytes, limits: dict[str, float], data_sha256: str
) -> BeatBundle:
    manifest = bundle.BeatManifest(
        name=NAME,
        version=VERSION,
        labels=list(CLASSES),
        outputs=list(network.OUTPUTS),
        thresholds=limits,
        input=beat_input.DESCRIPTION,
        input_sha256=bundle.description_hash(beat_input.DESCRIPTION),
        model_sha256=hashlib.sha256(model).hexdigest(),
        seeds=args.seeds,
        data_sha256=data_sha256,
        code_version=code_version(sources()),
        figures={},
    )
    return bundle.Bundle(args.output, manifest, model)


def _write(
    made: BeatBundle,
    results: list[dict[str, dict[str, float]]],
    unseen: dict[str, dict[str, float]],
    said: dict[str, str],
) -> None:
    manifest = msgspec.structs.replace(made.manifest, figures=results[0] | unseen)
    facts: dict[str, Any] = msgspec.structs.asdict(manifest) | {
        "architecture": beats.ARCHITECTURE.format(kilobytes=len(made.model) / 1000),
        "method": beats.METHOD,
        "seeds": " ".join(map(str, manifest.seeds)),
    }
    facts |= said
    text = card.write(facts, manifest.figures, _spread(results))
    bundle.save(made.path, manifest, made.model, text)
    sys.stdout.write(f"{made.path}: {len(made.model)} bytes\n{_spread(results)}\n")
