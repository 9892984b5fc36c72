"""The interval classifier: measurements in, calibrated probability of "abnormal" out.

The model has a fixed batch, so that a person's answer is the same, bit for bit, alone and among
ten thousand. One instance may be used by several threads: each inference holds a lock for some
30 µs.
"""

import threading
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter
from scipy.special import expit

from ecg.errors import ModelError
from inference import bundle
from inference.intervals import features
from inference.intervals.inputs import COUNT

SHIPPED: Final = bundle.SHIPPED.with_name("interval")
"""The interval classifier that comes with the package."""
BATCH: Final = 64
"""Rows in one inference: one costs hardly less, and more would hold the lock longer."""
_LEAST: Final = 1e-6
"""Probabilities are kept this far from 0 and 1 before their log-odds are taken."""

Floats = npt.NDArray[np.float64]


class Calibration(NamedTuple):
    """Platt's line: calibrated log-odds = slope x log-odds of the model + offset."""

    slope: float
    offset: float


class IntervalManifest(bundle.Manifest, frozen=True, kw_only=True):
    """What an interval classifier's `bundle.json` says besides."""

    calibration: Calibration


Intervals = bundle.Bundle[IntervalManifest]


def load(path: Path = SHIPPED) -> Intervals:
    """Read and check the bundle in folder `path`; ModelError says what does not fit."""
    return bundle.read(path, IntervalManifest, features.DESCRIPTION)


def logit(probability: Floats) -> Floats:
    """Log-odds."""
    kept = np.clip(probability, _LEAST, 1.0 - _LEAST)
    result: Floats = np.log(kept / (1.0 - kept))
    return result


class IntervalClassifier:
    """Callable on measurements (n, COUNT) float64 with NaN for absent; gives (n,) float64.

    ModelError at construction when the model is malformed or has other shapes than this code; at a
    call when its output is not finite.
    """

    def __init__(self, made: Intervals) -> None:
        self.model_id = made.model_id
        self._line = made.manifest.calibration
        self._lock = threading.Lock()
        self._open(made.model)
        self(np.full((1, COUNT), np.nan))

    def __call__(self, values: Floats) -> Floats:
        """Probability that each person's electrocardiogram is abnormal."""
        raw = self._infer(features.rows(values)).astype(np.float64)
        if not np.isfinite(raw).all():
            raise ModelError("output_not_finite", "the model gave NaN or infinity")
        result: Floats = expit(self._line.slope * logit(raw) + self._line.offset)
        return result

    def _open(self, model: bytes) -> None:
        try:
            self._interpreter: Any = Interpreter(model_content=model, num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError("model_malformed", str(error)) from error
        (source,) = self._interpreter.get_input_details()
        (sink,) = self._interpreter.get_output_details()
        wanted = [(BATCH, features.INPUT), (BATCH, 1), np.float32, np.float32]
        found = [tuple(source["shape"]), tuple(sink["shape"]), source["dtype"], sink["dtype"]]
        if found != wanted:
            raise ModelError("model_shape", f"{found}, expected {wanted}")
        self._source, self._sink = source["index"], sink["index"]

    def _infer(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Run the model on rows (n, INPUT) in batches, the last one filled up with zeros."""
        count = len(rows)
        padded = np.zeros((-(-count // BATCH) * BATCH, features.INPUT), np.float32)
        padded[:count] = rows
        result = np.empty(len(padded), np.float32)
        for start in range(0, len(padded), BATCH):
            with self._lock:
                self._interpreter.set_tensor(self._source, padded[start : start + BATCH])
                self._interpreter.invoke()
                result[start : start + BATCH] = self._interpreter.get_tensor(self._sink)[:, 0]
        return result[:count]
