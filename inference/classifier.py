"""Beat classes from windows and contexts: one TFLite interpreter, one beat at a time.

Batch size 1 always, so a beat's answer does not depend, bit for bit, on which beats came with it.
One instance per thread: the interpreter is not thread-safe (`invoke` releases the GIL).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from ecg.errors import ModelError
from ecg.types import CLASSES
from ecg.window import CONTEXT, WINDOW
from inference import beat_input, features
from inference.bundle import BeatManifest, Bundle

_N: Final = CLASSES.index("N")


class BeatClassifier:
    """Callable on windows (n, WINDOW) and contexts (n, CONTEXT), both float32.

    ModelError at construction when the model is malformed, has other shapes than described or
    fails a probe; at a call when input or output is not finite.
    """

    def __init__(self, bundle: Bundle[BeatManifest]) -> None:
        self.model_id = bundle.model_id
        manifest = bundle.manifest
        self._columns = np.array([CLASSES.index(x) for x in manifest.outputs])
        self._odds = np.zeros(len(CLASSES), np.float32)
        for name, threshold in manifest.thresholds.items():
            self._odds[CLASSES.index(name)] = 1.0 / threshold
        self._row = np.zeros((1, beat_input.INPUT), np.float32)
        self._open(bundle.model)
        self._probe()

    def __call__(
        self, windows: npt.NDArray[np.float32], context: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
        """Class index (n,) int8 into CLASSES and probabilities (n, 5) float32, row by row."""
        if not (np.isfinite(windows).all() and np.isfinite(context).all()):
            raise ModelError("input_not_finite", "a window or context holds NaN or infinity")
        count = len(windows)
        probabilities = np.zeros((count, len(CLASSES)), np.float32)
        for i in range(count):
            features.transform_into(windows[i : i + 1], context[i : i + 1], self._row)
            probabilities[i, self._columns] = self._infer()
        return self._decide(probabilities), probabilities

    def _open(self, model: bytes) -> None:
        """Load the model and check that it maps (1, INPUT) to (1, outputs) in float32."""
        try:
            self._interpreter = Interpreter(model_content=model, num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError("model_malformed", str(error)) from error
        (source,) = self._interpreter.get_input_details()
        (sink,) = self._interpreter.get_output_details()
        wanted = [(1, beat_input.INPUT), (1, len(self._columns)), np.float32, np.float32]
        found = [tuple(source["shape"]), tuple(sink["shape"]), source["dtype"], sink["dtype"]]
        if found != wanted:
            raise ModelError("model_shape", f"{found}, expected {wanted}")
        self._source, self._sink = source["index"], sink["index"]

    def _probe(self) -> None:
        """Classify silence once: probabilities must add up to 1."""
        silence = np.zeros((1, WINDOW), np.float32), np.zeros((1, CONTEXT), np.float32)
        total = float(self(*silence)[1].sum())
        if abs(total - 1.0) > 1e-3:
            raise ModelError("model_probe", f"probabilities of a probe add up to {total}")

    def _infer(self) -> npt.NDArray[np.float32]:
        """Run the model on `_row`. NaN passes TFLite silently, so both ends are guarded."""
        self._interpreter.set_tensor(self._source, self._row)
        self._interpreter.invoke()
        result: npt.NDArray[np.float32] = self._interpreter.get_tensor(self._sink)[0]
        if not np.isfinite(result).all():
            raise ModelError("output_not_finite", f"the model gave {result}")
        return result

    def _decide(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
        """The class whose probability is the largest multiple (>= 1) of its threshold, else N."""
        multiples = probabilities * self._odds
        best = multiples.argmax(axis=1)
        said = multiples[np.arange(len(best)), best] >= 1.0
        return np.where(said, best, _N).astype(np.int8)
