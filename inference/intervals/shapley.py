"""The contribution of each given measurement to one verdict: exact Shapley values.

A coalition is a set of the given measurements; its worth is what the model says when only these
are known, the others absent: the model was trained for that. With n given there are 2^n coalitions,
at most 8,192, all asked in one go. Shapley (1953): the mean, over all orders in which measurements
may become known, of what each of them changes.
"""

from collections.abc import Callable
from math import factorial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Contributions(NamedTuple):
    """What the model says when it knows nothing, and what each input adds; NaN where absent."""

    base: float
    each: Floats


def contributions(classify: Callable[[Floats], Floats], row: Floats) -> Contributions:
    """Shapley values (COUNT,) of `row` (COUNT,), NaN where absent: base + their sum = verdict."""
    given = np.flatnonzero(np.isfinite(row))
    count = len(given)
    coalitions = np.arange(2**count)
    member = (coalitions[:, None] >> np.arange(count)) & 1 == 1
    values = np.full((len(coalitions), len(row)), np.nan)
    values[:, given] = np.where(member, row[given], np.nan)
    worth = classify(values)
    weight = np.array([factorial(k) * factorial(count - k - 1) for k in range(count)])
    size = member.sum(axis=1)
    each = np.full(len(row), np.nan)
    for j, place in enumerate(given):
        without = coalitions[~member[:, j]]
        gain = worth[without | 1 << j] - worth[without]
        each[place] = (weight[size[without]] * gain).sum() / factorial(count)
    return Contributions(float(worth[0]), each)
