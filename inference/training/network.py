"""The network: built, trained, asked and exported. TensorFlow is imported only when it is needed."""

import os
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from inference import beat_input
from inference.training import compact

OUTPUTS: Final = ("N", "S", "V")
"""Classes the model is trained on: F has too few patients (372 of 414 beats come from one), Q none."""
BATCH: Final = 1024
RATE: Final = 3e-3
CUT: Final = 4.0
"""Features are cut at this many SD: one far outside training must not drown the others."""

EXACT: Final = 1
"""Layers of the beat model that keep float32 weights: halved, they cost 4 of 227,208 beats their class, the other one none."""

Floats = npt.NDArray[np.float32]
Weights = Literal["float32", "float16", "int8"]
"""How the weights of an exported network lie in its file."""


class Lesson(NamedTuple):
    """What a model learns: inputs (n, INPUT), targets (n, 3) that may be soft, weights (n,)."""

    inputs: Floats
    targets: Floats
    weights: Floats


class Recipe(NamedTuple):
    """How a network is built and trained."""

    hidden: tuple[int, ...]
    epochs: int
    dropout: float
    l2: float
    decay: float


def prepare() -> None:
    """One thread, deterministic kernels; must run before the first network is built."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf  # noqa: PLC0415 - only the train extra has it

    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def build(mean: Floats, deviation: Floats, recipe: Recipe) -> Any:
    """Network from an input row to probabilities of OUTPUTS; scaling is part of it.

    Whatever reaches the exported file has a name of its own: Keras would count the layers it made
    before, and where the weights are float32 or int8 the same network made later would be another file.
    """
    from tensorflow import keras  # noqa: PLC0415

    layers = keras.layers
    source = keras.Input((beat_input.INPUT,), name="beat")
    x = layers.Rescaling(1.0 / deviation, -mean / deviation, name="scaled")(source)
    x = layers.ReLU(max_value=2 * CUT, name="cut")(x + CUT) - CUT
    x = layers.Dropout(recipe.dropout)(x)
    x = hidden(x, recipe)
    answer = layers.Dense(len(OUTPUTS), activation="softmax", name="answer")(x)
    return keras.Model(source, answer, name="network")


def hidden(x: Any, recipe: Recipe) -> Any:
    """The hidden layers of a recipe, behind `x`."""
    from tensorflow import keras  # noqa: PLC0415

    for place, units in enumerate(recipe.hidden):
        dense = keras.layers.Dense(
            units,
            activation="relu",
            kernel_regularizer=keras.regularizers.L2(recipe.l2),
            name=f"hidden_{place}",
        )
        x = keras.layers.Dropout(recipe.dropout)(dense(x))
    return x


def fit(lesson: Lesson, seed: int, recipe: Recipe) -> Any:
    """Train one network; only the ratios of the weights matter."""
    from tensorflow import keras  # noqa: PLC0415

    keras.utils.set_random_seed(seed)
    model = build(lesson.inputs.mean(axis=0), lesson.inputs.std(axis=0) + np.float32(1e-3), recipe)
    optimise(model, lesson, recipe, "categorical_crossentropy")
    return model


def optimise(model: Any, lesson: Lesson, recipe: Recipe, loss: str) -> None:
    """Fit a model's weights to a lesson: AdamW, its rate falling to 0 as a cosine."""
    from tensorflow import keras  # noqa: PLC0415

    inputs, targets, weights = lesson
    steps = max(len(inputs) // BATCH, 1) * recipe.epochs
    schedule = keras.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=recipe.decay), loss)
    model.fit(
        inputs, targets, BATCH, recipe.epochs, verbose=0, sample_weight=weights / weights.mean()
    )


def predict(models: Sequence[Any], inputs: Floats) -> Floats:
    """Mean probabilities (n, 3) of several networks."""
    if len(inputs) == 0:
        return np.zeros((0, len(OUTPUTS)), np.float32)
    parts = [model.predict(inputs, batch_size=8192, verbose=0) for model in models]
    mean: Floats = np.mean(parts, axis=0, dtype=np.float32)
    return mean


def export(model: Any, batch: int = 1, weights: Weights = "float16", exact: int = 0) -> bytes:
    """The network as a TFLite model of a fixed batch size that takes and gives float32.

    Weights of float16, but for the first `exact` layers, make the file small and change nothing
    else: it computes in float32. With int8 what goes through a layer is scaled to int8 row by row:
    inputs keep their float32, for one scale of milliseconds, ratios and shares would lose the small.
    """
    import tensorflow as tf  # noqa: PLC0415
    from tensorflow import keras  # noqa: PLC0415

    source = keras.Input(batch_shape=(batch, model.input_shape[1]), name=model.inputs[0].name)
    converter = tf.lite.TFLiteConverter.from_keras_model(
        keras.Model(source, model(source), name="served")
    )
    if weights == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converted: bytes = converter.convert()
    return compact.halved(converted, exact) if weights == "float16" else converted
