"""The teacher: boosted trees and networks together, whose mean answer the small network learns.

Trees alone are the mandatory baseline: better on svdb's S, worse on mitdb's. Their mean with the
networks beats both in cross-validation, and a small network taught by it keeps most of that.

Beats played in other rhythms teach when a beat is S, not when it is V: the early ones among them are
nearly all S, so whoever learns V from them calls early V beats S. V is learned without them.
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
UNLABELLED: Final = 0.5
"""Weight of a beat of the mirrored signals, for which only the teacher's answer is known."""


class Teacher(NamedTuple):
    """Trees and a network that learned the same lesson."""

    trees: Any
    fellow: Any

    def ask(self, inputs: Floats) -> Floats:
        """Their mean probabilities (n, 3)."""
        return (_ask(self.trees, inputs) + predict([self.fellow], inputs)) / np.float32(2)


class Taught(NamedTuple):
    """A pupil, and the trees among its teachers: of V, and of S against N."""

    pupil: Any
    ventricular: Any
    others: Any

    def ask(self, inputs: Floats) -> tuple[Floats, Floats]:
        """Probabilities (n, 3) of the pupil and of the trees."""
        trees = compose(_ask(self.ventricular, inputs), _ask(self.others, inputs))
        return predict([self.pupil], inputs), trees


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


def teach(lesson: Lesson, played: Lesson, never_s: Lesson, unlabelled: Floats, seed: int) -> Taught:
    """A PUPIL taught by teachers of V and of S on all inputs.

    `played` are beats in other rhythms, from which V is not learned. `never_s` are beats of AF strips
    (their targets are set here): N or V, as the labelled beats alone would have it, but not S.
    `unlabelled` are taken as the teachers see them.
    """
    novice = fit(lesson, seed, FELLOW)
    never_s = never_s._replace(targets=without_s(predict([novice], never_s.inputs)))
    own = join(lesson, never_s)
    known = join(own, played)
    teachers = [Teacher(trees(one, seed), fit(one, seed, FELLOW)) for one in (own, known)]
    inputs = np.concatenate([known.inputs, unlabelled])
    answers = compose(*(one.ask(inputs) for one in teachers))
    more = np.full(len(unlabelled), UNLABELLED * lesson.weights.mean(), np.float32)
    taught = Lesson(inputs, answers, np.concatenate([known.weights, more]))
    return Taught(fit(taught, seed, PUPIL), *(one.trees for one in teachers))


def compose(ventricular: Floats, others: Floats) -> Floats:
    """Probabilities (n, 3) with V of `ventricular`, and N to S as `others` have them."""
    v = ventricular[:, 2]
    s = others[:, 1] / np.maximum(others[:, 0] + others[:, 1], np.float32(1e-6))
    return np.stack([(1 - v) * (1 - s), (1 - v) * s, v], axis=1)


def without_s(probabilities: Floats) -> Floats:
    """The probability of S given to N."""
    n, s, v = probabilities.T
    return np.stack([n + s, np.zeros_like(s), v], axis=1)


def join(one: Lesson, two: Lesson) -> Lesson:
    """Both lessons."""
    return Lesson(*(np.concatenate(parts) for parts in zip(one, two, strict=True)))
