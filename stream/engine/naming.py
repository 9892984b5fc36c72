"""The classifier as the rooms call it: a failure costs names, never beats."""

import contextlib
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ecg.errors import ModelError
from ecg.types import CLASSES, BeatClass

Floats = NDArray[np.float32]
Labels = NDArray[np.int8]


class Classifier(Protocol):
    """Names beats; any callable of this shape will do."""

    model_id: str

    def __call__(self, windows: Floats, contexts: Floats, /) -> tuple[Labels, Floats]:
        """Classify windows (n, WINDOW) with contexts (n, CONTEXT), both float32.

        Returns:
            Indices into `CLASSES` (n,) int8 and probabilities (n, 5) float32.

        Raises:
            ModelError: the model cannot answer.
        """
        ...


class Namer:
    """Names beats as the classifier does, Q with certainty 0 where it cannot.

    Args:
        classifier: may fail.

    Attributes:
        failure: code of the classifier's failure in its last call, empty when that went well, None
            before the first one.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.failure: str | None = None
        self._classifier = classifier

    @property
    def model_id(self) -> str:
        """The model that names the beats."""
        return self._classifier.model_id

    def name(
        self, places: NDArray[np.int64], windows: Floats, contexts: Floats
    ) -> tuple[Labels, Floats]:
        """Classes and probabilities of beats.

        Args:
            places: of each beat's window and context; -1 for a beat without them, which is Q.
            windows: as `Classifier` takes them.
            contexts: the same.
        """
        labels = np.full(len(places), CLASSES.index(BeatClass.Q), np.int8)
        probabilities = np.zeros((len(places), len(CLASSES)), np.float32)
        known = np.flatnonzero(places >= 0)
        if len(known):
            at = places[known]
            labels[known], probabilities[known] = self._ask(windows[at], contexts[at])
        return labels, probabilities

    def _ask(self, windows: Floats, contexts: Floats) -> tuple[Labels, Floats]:
        try:
            answer = self._classifier(windows, contexts)
        except ModelError as error:
            self.failure = error.code
        else:
            self.failure = ""
            return answer
        labels = np.full(len(windows), CLASSES.index(BeatClass.Q), np.int8)
        probabilities = np.zeros((len(windows), len(CLASSES)), np.float32)
        for k in range(len(windows)):  # one patient's bad beat must not cost another's class
            with contextlib.suppress(ModelError):
                one = slice(k, k + 1)
                labels[one], probabilities[one] = self._classifier(windows[one], contexts[one])
        return labels, probabilities
