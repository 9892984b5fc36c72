"""Whose next deadline is when, soonest first."""

import heapq
from collections.abc import Iterator

from stream.engine.alarms.state import NEVER


class Deadlines:
    """The next deadline of each patient; one that moved later stays noted until it is looked at."""

    def __init__(self) -> None:
        """Start with none."""
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def noted(self, patient: str) -> float:
        """When a patient's deadline was noted to be, 0 without one."""
        return self._due.get(patient, 0.0)

    def note(self, patient: str, due: float) -> None:
        """The patient's next deadline is at `due`, NEVER for none."""
        if due < self._due.get(patient, NEVER):
            self._due[patient] = due
            heapq.heappush(self._heap, (due, patient))

    def forget(self, patient: str) -> None:
        """The patient has none any more."""
        self._due.pop(patient, None)

    def next(self) -> float | None:
        """The soonest, or None when nothing is pending."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> Iterator[str]:
        """Whose deadline was noted up to `now`; it is so no longer."""
        while (due := self.next()) is not None and due <= now:
            _, patient = heapq.heappop(self._heap)
            del self._due[patient]
            yield patient
