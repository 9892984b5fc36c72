"""What holds in streams that were begun anew while the alarm book did not look.

Where a checkpoint is missing (another version of the engine), the last minutes are replayed through
the engine alone, as the book has seen them already. It has seen what the older engine said of them: a
condition that only that one found would never be cleared, one that only this one finds never be told.
"""

from ecg.conditions import Edge
from stream.engine.outcome import Changed
from stream.engine.rhythm import KINDS

OF_SIGNAL = frozenset({*KINDS, "LEADS_OFF", "LEAD_OFF"})
"""The kinds that a change sets and clears; all others the book judges or is told."""


class Unseen:
    """Of each such patient, the conditions that hold."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, Changed]] = {}

    def opened(self, patient: str) -> None:
        """A session has begun that the book is not told of."""
        self._held[patient] = {}

    def changed(self, changed: Changed) -> None:
        """A condition was set or cleared, whether the book is told of it or not."""
        held = self._held.get(changed.patient)
        if held is None:
            return
        if changed.change.edge == Edge.SET:
            held[changed.change.kind] = changed
        elif changed.change.edge == Edge.CLEAR:
            held.pop(changed.change.kind, None)

    def forget(self, patient: str) -> None:
        """Its stream is no more."""
        self._held.pop(patient, None)

    def patients(self) -> list[str]:
        """Whose stream the book is to be told of."""
        return list(self._held)

    def take(self, patient: str) -> dict[str, Changed]:
        """What holds in a patient's stream, by kind; the book is told now."""
        return self._held.pop(patient, {})
