"""Who is on the ward: a bounded number of patients, so that memory is bounded."""

from collections.abc import Callable


class Roll:
    """The patients of a ward.

    Args:
        most: how many at once.
        idle: tells whether a patient may be forgotten in favour of another.
        leave: forgets a patient.

    Attributes:
        refused: how many records were refused.
    """

    def __init__(
        self, most: int, idle: Callable[[str], bool], leave: Callable[[str], None]
    ) -> None:
        self.refused = 0
        self._most = most
        self._idle = idle
        self._leave = leave
        self._known: dict[str, None] = {}
        self._full = False

    def __contains__(self, patient: str) -> bool:
        return patient in self._known

    def __len__(self) -> int:
        return len(self._known)

    def add(self, patient: str) -> None:
        """Somebody who was here before."""
        self._known[patient] = None

    def admits(self, patient: str) -> bool:
        """Whether a patient is here or there was room; who came first leaves first."""
        full = patient not in self._known and len(self._known) >= self._most
        if full and not self._make_room():
            self.refused += 1
            return False
        self._known[patient] = None
        return True

    def remove(self, patient: str) -> None:
        """Somebody is gone."""
        self._known.pop(patient, None)

    def changed(self) -> None:
        """Somebody may have become idle: look again when room is wanted."""
        self._full = False

    def _make_room(self) -> bool:
        """Let an idle patient leave; nobody looks again before something has changed."""
        if self._full:
            return False
        found = next((patient for patient in self._known if self._idle(patient)), None)
        self._full = found is None
        if found is None:
            return False
        self._leave(found)
        self.remove(found)
        return True
