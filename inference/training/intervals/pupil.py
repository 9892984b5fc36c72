"""The pupil: a small network, taught by the teacher; it is what is served."""

from typing import Any, Final

import numpy as np

from inference.intervals import features
from inference.intervals.classifier import BATCH
from inference.training.intervals.table import Floats, Table
from inference.training.network import Lesson, Recipe, export, hidden, optimise

PUPIL: Final = Recipe(hidden=(48, 24), epochs=60, dropout=0.0, l2=1e-5, decay=1e-3)
FELLOW: Final = Recipe(hidden=(96, 48), epochs=12, dropout=0.2, l2=1e-5, decay=5e-3)
"""The network within the teacher; it learns from verdicts, so it is held back more."""


def train(gappy: Table, answers: Floats, seed: int) -> Any:
    """A network that says of rows with gaps what the teacher answered."""
    targets = answers.astype(np.float32)
    return fit(Lesson(features.rows(gappy.values), targets, np.ones_like(targets)), seed, PUPIL)


def fit(lesson: Lesson, seed: int, recipe: Recipe) -> Any:
    """A network from an input row to the probability of abnormal."""
    from tensorflow import keras  # noqa: PLC0415

    keras.utils.set_random_seed(seed)
    source = keras.Input((features.INPUT,), name="measurements")
    x = hidden(source, recipe)
    answer = keras.layers.Dense(1, activation="sigmoid", name="answer")(x)
    model = keras.Model(source, answer, name="network")
    optimise(model, lesson, recipe, "binary_crossentropy")
    return model


def ask(model: Any, values: Floats) -> Floats:
    """Probability (n,) that each row of measurements is abnormal, not yet calibrated."""
    found = model.predict(features.rows(values), batch_size=8192, verbose=0)
    return np.asarray(found[:, 0], np.float64)


def exported(model: Any) -> bytes:
    """The TFLite model of the served batch size."""
    return export(model, BATCH)
