"""Where `annotate` marks ventricular flutter and fibrillation: `[` and `]`, as annot(5) and EC57 want them.

WFDB's bxb looks at no beat between them, and rxr takes what is between them for a long ventricular run.
"""

from typing import Final

from ecg.messages import Alarm

ORGANISED_S: Final = 4.0
"""VFIB clears after so many seconds of an organised rhythm (ALARMS.md): the flutter ended before them."""


class Flutter:
    """The episodes of one record, from its alarms.

    Attributes:
        marks: (sample, symbol) in order of time; an episode that goes on has no end.
    """

    def __init__(self, rate: float) -> None:
        self.marks: list[tuple[int, str]] = []
        self._organised = round(ORGANISED_S * rate)
        self._active = ""

    def hear(self, alarm: Alarm, sample: int) -> None:
        """Take a transition that was told at `sample`; other kinds say nothing."""
        if alarm.kind != "VFIB":
            return
        if alarm.state == "active" and alarm.id != self._active:
            self._active = alarm.id
            self._mark(alarm.onset_sample, "[")
        elif alarm.state != "active" and alarm.id == self._active:
            self._active = ""
            self._mark(sample - self._organised, "]")

    def _mark(self, sample: int, symbol: str) -> None:
        last = self.marks[-1][0] if self.marks else -1
        self.marks.append((max(sample, last + 1), symbol))
