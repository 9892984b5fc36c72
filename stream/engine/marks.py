"""The last beats of each patient, as the evidence that an alarm shows."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from ecg.conditions import CATALOGUE, Change
from ecg.messages import Beat, Evidence, EvidenceBeat

EVIDENCE_BEATS: Final = 12
"""Beats that an alarm shows as its evidence."""


class Marks:
    """What is remembered of each patient's beats."""

    def __init__(self) -> None:
        self._beats: dict[str, deque[EvidenceBeat]] = {}

    def add(self, beat: Beat) -> None:
        """One more beat."""
        marks = self._beats.setdefault(beat.patient, deque(maxlen=EVIDENCE_BEATS))
        marks.append(EvidenceBeat(beat.sample, beat.label, max(beat.probabilities)))

    def evidence(self, patient: str, change: Change, model: str) -> Evidence:
        """The rule and the beats from just before the onset to the decision."""
        beats = tuple(b for b in self._beats.get(patient, ()) if b.sample <= change.at)
        return Evidence(rule=CATALOGUE[change.kind].rule, beats=beats, model=model)

    def save(self, patient: str) -> list[EvidenceBeat]:
        """The beats of a patient, oldest first."""
        return list(self._beats.get(patient, ()))

    def restore(self, patient: str, beats: Iterable[EvidenceBeat]) -> None:
        """Put back what `save` gave."""
        self._beats[patient] = deque(beats, EVIDENCE_BEATS)

    def forget(self, patient: str) -> None:
        """Nothing is remembered of the patient."""
        self._beats.pop(patient, None)
