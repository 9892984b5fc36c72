"""Fit, merge and write the QRS detector's network; the layout of its weights is `score`'s."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from stream.engine.detect import score
from stream.engine.detect.score import FEATURES

Floats = npt.NDArray[np.float32]

_EPOCHS: Final = 20
_BATCH: Final = 2048
_RATE: Final = 3e-3
_DECAY: Final = 1e-5

_HEADER: Final = '''"""Weights of the QRS detector's network; made by `inference/training/qrs.py`."""

from typing import Final

import numpy as np

HIDDEN: Final = {hidden}
"""Units: the networks of several seeds side by side, whose mean is taken."""

# fmt: off
WEIGHTS: Final = np.array((
'''


def rule() -> Floats:
    """A network of two units that is feature 26, the rule: where training begins."""
    weights = np.zeros(2 * (FEATURES + 2) + 1, np.float32)
    weights[26], weights[FEATURES + 1 + 26] = 1, -1
    weights[-2:] = 1, -1
    return weights


def fit(x: Floats, y: Floats, share: Floats, units: int, rng: np.random.Generator) -> Floats:
    """One hidden layer of rectifiers, logistic loss, Adam with a cosine schedule."""
    mean, spread = x.mean(0), x.std(0) + 1e-6
    x = (x - mean) / spread
    shapes = [(FEATURES, units), (units,), (units,), (1,)]
    scales = [FEATURES**-0.5, 0.0, units**-0.5, 0.0]
    p = [
        rng.normal(0, 1, shape).astype(np.float32) * np.float32(scale)
        for shape, scale in zip(shapes, scales, strict=True)
    ]
    first, second = [np.zeros_like(v) for v in p], [np.zeros_like(v) for v in p]
    steps = _EPOCHS * (len(x) // _BATCH)
    for t in range(steps):
        if t % (len(x) // _BATCH) == 0:
            order = rng.permutation(len(x))
        part = order[t % (len(x) // _BATCH) * _BATCH :][:_BATCH]
        slope = _RATE * 0.5 * (1 + np.cos(np.pi * t / steps))
        for k, g in enumerate(_gradients(p, x[part], y[part], share[part])):
            first[k] += 0.1 * (g - first[k])
            second[k] += 0.001 * (g * g - second[k])
            step = (first[k] / (1 - 0.9 ** (t + 1))) / (
                np.sqrt(second[k] / (1 - 0.999 ** (t + 1))) + 1e-8
            )
            p[k] -= np.float32(slope) * step
    rows = np.c_[p[0].T / spread, p[1] - (p[0].T / spread) @ mean]
    return np.concatenate([rows.ravel(), p[3], p[2]]).astype(np.float32)


def _gradients(p: list[Floats], x: Floats, y: Floats, share: Floats) -> list[Floats]:
    inner = x @ p[0] + p[1]
    outer = np.maximum(inner, 0)
    logit = outer @ p[2] + p[3]
    g = share * (1 / (1 + np.exp(-np.clip(logit, -30, 30))) - y) / len(x)
    back = np.outer(g, p[2]) * (inner > 0)
    return [
        x.T @ back + _DECAY * p[0],
        back.sum(0),
        outer.T @ g + _DECAY * p[2],
        g.sum(keepdims=True),
    ]


def merge(networks: Sequence[Floats], units: int, bias: float) -> Floats:
    """The mean of the networks as one of their units side by side, `bias` added to its logit."""
    split = units * (FEATURES + 1)
    rows = [w[:split] for w in networks]
    output = np.mean([w[split] for w in networks]) + bias
    outer = [w[split + 1 :] / len(networks) for w in networks]
    return np.concatenate([*rows, [output], *outer]).astype(np.float32)


def write(weights: Floats, path: Path) -> None:
    """Write the module of weights, and touch the rooms: numba's cache looks only at their age."""
    hidden = (len(weights) - 1) // (FEATURES + 2)
    lines = [
        "    " + " ".join(f"{w:.3g}," for w in weights[i : i + 12])
        for i in range(0, len(weights), 12)
    ]
    text = _HEADER.format(hidden=hidden) + "\n".join(lines)
    path.write_text(text + "\n), dtype=np.float32)\n# fmt: on\n", encoding="utf-8")
    for room in Path(score.__file__).parents[1].rglob("*.py"):
        room.touch()
