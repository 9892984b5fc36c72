"""From the segmenter's windows and contexts to the model's input: one code path for train and serve.

Stateless and row by row: `transform(windows, context)` gives the same bits for a beat alone and
among others. An input row is the context, then shape measures of the beat and of the patient's
dominant shape and their differences, then residuals to the dominant, late and previous shapes.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from ecg import shape
from ecg.window import CONTEXT, CONTEXT_NAMES, LENGTH, QRS, SHAPES_SHOWN, P, R
from inference.beat_input import INPUT, PARTS, SHAPE


def transform(
    windows: npt.NDArray[np.float32], context: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Input rows (n, INPUT) float32 of windows (n, WINDOW) and contexts (n, CONTEXT)."""
    out = np.empty((len(windows), INPUT), np.float32)
    transform_into(windows, context, out)
    return out


@njit(cache=True)
def transform_into(windows: np.ndarray, context: np.ndarray, out: np.ndarray) -> None:
    """`transform` into rows that the caller owns (no allocation on the live path)."""
    for row in range(windows.shape[0]):
        _row(windows[row], context[row], out[row])


@njit(cache=True)
def _row(window: np.ndarray, context: np.ndarray, out: np.ndarray) -> None:
    for k in range(CONTEXT):
        out[k] = context[k]
    at, n = CONTEXT, len(SHAPE)
    _measure(window[:LENGTH], out[at : at + n])
    _measure(window[LENGTH : 2 * LENGTH], out[at + 2 * n : at + 3 * n])
    for k in range(n):
        out[at + n + k] = out[at + k] - out[at + 2 * n + k]
    scale = max(math.exp(out[at + 2 * n]), shape.LEAST_HEIGHT)
    lag = int(context[_LAG])
    at += 3 * n
    for other in range(1, SHAPES_SHOWN):
        _residual(window, other, lag if other < SHAPES_SHOWN - 1 else 0, scale, out[at:])
        at += len(PARTS)


_LAG: Final = CONTEXT_NAMES.index("lag_dominant")


@njit(cache=True)
def _measure(x: np.ndarray, out: np.ndarray) -> None:
    """The measures of SHAPE: log height (ln uV), levels over the height, widths in ms."""
    low = high = base = x[QRS[0]]
    slope = area = 0.0
    base = 0.25 * (x[R - 9] + x[R - 8] + x[R - 7] + x[R - 6])
    wide = 0.25 * (x[R - 16] + x[R - 15] + x[R - 14] + x[R - 13])
    for k in range(QRS[0], QRS[1]):
        low, high = min(low, x[k]), max(high, x[k])
        slope = max(slope, abs(x[k + 1] - x[k]))
        area += x[k] - base
    height = max(high - low, 20.0)
    half = quarter = 0.0
    peak = max(high - base, base - low, 10.0)
    span = max(high - wide, wide - low, 10.0)
    broad = 0.0
    for k in range(QRS[0], QRS[1]):
        broad += 1.0 if abs(x[k] - wide) > 0.5 * span else 0.0
        half += 1.0 if abs(x[k] - base) > 0.5 * peak else 0.0
        quarter += 1.0 if abs(x[k] - base) > 0.25 * peak else 0.0
    wave = 0.0
    for k in range(P[0], P[1]):
        wave += abs(x[k] - base)
    plateau = 0.0
    for k in range(QRS[1], LENGTH):
        plateau += x[k] - base
    out[0] = math.log(height)
    out[1] = (high - base) / height
    out[2] = (low - base) / height
    out[3] = slope / height
    out[4] = shape.width(x)
    out[5] = 8.0 * half
    out[6] = 8.0 * quarter
    out[7] = area / (height * (QRS[1] - QRS[0]))
    out[8] = plateau / (height * (LENGTH - QRS[1]))
    out[9] = wave / (height * (P[1] - P[0]))
    out[10] = 8.0 * broad


@njit(cache=True)
def _residual(window: np.ndarray, other: int, lag: int, scale: float, out: np.ndarray) -> None:
    """RMS difference to shape `other` over P, QRS and what follows, over the dominant height."""
    edges = (shape.EDGE, P[0], QRS[0], QRS[1], LENGTH - shape.EDGE)
    for part in range(4):
        start = edges[part]
        stop = P[1] if part == 1 else edges[part + 1]
        own = shape.departure(window, window[other * LENGTH :], start, stop, lag)
        out[part] = math.log(0.01 + own / scale)
