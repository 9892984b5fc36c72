"""A trouble of the program itself (the model fails, the analysis is late), told to the alarm book.

It is a level, not an event: everybody from whom something comes while it lasts has its alarm,
whoever comes later too, and all alarms end with it, also those that an earlier process raised.
"""

from stream.engine.alarms import Book
from stream.engine.events import Event, published


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

    @property
    def told(self) -> list[str]:
        """Who was told of it, and not yet that it is over."""
        return sorted(self._told)

    def tell(
        self, patient: str, now: float, *, lasts: bool, value: float | None = None
    ) -> list[Event]:
        """Say to a patient's book whether it lasts.

        Args:
            patient: from whom something has come just now, or who was told.
            now: seconds since 1970.
            lasts: whether there is trouble; its end is told only to those who were told of it.
            value: the seconds it is about, if it is about time.
        """
        if lasts:
            self._told.add(patient)
        elif patient in self._told:
            self._told.remove(patient)
        else:
            return []
        return published(self._book.fault(patient, self._kind, now, on=lasts, value=value))
