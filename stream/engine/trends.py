"""Minutes of vital signs and beat counts, for the trend view; plain data, part of the checkpoint."""

import msgspec

from ecg.messages import Beat, Vitals
from ecg.types import BeatClass


class Minute(msgspec.Struct, array_like=True):
    """One minute of one patient.

    Attributes:
        minute: minutes since 1970 (UTC).
        rates: how many seconds had a heart rate.
        rate_sum, rate_min, rate_max: of those, per minute.
        beats, v_beats, s_beats: counts: all, ventricular, supraventricular.
        seconds: how much was analysed.
    """

    minute: int
    rates: int = 0
    rate_sum: float = 0.0
    rate_min: float = float("inf")
    rate_max: float = 0.0
    beats: int = 0
    v_beats: int = 0
    s_beats: int = 0
    seconds: int = 0


class Trends:
    """The running minute of each patient, and those that are complete."""

    def __init__(self) -> None:
        self.running: dict[str, Minute] = {}
        self._complete: list[tuple[str, Minute]] = []

    def take(self) -> list[tuple[str, Minute]]:
        """The minutes that were completed since the last call, with their patients."""
        complete, self._complete = self._complete, []
        return complete

    def finish(self, patient: str) -> None:
        """Nothing comes of this patient any more: the running minute is as complete as it gets."""
        running = self.running.pop(patient, None)
        if running is not None:
            self._complete.append((patient, running))

    def add(self, event: Beat | Vitals) -> None:
        """Count one event, in order of time."""
        minute = self._at(event.patient, event.time)
        if isinstance(event, Beat):
            minute.beats += 1
            minute.v_beats += event.label == BeatClass.V
            minute.s_beats += event.label == BeatClass.S
            return
        minute.seconds += 1
        if event.heart_rate is not None:
            minute.rates += 1
            minute.rate_sum += event.heart_rate
            minute.rate_min = min(minute.rate_min, event.heart_rate)
            minute.rate_max = max(minute.rate_max, event.heart_rate)

    def _at(self, patient: str, time: float) -> Minute:
        """The patient's running minute; a later one completes it, clocks never run back."""
        running = self.running.get(patient)
        if running is not None and time < (running.minute + 1) * 60:
            return running
        if running is not None:
            self._complete.append((patient, running))
        self.running[patient] = Minute(int(time // 60))
        return self.running[patient]
