"""The teacher: boosted trees and networks together, whose mean answer the small network learns.

Trees alone are the mandatory baseline: better on svdb's S, worse on mitdb's. Their mean with the
networks beats both in cross-validation, and a small network taught by it keeps most of that.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from inference.training.network import Floats, Lesson, Recipe, fit, predict

PUPIL: Final = Recipe(hidden=(64, 32), epochs=10, dropout=0.1, l2=1e-5, decay=1e-4)
"""The shipped network."""
FELLOW: Final = Recipe(hidden=(48, 24), epochs=8, dropout=0.2, l2=1e-4, decay=1e-3)
"""The networks of the teacher."""
TREES: Final[dict[str, Any]] = {
    "objective": "multiclass",
    "num_class": 3,
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "lambda_l2": 10,
    "max_bin": 63,
    "num_threads": 1,
    "deterministic": True,
    "verbose": -1,
}
ROUNDS: Final = 90
PAIRS: Final = 1
"""Trees and networks of the teacher, each."""
UNLABELLED: Final = 0.5
"""Weight of a beat of the mirrored signals, for which only the teacher's answer is known."""


class Taught(NamedTuple):
    """A pupil, and the trees among its teachers."""

    pupil: Any
    trees: Any

    def ask(self, inputs: Floats) -> tuple[Floats, Floats]:
        """Probabilities (n, 3) of both."""
        return predict([self.pupil], inputs), _ask(self.trees, inputs)


def _ask(model: Any, inputs: Floats) -> Floats:
    answers: Floats = model.predict(inputs, num_threads=1).astype(np.float32)
    return answers


def trees(lesson: Lesson, seed: int) -> Any:
    """Gradient-boosted trees on the likelier class of each target."""
    import lightgbm as lgb  # noqa: PLC0415 - only the train extra has it

    data = lgb.Dataset(
        lesson.inputs, lesson.targets.argmax(axis=1), weight=lesson.weights / lesson.weights.mean()
    )
    return lgb.train(TREES | {"seed": seed}, data, ROUNDS)


def teach(
    lesson: Lesson, never_s: Floats, weights: Floats, unlabelled: Floats, seed: int
) -> Taught:
    """A PUPIL taught by PAIRS of trees and FELLOWs on all inputs, and the first trees.

    `never_s` (with `weights`) are beats of AF strips: N or V, as the labelled beats alone would
    have it, but not S. `unlabelled` are taken as the teacher sees them.
    """
    novice = fit(lesson, seed, FELLOW)
    known = join(lesson, Lesson(never_s, without_s(predict([novice], never_s)), weights))
    inputs = np.concatenate([known.inputs, unlabelled])
    answers = np.zeros((len(inputs), known.targets.shape[1]), np.float32)
    forest = [trees(known, seed + 100 * pair) for pair in range(PAIRS)]
    for pair, grown in enumerate(forest):
        answers += predict([fit(known, seed + 100 * pair, FELLOW)], inputs)
        answers += _ask(grown, inputs)
    more = np.full(len(unlabelled), UNLABELLED * lesson.weights.mean(), np.float32)
    answers /= np.float32(2 * PAIRS)
    taught = Lesson(inputs, answers, np.concatenate([known.weights, more]))
    return Taught(fit(taught, seed, PUPIL), forest[0])


def without_s(probabilities: Floats) -> Floats:
    """The probability of S given to N."""
    n, s, v = probabilities.T
    return np.stack([n + s, np.zeros_like(s), v], axis=1)


def join(one: Lesson, two: Lesson) -> Lesson:
    """Both lessons."""
    return Lesson(*(np.concatenate(parts) for parts in zip(one, two, strict=True)))
