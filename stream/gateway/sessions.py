"""Which samples of which session are durable, and which connection speaks for a patient. Pure.

The gateway keeps this in memory only: after a restart it knows nothing, answers WELCOME with
`durable` 0, and the device resends what it has not seen acknowledged; duplicates are harmless.
"""

from bisect import insort
from collections import OrderedDict
from typing import Final

MAX_SESSIONS: Final = 65_536
"""Sessions remembered, least recently claimed forgotten first: about 20 MB."""

MAX_ISLANDS: Final = 64
"""Runs of samples kept behind a hole: 2 s in blocks of 20 ms are 100, every other one missing 50."""

HOLE_SECONDS: Final = 2.0
"""Blocks may arrive so much out of order (the protocol's window); then a hole stays a hole."""


class Progress:
    """Up to where one session is durable, while blocks may come out of order or twice.

    Attributes:
        durable: everything below this sample index is stored, but for holes older than
            HOLE_SECONDS, which nobody is expected to fill any more.
    """

    __slots__ = ("_islands", "_started", "durable")

    def __init__(self) -> None:
        self.durable = 0
        self._started = False
        self._islands: list[tuple[int, int]] = []

    def add(self, first: int, end: int, rate: float) -> None:
        """Samples `first` … `end` have become durable; `rate` in Hz measures the window."""
        if not self._started:
            self._started, self.durable = True, first
        if end <= self.durable:
            return
        if first <= self.durable and not self._islands:
            self.durable = end
            return
        insort(self._islands, (first, end))
        self._absorb()
        while self._islands and self._hopeless(rate):
            self.durable = self._islands[0][0]
            self._absorb()

    def _absorb(self) -> None:
        """Move the frontier over every island that touches it."""
        while self._islands and self._islands[0][0] <= self.durable:
            self.durable = max(self.durable, self._islands.pop(0)[1])

    def _hopeless(self, rate: float) -> bool:
        """Whether the first hole is too old, or too many islands lie behind it."""
        newest = max(end for _, end in self._islands)
        too_old = newest - self.durable > HOLE_SECONDS * rate
        return too_old or len(self._islands) > MAX_ISLANDS


class Sessions:
    """Progress by (patient, session), and the live connection of each patient."""

    def __init__(self, limit: int = MAX_SESSIONS) -> None:
        self._limit = limit
        self._progress: OrderedDict[tuple[str, str], Progress] = OrderedDict()
        self._live: dict[str, int] = {}

    def claim(self, patient: str, session: str, connection: int) -> tuple[Progress, int | None]:
        """A connection begins to speak for a patient.

        Returns:
            The session's progress, and the connection that spoke for the patient until now.
        """
        progress = self._progress.setdefault((patient, session), Progress())
        self._progress.move_to_end((patient, session))
        if len(self._progress) > self._limit:
            self._progress.popitem(last=False)
        older = self._live.get(patient)
        self._live[patient] = connection
        return progress, older

    def release(self, patient: str, connection: int) -> None:
        """A connection has ended; nothing happens if another one has taken over."""
        if self._live.get(patient) == connection:
            del self._live[patient]

    def speaker(self, patient: str) -> int:
        """The connection that speaks for a patient; 0, which none has, if there is none."""
        return self._live.get(patient, 0)

    @property
    def live(self) -> int:
        """Patients with a connection."""
        return len(self._live)
