"""A trouble of the program itself (the model fails, the analysis is late), told to the alarm book.

It is a level, not an event: everybody from whom something comes while it lasts has its alarm,
whoever comes later too, and all alarms end with it, also those that an earlier process raised.
"""

from collections.abc import Mapping

from stream.engine.alarms import Book, Instruction


class Trouble:
    """One kind of trouble, and who was told of it.

    Args:
        kind: of the catalogue.
        book: told of it.
    """

    def __init__(self, kind: str, book: Book) -> None:
        self._kind = kind
        self._book = book
        self._told: set[str] = set()

    def recall(self, patient: str) -> None:
        """The book has taken back a patient's alarms; one of this kind may stand."""
        if any(alarm.kind == self._kind for alarm in self._book.alarms(patient)):
            self._told.add(patient)

    def tell(
        self,
        present: Mapping[str, float],
        now: float,
        *,
        lasts: bool,
        value: float | None = None,
    ) -> list[Instruction]:
        """Say whether it lasts.

        Args:
            present: from whom something has come just now, and when.
            now: seconds since 1970.
            lasts: whether there is trouble.
            value: the seconds it is about, if it is about time.
        """
        if lasts:
            self._told.update(present)
            return self._say(present, on=True, value=value)
        told, self._told = sorted(self._told), set()
        return self._say({patient: present.get(patient, now) for patient in told}, on=False)

    def _say(
        self, whom: Mapping[str, float], *, on: bool, value: float | None = None
    ) -> list[Instruction]:
        return [
            instruction
            for patient, now in whom.items()
            for instruction in self._book.fault(patient, self._kind, now, on=on, value=value)
        ]
