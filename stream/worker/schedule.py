"""When which patient's engine state is saved, and when a silent one is let go. Pure."""

import zlib
from dataclasses import dataclass
from typing import Final

from stream.engine.streams import Stream

SILENT_SECONDS: Final = 3600.0
"""A stream from which nothing has come for so long is forgotten; its book stays."""

MOVE_SECONDS: Final = 10.0
"""How often the checkpoints of silent patients are moved up to the present position."""


@dataclass(slots=True)
class Saved:
    """Where a patient's stream stood at its last checkpoint, and when it was last heard."""

    session: str
    sample: int
    heard: float
    dirty: bool


class Schedule:
    """Checkpoints of each stream every `every` seconds of its own time, staggered.

    Args:
        every: stream seconds between two checkpoints.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._saved: dict[str, Saved] = {}
        self._moved = 0.0

    def heard(self, stream: Stream, now: float) -> bool:
        """Something came of this stream; True when its state is to be saved now.

        The first time is at once: without a checkpoint a restart would not know of the stream.
        """
        saved = self._saved.get(stream.patient)
        at, rate = stream.arrival.next, stream.arrival.rate
        if saved is None or saved.session != stream.session:
            stagger = round(_phase(stream.patient) * self._every * rate)
            self._saved[stream.patient] = Saved(stream.session, at - stagger, now, dirty=False)
            return True
        saved.heard, saved.dirty = now, True
        if at - saved.sample < self._every * rate:
            return False
        saved.sample, saved.dirty = at, False
        return True

    def silent(self, now: float) -> tuple[list[str], list[str]]:
        """Patients whose checkpoint stands for the present too, and those to forget.

        A silent patient must not hold the replay position back: as long as nothing comes, the
        state saved last is the present state.
        """
        if now < self._moved + MOVE_SECONDS:
            return [], []
        self._moved = now
        gone = [p for p, saved in self._saved.items() if now - saved.heard > SILENT_SECONDS]
        for patient in gone:
            del self._saved[patient]
        return [p for p, saved in self._saved.items() if not saved.dirty], gone

    def unsaved(self, now: float) -> list[str]:
        """Patients who fell silent with a state that was not saved yet."""
        found = [
            p
            for p, saved in self._saved.items()
            if saved.dirty and now - saved.heard > MOVE_SECONDS
        ]
        for patient in found:
            self._saved[patient].dirty = False
        return found


def _phase(patient: str) -> float:
    """Where in its period a patient's checkpoints lie, 0 to 1."""
    return zlib.crc32(patient.encode()) / 2**32
