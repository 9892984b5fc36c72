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
    """Where a patient's stream stood at its last checkpoint and when, and when it was heard."""

    session: str
    sample: int
    at: float
    heard: float
    dirty: bool


class Schedule:
    """Checkpoints of each stream every `every` seconds of its own time, staggered.

    Args:
        every: seconds between two checkpoints, of the stream and of the clock.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._saved: dict[str, Saved] = {}
        self._moved = 0.0

    def heard(self, patient: str, stream: Stream | None, now: float) -> bool:
        """Something came of this patient; True when the state is to be saved now.

        The first time is at once: without a checkpoint a restart would not know of the stream.
        """
        session, sample, rate = _place(stream)
        saved = self._saved.get(patient)
        if saved is None or saved.session != session:
            early = _phase(patient) * self._every
            sample -= round(early * rate)
            self._saved[patient] = Saved(session, sample, now - early, now, dirty=False)
            return True
        saved.heard, saved.dirty = now, True
        # By the clock too: of what comes twice or too late the stream's own time does not move.
        if sample - saved.sample < self._every * rate and now - saved.at < self._every:
            return False
        saved.sample, saved.at, saved.dirty = sample, now, False
        return True

    def restored(self, patient: str, stream: Stream | None, now: float) -> None:
        """A checkpoint was taken over."""
        session, sample, _ = _place(stream)
        self._saved[patient] = Saved(session, sample, now, now, dirty=False)

    def replayed(self, patient: str, now: float) -> None:
        """Records after the checkpoint, or without one, were pushed again."""
        saved = self._saved.setdefault(patient, Saved("", 0, now, now, dirty=True))
        saved.dirty = True

    def silent(self, now: float, *, leaving: bool = False) -> tuple[list[str], list[str]]:
        """Patients whose checkpoint stands for the present too, and those to forget.

        A silent patient must not hold the replay position back: as long as nothing comes, the
        state saved last is the present state. Who is `leaving` says so at once, others now and then.
        """
        if not leaving and now < self._moved + MOVE_SECONDS:
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


def _place(stream: Stream | None) -> tuple[str, int, float]:
    """Session, next sample and rate; of a patient who only said HELLO there is none."""
    return (stream.session, stream.arrival.next, stream.arrival.rate) if stream else ("", 0, 1.0)


def _phase(patient: str) -> float:
    """Where in its period a patient's checkpoints lie, 0 to 1."""
    return zlib.crc32(patient.encode()) / 2**32
