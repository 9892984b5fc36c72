"""The teacher: boosted trees for whole rows, trees for rows with gaps, and a network.

Trees that see only whole rows rank best when nothing is missing (cross-validated ROC-AUC 0.977;
with gaps in their training 0.976), the network ranks best when only the required four are given
(0.759 against 0.746). Each is asked for what it does best; the pupil learns their mean.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from inference.intervals import features
from inference.training.intervals.pupil import FELLOW, ask, fit
from inference.training.intervals.table import Floats, Table
from inference.training.network import Lesson

_TREES: Final[dict[str, Any]] = {
    "objective": "binary",
    "num_leaves": 15,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "verbose": -1,
}
WHOLE: Final = _TREES | {
    "learning_rate": 0.02,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "lambda_l2": 5,
}
GAPS: Final = _TREES | {
    "learning_rate": 0.03,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.3,
    "lambda_l2": 20,
}
ROUNDS: Final = {"whole": 600, "gaps": 500}
BAGS: Final = 3
"""Forests for whole rows, with seeds of their own."""


class Teacher(NamedTuple):
    """What was trained; `whole` are forests."""

    whole: list[Any]
    gaps: Any
    network: Any

    def answer(self, values: Floats) -> Floats:
        """Probability (n,) that a row is abnormal; whole rows lean on their own forests."""
        inputs = features.scaled(values)
        general = (self.gaps.predict(inputs) + ask(self.network, values)) / 2.0
        own = np.mean([forest.predict(inputs) for forest in self.whole], axis=0)
        is_whole = np.isfinite(values).all(axis=1)
        result: Floats = np.where(is_whole, (own + general) / 2.0, general)
        return result


def train(people: Table, gappy: Table, seed: int) -> Teacher:
    """Teach the teacher: `people` whole, `gappy` the same with measurements taken away."""
    whole = [_forest(people, WHOLE, ROUNDS["whole"], seed + 100 * k) for k in range(BAGS)]
    gaps = _forest(gappy, GAPS, ROUNDS["gaps"], seed)
    inputs = features.rows(gappy.values)
    targets = gappy.abnormal.astype(np.float32)
    return Teacher(whole, gaps, fit(Lesson(inputs, targets, np.ones_like(targets)), seed, FELLOW))


def _forest(table: Table, parameters: dict[str, Any], rounds: int, seed: int) -> Any:
    import lightgbm as lgb  # noqa: PLC0415 - only the train extra has it

    data = lgb.Dataset(features.scaled(table.values), table.abnormal.astype(np.float64))
    return lgb.train(parameters | {"seed": seed}, data, rounds)
