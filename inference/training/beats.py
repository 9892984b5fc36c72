"""The beat model: a small network on the features, thresholds by patient-grouped cross-validation.

Everything random takes a seed, TensorFlow runs its deterministic kernels on one thread: the same
data, code and seeds give the same model, byte for byte on one machine type.
"""

import os
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from inference import features

OUTPUTS: Final = ("N", "S", "V")
"""Classes the model is trained on: F has too few patients (372 of 414 beats come from one), Q none."""
HIDDEN: Final = (48, 24)
EPOCHS: Final = 12
BATCH: Final = 512
RATE: Final = 2e-3
DROPOUT: Final = 0.2
GRID: Final = tuple(np.round(np.arange(0.1, 0.95, 0.05), 2).tolist())
"""Thresholds tried: finer steps only fit the noise of some fifty patients."""

ARCHITECTURE: Final = (
    f"A fully connected network ({features.FEATURES} features, {' and '.join(map(str, HIDDEN))} units, "
    "softmax over N, S, V), float32 TFLite, {kilobytes:.1f} KB."
)
METHOD: Final = (
    f"AdamW, {EPOCHS} epochs, batch {BATCH}, dropout {DROPOUT}; a patient weighs the square root of "
    "its beats."
)

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int8]


class Patient(NamedTuple):
    """One record's training rows: inputs (n, INPUT), labels (n,) 0 N, 1 S, 2 V or -1 left out."""

    name: str
    group: str
    """Database, for balancing and reporting."""
    inputs: Floats
    labels: Labels


def rows(patients: Sequence[Patient]) -> tuple[Floats, Floats, Floats]:
    """Inputs, one-hot targets and weights of all labelled beats.

    A patient counts as the square root of its beats: long records do not rule the training.
    """
    inputs = np.concatenate([p.inputs for p in patients])
    labels = np.concatenate([p.labels for p in patients])
    weights = np.concatenate(
        [np.full(len(p.labels), max(len(p.labels), 1) ** -0.5) for p in patients]
    )
    keep = labels >= 0
    weights = weights[keep] / weights[keep].mean()
    targets = np.eye(len(OUTPUTS), dtype=np.float32)[labels[keep]]
    return inputs[keep], targets, weights.astype(np.float32)


def prepare_tensorflow() -> None:
    """One thread, deterministic kernels; must run before the first network is built."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf  # noqa: PLC0415 - only the train extra has it

    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def build(mean: Floats, deviation: Floats) -> Any:
    """Network from an input row to probabilities of OUTPUTS; scaling is part of it."""
    from tensorflow import keras  # noqa: PLC0415

    layers = keras.layers
    source = keras.Input((features.INPUT,), name="beat")
    x = layers.Rescaling(1.0 / deviation, -mean / deviation)(source)
    # Cut at 4 SD: a feature far outside training must not drown the others.
    x = layers.ReLU(max_value=8.0)(x + 4.0) - 4.0
    x = layers.Dropout(DROPOUT)(x)
    for units in HIDDEN:
        x = layers.Dense(units, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-4))(
            x
        )
        x = layers.Dropout(DROPOUT)(x)
    return keras.Model(source, layers.Dense(len(OUTPUTS), activation="softmax")(x))


def fit(patients: Sequence[Patient], seed: int) -> Any:
    """Train one network."""
    from tensorflow import keras  # noqa: PLC0415

    keras.utils.set_random_seed(seed)
    inputs, targets, weights = rows(patients)
    model = build(inputs.mean(axis=0), inputs.std(axis=0) + np.float32(1e-3))
    steps = len(inputs) // BATCH * EPOCHS
    schedule = keras.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-3), "categorical_crossentropy")
    model.fit(inputs, targets, BATCH, EPOCHS, verbose=0, sample_weight=weights)
    return model


def predict(models: Sequence[Any], inputs: Floats) -> Floats:
    """Mean probabilities (n, 3) of several networks."""
    if len(inputs) == 0:
        return np.zeros((0, len(OUTPUTS)), np.float32)
    parts = [model.predict(inputs, batch_size=4096, verbose=0) for model in models]
    mean: Floats = np.mean(parts, axis=0, dtype=np.float32)
    return mean


def folds(patients: Sequence[Patient], count: int, seed: int) -> list[list[int]]:
    """Indices of the patients of each fold; every database is spread evenly."""
    rng = np.random.default_rng(seed)
    out: list[list[int]] = [[] for _ in range(count)]
    for group in sorted({p.group for p in patients}):
        members = [i for i, p in enumerate(patients) if p.group == group]
        for place, i in enumerate(rng.permutation(members)):
            out[place % count].append(int(i))
    return out


def cross_validate(patients: Sequence[Patient], seed: int, count: int = 5) -> list[Floats]:
    """Probabilities for each patient from a network that never saw the patient."""
    out: list[Floats] = [np.zeros((0, len(OUTPUTS)), np.float32)] * len(patients)
    for held in folds(patients, count, seed):
        model = fit([p for i, p in enumerate(patients) if i not in held], seed)
        for i in held:
            out[i] = predict([model], patients[i].inputs)
    return out


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


def export(model: Any) -> bytes:
    """The network as a float32 TFLite model of batch size 1."""
    import tensorflow as tf  # noqa: PLC0415
    from tensorflow import keras  # noqa: PLC0415

    source = keras.Input(batch_shape=(1, features.INPUT), name="beat")
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(source, model(source)))
    converted: bytes = converter.convert()
    return converted
