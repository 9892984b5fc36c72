"""The interval classifier's card: what it says of whom, how it was made, what it reaches."""

from collections.abc import Mapping, Sequence

import numpy as np

from inference.intervals.classifier import IntervalManifest
from inference.intervals.inputs import INPUTS, REQUIRED
from inference.training.intervals import pupil
from inference.training.intervals.table import HELD_OUT_PERCENT

_TEXT = """# {name} {version}

Says how probable it is that a resting 12-lead electrocardiogram is abnormal, from {count} measurements
that electrocardiographs print; {required} are required, any of the others may be absent.
One small network ({units} units) in TFLite, {kilobytes:.1f} KB: float16 weights, computed in float32.

"Abnormal" is every person whose rhythm is not sinus rhythm (SR) or who has any finding: sinus
bradycardia (below 60 /min), sinus tachycardia and sinus irregularity are abnormal, however harmless;
so are 87 % of the people in the table, patients of a hospital. It is no screening of the healthy.

Not a medical device.

## Training

- Data: the table of diagnostics of the Chapman-Shaoxing database (Zheng et al. 2020, CC BY 4.0): 7,883
  people of one hospital, measurements by one make of electrocardiograph, labels by physicians.
- Held out, never trained on or used for a choice: {held_out} % of the people, by a hash of their file's name.
- Taught by LightGBM (forests on whole rows and on rows with gaps) and a network, on {features} features
  with measurements taken away at random; the pupil learns the teacher's answers.
- Calibrated by Platt's line on cross-validated answers: log-odds x {slope} + {offset}.
- Seeds {seeds}; code {code_version}; data {data_sha256}.
- Made by `beatwire train --model interval --seeds {seeds} --folds {folds}`.

## Figures

| given | ROC-AUC, unseen people (95 %) | Brier (of always saying the share) | ROC-AUC, 5-fold cross-validation (teacher) | Brier |
| --- | --- | --- | --- | --- |
{table}

Unseen people: the {people} held out, the exported model, interval by Hanley and McNeil; mean and SD over
the seeds: {spread}. In cross-validation, too, everybody is judged by models that never saw them, and
they are six times as many; but features and settings were chosen on it, which flatters it a little.

## Limits

What it misses are findings that leave no trace in these numbers (a T-wave change, a single extra beat)
and sinus irregularity; those are most of its errors. The four required inputs alone rank poorly:
without the rate, a bradycardia looks like anybody. Other makes of electrocardiograph measure
differently; nothing is known of the figures there, nor outside of a hospital.
"""


def write(
    manifest: IntervalManifest,
    size: int,
    spread: Mapping[str, Sequence[float]],
    folds: Sequence[int],
) -> str:
    """The card's text.

    Args:
        manifest: of the bundle, with its figures.
        size: of the model in bytes.
        spread: ROC-AUC of each seed, by what was given.
        folds: seeds of the cross-validations.
    """
    found = manifest.figures
    unseen = found["unseen people"]
    lines = [_line(name, unseen[name], found["cross-validation"][name]) for name in unseen]
    seeds = "; ".join(
        f"{name} {np.mean(values):.4f} ± {np.std(values):.4f}" for name, values in spread.items()
    )
    return _TEXT.format(
        name=manifest.name,
        version=manifest.version,
        count=len(INPUTS),
        required=", ".join(REQUIRED),
        units=" and ".join(map(str, pupil.PUPIL.hidden)),
        kilobytes=size / 1000,
        held_out=HELD_OUT_PERCENT,
        features=len(manifest.input["features"]),
        slope=manifest.calibration.slope,
        offset=manifest.calibration.offset,
        seeds=" ".join(map(str, manifest.seeds)),
        folds=" ".join(map(str, folds)),
        code_version=manifest.code_version,
        data_sha256=manifest.data_sha256,
        table="\n".join(lines),
        people=next(iter(unseen.values()))["people"],
        spread=seeds,
    )


def _line(name: str, unseen: Mapping[str, float], validated: Mapping[str, float]) -> str:
    area, error = unseen["roc_auc"], 1.96 * unseen["roc_auc_error"]
    return (
        f"| {name} | {area:.4f} ({area - error:.3f} to {area + error:.3f}) | {unseen['brier']:.4f} ({unseen['brier_of_the_share']:.4f})"
        f" | {validated['roc_auc']:.4f} ± {validated['roc_auc_sd']:.4f}"
        f" ({validated['roc_auc_teacher']:.4f}) | {validated['brier']:.4f} |"
    )
