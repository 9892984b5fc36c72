"""A beat classifier that counts what it sees."""

import numpy as np
import numpy.typing as npt

from inference.bundle import BeatManifest, Bundle
from inference.classifier import BeatClassifier
from inference.drift.counting import Counter
from inference.drift.population import Reference


class WatchedClassifier(BeatClassifier):
    """The same answers as a `BeatClassifier`, counted.

    Attributes:
        known: what it is compared with.
        counter: of every beat that got an answer.
    """

    def __init__(self, bundle: Bundle[BeatManifest], known: Reference) -> None:
        self.known = known
        self._seen: list[npt.NDArray[np.float32]] = []
        self.counter = Counter(known)
        super().__init__(bundle)  # which probes: that is no beat
        self.counter.take()

    def __call__(
        self, windows: npt.NDArray[np.float32], context: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
        """Class index (n,) int8 into CLASSES and probabilities (n, 5) float32, row by row."""
        self._seen.clear()
        labels, probabilities = super().__call__(windows, context)
        for label, answer, row in zip(labels, probabilities, self._seen, strict=True):
            self.counter.add(int(label), float(answer[label]), row)
        return labels, probabilities

    def _infer(self) -> npt.NDArray[np.float32]:
        """Keep the features that the model is asked about."""
        answer = super()._infer()
        self._seen.append(self._row[0].copy())
        return answer
