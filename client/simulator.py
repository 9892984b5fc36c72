"""A simulated bed: a scripted heart as int16 samples, the same for the same seed. Pure.

For demonstration and for tests of mechanism, never as evidence of accuracy (client/ecg_model.py).
"""

import math
from collections import deque
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from client.ecg_model import (
    REACH_SECONDS,
    Beat,
    Floats,
    Heart,
    Noise,
    atrial_waves,
    fibrillation,
)
from client.rhythms import Planner, Script, Segment
from ecg import messages as m

RATE: Final = 250
UV_PER_LSB: Final = 2.5
"""± 82 mV in int16: nothing that is drawn here comes near the rail."""

RAMP_SECONDS: Final = 0.2
"""Fibrillation, f waves and noise fade in and out: a step would be an artefact of its own."""


class Second(NamedTuple):
    """One second of a bed: samples from index `first`, int16 (250, 1), and lead-off changes."""

    first: int
    samples: NDArray[np.int16]
    lead_off: list[m.LeadOff]


class Bed:
    """One bed, second by second.

    Each part of the signal has a random generator of its own, seeded by (seed, number, part), so
    one bed's signal depends on nothing but these and the script.

    Args:
        seed: of the ward.
        number: of the bed.
        script: which rhythm when.
    """

    def __init__(self, seed: int, number: int, script: Script) -> None:
        self._seed = (seed, number)
        self._script = script
        self._planner = Planner(script, self._dice(0))
        self._beats: deque[Beat] = deque()
        self._heart = Heart(RATE, phase=float(self._dice(1).uniform(0, 2 * math.pi)))
        # An electrode at rest: some µV of amplifier and muscle, and a slow drift below 0.5 Hz.
        self._rest = Noise(white_mv=0.005, walk_mv=0.01, rate=RATE, corner_hz=0.3)
        # A moving patient: muscle over the whole band, and electrode motion about 1 Hz, both large.
        self._motion = Noise(white_mv=0.3, walk_mv=0.5, rate=RATE, corner_hz=1.0)
        self._noise_dice = self._dice(2)
        self._second = 0
        self._off = False

    def next(self) -> Second:
        """The next second."""
        first = self._second * RATE
        times = np.arange(first, first + RATE) / RATE
        segments = list(self._script.within(times[0], times[-1] + 1e-9))
        signal = self._heart.advance(first, RATE, self._near(first / RATE))
        signal += self._rest.draw(self._noise_dice, RATE)
        motion = self._motion.draw(self._noise_dice, RATE)
        for segment in segments:
            signal += self._added(segment, times, motion)
        off = self._lead_off(segments, times)
        samples = np.rint(np.where(off, 0.0, signal) * (1000.0 / UV_PER_LSB)).astype(np.int16)
        self._second += 1
        return Second(first, samples[:, None], self._changes(first, off))

    def _dice(self, *part: int) -> np.random.Generator:
        return np.random.default_rng((*self._seed, *part))

    def _near(self, start: float) -> list[Beat]:
        """Beats that show in the second from `start` on."""
        while not self._beats or self._beats[-1].time < start + 1 + REACH_SECONDS:
            self._beats.append(self._planner.next())
        while self._beats[0].time < start - REACH_SECONDS:
            self._beats.popleft()
        return [beat for beat in self._beats if beat.time <= start + 1 + REACH_SECONDS]

    def _added(self, segment: Segment, times: Floats, motion: Floats) -> Floats:
        """What a rhythm shows besides beats."""
        if segment.rhythm == "noise":
            shape = motion
        elif segment.rhythm == "vf":
            shape = fibrillation(self._dice(3, segment.number)).at(times)
        elif segment.rhythm == "af":
            shape = atrial_waves(self._dice(4)).at(times)
        else:
            return np.zeros(len(times))
        rise, fall = times - segment.start, segment.end - times
        return shape * np.clip(np.minimum(rise, fall) / RAMP_SECONDS, 0.0, 1.0)

    @staticmethod
    def _lead_off(segments: list[Segment], times: Floats) -> NDArray[np.bool_]:
        off = np.zeros(len(times), np.bool_)
        for segment in segments:
            if segment.rhythm == "leadoff":
                off |= (times >= segment.start) & (times < segment.end)
        return off

    def _changes(self, first: int, off: NDArray[np.bool_]) -> list[m.LeadOff]:
        edges = np.flatnonzero(np.diff(off, prepend=self._off))
        self._off = bool(off[-1])
        return [m.LeadOff(first + int(edge), (bool(off[edge]),)) for edge in edges]
