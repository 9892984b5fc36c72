"""The rooms behind `arrive`, over the whole bank: clean → detect → segment → classify → rhythm.

`Rooms` owns every patient's state of signal; `pipeline` tells it which samples come next, and which
are missing. The classifier comes in as a callable.
"""

import contextlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ecg.errors import ModelError
from ecg.messages import Gap
from ecg.types import CLASSES, BeatClass
from ecg.window import CONTEXT, WINDOW
from stream.engine import chain, intervals, merge, rhythm
from stream.engine.arrive import Hole
from stream.engine.bank import Bank
from stream.engine.outcome import Outcome
from stream.engine.report import Report, lead_off_changes, lead_off_vitals
from stream.engine.streams import Stream

Floats = NDArray[np.float32]

BEATS_PER_SECOND: Final = 5
"""The detector's refractory time of 0.2 s allows no more."""


class Classifier(Protocol):
    """Names beats; any callable of this shape will do."""

    model_id: str

    def __call__(self, windows: Floats, contexts: Floats, /) -> tuple[NDArray[np.int8], Floats]:
        """Classify windows (n, WINDOW) with contexts (n, CONTEXT), both float32.

        Returns:
            Indices into `CLASSES` (n,) int8 and probabilities (n, 5) float32.

        Raises:
            ModelError: the model cannot answer.
        """
        ...


class Judged(NamedTuple):
    """What one pass of the signal rooms gives to judge: `chain`'s BEAT_OUT, WAVE_OUT, HOP_OUT."""

    beats: NDArray[Any]
    waves: NDArray[Any]
    hops: NDArray[Any]


class Rooms:
    """The state of all patients' signal, and what advances it.

    Args:
        classifier: names the beats; when it fails, beats are Q and everything else goes on.

    Attributes:
        bank: the rows.
        failure: code of the classifier's failure in its last call, empty when that went well, None
            before the first one.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.bank = Bank()
        self.failure: str | None = None
        self._classifier = classifier

    @property
    def model_id(self) -> str:
        """The model that names the beats."""
        return self._classifier.model_id

    def open(self, rate: float) -> int:
        """A row that is ready for the first sample of a session at `rate` Hz."""
        row = self.bank.take()
        chain.init(*self._signal_rooms(), row, rate)
        rhythm.init(self.bank.rooms["rhythm"][row])
        return row

    def advance(
        self, streams: Sequence[Stream], signals: Sequence[Floats], outcomes: list[Outcome]
    ) -> None:
        """One pass of the compiled rooms over new samples, classification, rhythm, report.

        Args:
            streams: each once.
            signals: the samples that come next in each, microvolts.
            outcomes: takes what happened.
        """
        lengths = np.array([len(signal) for signal in signals], np.int64)
        rates = np.array([stream.arrival.rate for stream in streams])
        seconds = lengths / rates
        most = int((seconds * BEATS_PER_SECOND + 8).sum())
        beats, windows, contexts = _beat_space(most)
        waves = np.empty(most, chain.WAVE_OUT)
        hops = np.empty(int((seconds * 10 + 2).sum()), chain.HOP_OUT)
        found, whole, passed = chain.advance(
            *self._signal_rooms(),
            np.array([stream.row for stream in streams], np.int64),
            np.concatenate([[0], np.cumsum(lengths)]),
            np.concatenate(signals),
            beats,
            windows,
            contexts,
            waves,
            hops,
        )
        judged = Judged(beats[:found], waves[:whole], hops[:passed])
        self._conclude(streams, judged, windows[:found], contexts[:found], outcomes)

    def hole(self, stream: Stream, piece: Hole, outcomes: list[Outcome]) -> None:
        """Pass over device samples that cannot be analysed."""
        self.finish_beats(stream, outcomes)
        start = int(self.bank.rooms["clean"][stream.row]["n"])
        end = chain.restart(*self._signal_rooms(), stream.row, piece.end)
        rhythm.gap(self.bank.rooms["rhythm"][stream.row], start, end)
        if piece.lead_off:
            outcomes += lead_off_changes(stream, piece.first, off=True)
            outcomes += lead_off_vitals(stream, start, end)
        else:
            outcomes.append(
                Gap(
                    patient=stream.patient, session=stream.session, first=piece.first, end=piece.end
                )
            )

    def finish_beats(self, stream: Stream, outcomes: list[Outcome]) -> None:
        """Classify the beats that still wait for samples that will not come."""
        beats, windows, contexts = _beat_space(8)
        found = chain.flush(self.bank.rooms["segment"], stream.row, beats, windows, contexts)
        if found:
            none = np.empty(0, chain.WAVE_OUT), np.empty(0, chain.HOP_OUT)
            judged = Judged(beats[:found], *none)
            self._conclude([stream], judged, windows[:found], contexts[:found], outcomes)

    def _signal_rooms(self) -> list[NDArray[Any]]:
        return [array for name, array in self.bank.rooms.items() if name != "rhythm"]

    def _conclude(
        self,
        streams: Sequence[Stream],
        judged: Judged,
        windows: Floats,
        contexts: Floats,
        outcomes: list[Outcome],
    ) -> None:
        """Name the beats, tell rhythm and intervals, and report; `place` indexes `streams`."""
        beats, waves, hops = judged
        labels, probabilities = self._classify(windows, contexts)
        confidences = probabilities[np.arange(len(labels)), labels]
        changes = np.empty(len(hops) * rhythm.MAX_CHANGES, rhythm.CHANGE)
        vitals = np.empty(len(hops), rhythm.VITALS)
        measures = np.empty(len(hops), intervals.MEASURE)
        items = np.empty(len(beats) + len(vitals) + len(changes), merge.ITEM)
        _, _, count = merge.judge(
            self.bank.rooms["rhythm"],
            self.bank.rooms["intervals"],
            beats,
            labels,
            confidences,
            np.ascontiguousarray(probabilities[:, CLASSES.index(BeatClass.V)]),
            waves,
            hops,
            changes,
            vitals,
            measures,
            items,
        )
        report = Report(beats, labels, probabilities, changes, vitals, measures, self.model_id)
        outcomes += report.outcomes(streams, items[:count])

    def _classify(self, windows: Floats, contexts: Floats) -> tuple[NDArray[np.int8], Floats]:
        """Classes and probabilities; Q with certainty 0 where the model cannot answer."""
        labels = np.full(len(windows), CLASSES.index(BeatClass.Q), np.int8)
        probabilities = np.zeros((len(windows), len(CLASSES)), np.float32)
        if not len(windows):
            return labels, probabilities
        try:
            answer = self._classifier(windows, contexts)
        except ModelError as error:
            self.failure = error.code
        else:
            self.failure = ""
            return answer
        for k in range(len(windows)):  # one patient's bad beat must not cost another's class
            with contextlib.suppress(ModelError):
                one = slice(k, k + 1)
                labels[one], probabilities[one] = self._classifier(windows[one], contexts[one])
        return labels, probabilities


def _beat_space(most: int) -> tuple[NDArray[Any], Floats, Floats]:
    """Room for `most` beats and their inputs."""
    return (
        np.empty(most, chain.BEAT_OUT),
        np.empty((most, WINDOW), np.float32),
        np.empty((most, CONTEXT), np.float32),
    )
