"""What a row of the beat model's input consists of, in names: `inference.features` computes it.

Apart from the kernels, so that who only reads a bundle (the gateway) does not import numba.
"""

from typing import Any, Final

from ecg.window import CONTEXT_NAMES, LENGTH, WINDOW_RATE, R

VERSION: Final = 3
"""Raised with every change of a formula: an older bundle is then refused."""

SHAPE: Final = (
    "height", "top", "bottom", "slope", "duration", "half", "quarter", "area", "plateau", "wave", "broad",
)  # fmt: skip
PARTS: Final = ("before", "wave", "qrs", "repolarisation")
OTHERS: Final = ("dominant", "late", "previous")
NAMES: Final = (
    *CONTEXT_NAMES,
    *(f"beat_{name}" for name in SHAPE),
    *(f"ratio_{name}" for name in SHAPE),
    *(f"dominant_{name}" for name in SHAPE),
    *(f"residual_{other}_{part}" for other in OTHERS for part in PARTS),
)
"""Scalar features, in their order in an input row."""
INPUT: Final = len(NAMES)
"""Length of an input row."""

DESCRIPTION: Final[dict[str, Any]] = {
    "version": VERSION,
    "features": list(NAMES),
    "samples": LENGTH,
    "r_index": R,
    "rate": WINDOW_RATE,
    "shape": [1, INPUT],
    "dtype": "float32",
}
"""What a model must have been trained on to be served by this code."""
