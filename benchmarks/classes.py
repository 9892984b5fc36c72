"""Beat classes beside the end-to-end figures: with reference R peaks, and with the next RR known.

    python benchmarks/classes.py                 the shipped model on our own beats and on annotated R peaks
    python benchmarks/classes.py --model FOLDER  the same of another bundle, as `train --int8 FOLDER` writes
    python benchmarks/classes.py --unseen        our recipe on DS1 and svdb, each patient by a network that never saw it
    python benchmarks/classes.py --next-rr       trees with and without the next RR: what a wait would buy

Gross F1 in per cent, the 95 % interval of drawing patients anew, and the mean per patient; matched
as bxb does it, e, j, n as N, lead 0. Nothing here was trained on the records that it is judged by: the
shipped model learned from all of svdb, so there the recipe is cross-validated (a quarter of an hour), and
the trees of `--next-rr` are judged on 13 patients of it.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ecg.window import CONTEXT_NAMES
from inference import beat_input, features, registry
from inference.classifier import BeatClassifier
from inference.evaluation.annotations import Beats, spans
from inference.evaluation.ec57 import compare
from inference.evaluation.records import DS1, DS2
from inference.evaluation.summary import bootstrap, counts, gross, mean
from inference.training import beats, material, network, teacher
from inference.training.figures import Classified, Judged, judged
from inference.training.harvest import Found, harvest
from inference.training.records import HELD_OUT, Record, label, normal, read, strips, svdb

DATA = Path(os.environ.get("BEATWIRE_DATA", "data"))
SETS = {
    "DS2": [("mitdb", name) for name in DS2],
    "DS2 without 232": [("mitdb", name) for name in DS2 if name != "232"],
}
UNSEEN = {"svdb, 13 unseen patients": [("svdb", name) for name in HELD_OUT]}
SHOWN = ("v_f1", "s_f1", "accuracy")
MEAN, RR = CONTEXT_NAMES.index("mean"), CONTEXT_NAMES.index("rr")

Classify = Callable[[Found], npt.NDArray[np.int8]]


Case = tuple[str, str]
"""Database and record."""


def answered(cases: dict[Case, Judged], classify: Classify) -> dict[Case, Classified]:
    """The cases with their classes."""
    return {
        case: Classified(record, found.at, classify(found))
        for case, (record, found) in cases.items()
    }


def report(title: str, sets: dict[str, list[Case]], answers: dict[Case, Classified]) -> None:
    """A line per set of records and figure."""
    rows = {}
    for case, (record, at, classes) in answers.items():
        ours = Beats(np.rint(at).astype(np.int64), classes, spans([]), spans([]))
        rows[case] = counts(compare(record.truth, ours, record.rate).matrix)
    print(
        f"\n## {title}\n\n| records | figure | gross | 95 % | per patient |\n| - | - | - | - | - |"
    )
    for name, members in sets.items():
        table = np.array([rows[member] for member in members])
        total, interval, each = gross(table), bootstrap(table, 1), mean(table)
        for figure in SHOWN:
            low, high = interval[figure]
            values = f"{100 * total[figure]:.1f} | {100 * low:.1f} to {100 * high:.1f}"
            print(f"| {name} | {figure} | {values} | {100 * each[figure]:.1f} |")


def load(sets: dict[str, list[Case]]) -> Iterator[tuple[Case, Record]]:
    """Every record of the sets, once."""
    members = dict.fromkeys(one for cases in sets.values() for one in cases)
    for database, name in tqdm(members, unit="record"):
        yield (database, name), read(DATA / database / name)


def annotated(record: Record) -> Judged:
    """The inputs at the annotated R peaks, at most one in 0.2 s."""
    at = record.truth.samples.astype(np.float64)
    keep = np.diff(at, prepend=-record.rate) >= 0.2 * record.rate
    return Judged(record, harvest(record.signal, record.rate, at[keep]))


def served(place: str) -> None:
    """The model at `place`, named as `serve --model` does."""
    model = BeatClassifier(registry.find(place))
    records = dict(load(SETS))

    def classify(found: Found) -> npt.NDArray[np.int8]:
        return model(found.windows, found.context)[0]

    for title, stream in (("own beats", judged), ("annotated R peaks", annotated)):
        report(
            title, SETS, answered({name: stream(one) for name, one in records.items()}, classify)
        )


def unseen(seed: int = 1) -> None:
    """Network and trees of our recipe on patients that they never saw, thresholds neither."""
    network.prepare()
    paths = [DATA / "mitdb" / name for name in DS1] + svdb(DATA)
    patients = [material.patient(path) for path in tqdm(paths, unit="record")]
    cinc = DATA / "cinc2017"
    extra = material.more(paths, strips(cinc), normal(cinc))
    lessons = [*map(material.thin, patients), *extra]
    answers = beats.cross_validate(patients, lessons, seed)
    cases = [(one.group, one.name) for one in patients]
    groups = {group: [case for case in cases if case[0] == group] for group in ("mitdb", "svdb")}
    sets = {f"{group}, {len(members)} patients": members for group, members in groups.items()}
    records = [read(path) for path in paths]
    for title, probabilities in zip(("network", "trees"), answers, strict=True):
        classes = beats.nested(patients, probabilities, seed)
        found = (one.at for one in patients)
        each = map(Classified, records, found, classes)
        report(f"{title}, cross-validated", sets, dict(zip(cases, each, strict=True)))


def with_next(found: Found) -> npt.NDArray[np.float32]:
    """The inputs and the next RR: over this RR and over the mean (1 where it is unknown)."""
    inputs = features.transform(found.windows, found.context)
    after = np.append(inputs[1:, RR], inputs[-1:, RR])
    ratios = [after / inputs[:, RR], after / inputs[:, MEAN]]
    return np.column_stack([inputs, *np.minimum(ratios, 5.0)]).astype(np.float32)


def next_rr() -> None:
    """LightGBM on the records alone, thresholds of 0.5, with and without the next RR."""
    names = sorted(path.stem for path in (DATA / "svdb").glob("*.hea"))
    training = [("mitdb", n) for n in DS1] + [("svdb", n) for n in names if n not in HELD_OUT]
    patients, later = [], []
    for database, name in tqdm(training, unit="record"):
        record, found = judged(read(DATA / database / name))
        inputs, labels = with_next(found), label(found.at, record)
        patients.append(beats.Patient(name, database, inputs[:, : beat_input.INPUT], labels))
        later.append(inputs[labels >= 0, beat_input.INPUT :])
    lesson = beats.rows(patients)
    lesson = lesson._replace(inputs=np.column_stack([lesson.inputs, np.concatenate(later)]))
    sets = SETS | UNSEEN
    cases = {name: judged(one) for name, one in load(sets)}
    for title, width in (("trees, no wait", beat_input.INPUT), ("trees, next RR", None)):
        grown = teacher.trees(lesson._replace(inputs=lesson.inputs[:, :width]), 1)

        def classify(
            found: Found, grown: object = grown, width: int | None = width
        ) -> npt.NDArray[np.int8]:
            answers = grown.predict(with_next(found)[:, :width], num_threads=1)  # type: ignore[attr-defined]
            return beats.decide(answers.astype(np.float32), {"S": 0.5, "V": 0.5})

        report(title, sets, answered(cases, classify))


def main() -> None:
    """Print the asked tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--next-rr", action="store_true", help="what waiting a beat would buy")
    parser.add_argument("--unseen", action="store_true", help="cross-validate on DS1 and svdb")
    parser.add_argument("--model", default="", help="bundle (default: the shipped one)")
    args = parser.parse_args()
    if args.next_rr:
        next_rr()
    elif args.unseen:
        unseen()
    else:
        served(args.model)


if __name__ == "__main__":
    main()
