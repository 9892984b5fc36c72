"""A synthetic ECG: the dynamical model of McSharry et al., with ectopic beats, VF and noise.

The model (McSharry PE, Clifford GD, Tarassenko L, Smith LA: A dynamical model for generating
synthetic electrocardiogram signals, IEEE Trans Biomed Eng 50:289-294, 2003) moves a point round a
unit circle, once a beat, and lets each wave i pull its height z up or down while the point passes
the wave's angle. Two changes: the point is on its circle from the start (the polar form of Sameni R
et al., EURASIP J Adv Signal Process 2007:043407, in which amplitudes are millivolts),
and angles are kept as times from the R peak, so that RR intervals are met exactly however they
alternate. P and T move with the square root of RR (Bazett), the QRS complex does not.

For demonstration and for tests of mechanism. It says nothing about the accuracy of a detector, a
classifier or an alarm: that is what annotated records are for.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Floats = NDArray[np.float64]

RELAXATION_SECONDS: Final = 1.0
"""Time constant of z towards its baseline: 1 in the paper's equation."""

RESPIRATION_HZ: Final = 0.25
BASELINE_MV: Final = 0.05
"""Baseline wander by respiration; the paper has 0.15 mV, a monitor's high-pass leaves a third."""

REACH_SECONDS: Final = 0.9
"""Beats whose R is farther away than this add nothing: a T wave ends 0.7 s after its R."""


class Waves(NamedTuple):
    """Waves P, Q, R, S, T of a beat at 60 /min: height in mV, centre and width (σ) in seconds."""

    height: Floats
    centre: Floats
    width: Floats
    stretches: NDArray[np.bool_]


def _waves(
    height: Sequence[float], angle: Sequence[float], width: Sequence[float], stretch: str
) -> Waves:
    """Angles and widths in radians of a beat of 1 s, as the paper gives them."""
    turn = 2 * math.pi
    return Waves(
        np.array(height),
        np.array(angle) / turn,
        np.array(width) / turn,
        np.array([flag == "1" for flag in stretch]),
    )


_PI: Final = math.pi
_ANGLES: Final = (-_PI / 3, -_PI / 12, 0.0, _PI / 12, _PI / 2)
_WIDTHS: Final = (0.25, 0.1, 0.1, 0.1, 0.4)

WAVES: Final = {
    # Table I of the paper; heights are its a·b², which is what the model makes of them, scaled to
    # an R of 1.2 mV; P and T halved, since the paper's are tall for lead II.
    "N": _waves((0.15, -0.20, 1.2, -0.30, 0.24), _ANGLES, _WIDTHS, "10001"),
    # Atrial fibrillation: the same without P.
    "A": _waves((0.0, -0.20, 1.2, -0.30, 0.24), _ANGLES, _WIDTHS, "10001"),
    # A ventricular beat: no P, an R of 0.08 s at half height, a late S, T against the QRS.
    "V": _waves(
        (0.0, 0.0, 1.6, -0.60, -0.35), (-1.0, -0.3, 0.0, 0.50, 1.75), (0.2, 0.2, 0.22, 0.16, 0.35),
        "00001",
    ),
}  # fmt: skip
"""Waves by kind of beat."""


class Beat(NamedTuple):
    """A beat to draw: R at `time` seconds, `rr` seconds after the one before, `kind` of `WAVES`."""

    time: float
    rr: float
    kind: str


class Heart:
    """z of the model, integrated from one stretch to the next (Runge-Kutta, fourth order).

    Args:
        rate: samples (and steps) a second.
        phase: of the respiration, radians.
    """

    def __init__(self, rate: float, phase: float = 0.0) -> None:
        self._rate = rate
        self._phase = phase
        step = 1.0 / (rate * RELAXATION_SECONDS)
        # One step of the fourth order of z' = -z is this polynomial.
        self._decay = 1 - step + step**2 / 2 - step**3 / 6 + step**4 / 24
        self._z = np.zeros(1)

    def advance(self, first: int, count: int, beats: Sequence[Beat]) -> Floats:
        """Millivolts of samples `first` to `first + count`; stretches must follow one another."""
        step = 1.0 / self._rate
        half_steps = np.asarray((2 * first + np.arange(2 * count + 1)) * (step / 2), np.float64)
        force = self._force(half_steps, beats)
        increments = _runge_kutta(force, step)
        after, _ = lfilter([1.0], [1.0, -self._decay], increments, zi=self._decay * self._z)
        z = np.concatenate((self._z, after))
        self._z = z[-1:]
        return np.asarray(z[:-1], np.float64)

    def _force(self, times: Floats, beats: Sequence[Beat]) -> Floats:
        """What drives z: the waves' pull, and the baseline that it relaxes to."""
        baseline = BASELINE_MV * np.sin(2 * math.pi * RESPIRATION_HZ * times + self._phase)
        force = baseline / RELAXATION_SECONDS
        for beat in beats:
            waves, stretch = WAVES[beat.kind], math.sqrt(min(max(beat.rr, 0.3), 1.5))
            scale = np.where(waves.stretches, stretch, 1.0)
            width = waves.width * scale
            away = times[:, None] - beat.time - waves.centre * scale
            slope = away / width**2
            force -= (waves.height * slope * np.exp(-0.5 * slope * away)).sum(axis=1)
        return np.asarray(force, np.float64)


def _runge_kutta(force: Floats, step: float) -> Floats:
    """What each step of z' = force - z / τ adds to the decayed z; force at half steps."""
    begin, middle, end = force[:-1:2], force[1::2], force[2::2]
    k1 = begin
    k2 = middle - step / 2 * k1 / RELAXATION_SECONDS
    k3 = middle - step / 2 * k2 / RELAXATION_SECONDS
    k4 = end - step * k3 / RELAXATION_SECONDS
    return np.asarray(step / 6 * (k1 + 2 * k2 + 2 * k3 + k4), np.float64)


class Drift(NamedTuple):
    """Sinusoids whose frequencies wander: each is amplitude, Hz, wander in Hz, its Hz, two phases."""

    amplitude: Floats
    frequency: Floats
    wander: Floats
    pace: Floats
    phase: Floats
    start: Floats

    def at(self, times: Floats) -> Floats:
        """The sum at `times`, in the unit of the amplitudes."""
        t = times[:, None]
        swing = self.wander / self.pace * np.cos(2 * math.pi * self.pace * t + self.start)
        angle = 2 * math.pi * self.frequency * t - swing + self.phase
        return np.asarray((self.amplitude * np.sin(angle)).sum(axis=1), np.float64)


def fibrillation(dice: np.random.Generator, height: float = 0.45) -> Drift:
    """Ventricular fibrillation: five components of 3-7 Hz whose frequencies wander by 0.3-0.8 Hz.

    Early VF is a narrow band around one dominant frequency that drifts; its amplitude waxes and
    wanes, here by the beating of the components.
    """
    return Drift(
        amplitude=height * np.array([1.0, 0.55, 0.45, 0.35, 0.25]),
        frequency=dice.uniform(4.3, 5.7) + np.array([0.0, -0.9, 0.8, -1.6, 1.7]),
        wander=dice.uniform(0.3, 0.8, 5),
        pace=dice.uniform(0.1, 0.4, 5),
        phase=dice.uniform(0, 2 * math.pi, 5),
        start=dice.uniform(0, 2 * math.pi, 5),
    )


def atrial_waves(dice: np.random.Generator) -> Drift:
    """The f waves of atrial fibrillation: 6-7 Hz with two harmonics (Stridh & Sörnmo 2001)."""
    base = dice.uniform(6.0, 7.0)
    return Drift(
        amplitude=np.array([0.05, 0.02, 0.01]),
        frequency=base * np.array([1.0, 2.0, 3.0]),
        wander=0.3 * np.array([1.0, 2.0, 3.0]),
        pace=np.full(3, 0.15),
        phase=dice.uniform(0, 2 * math.pi, 3),
        start=np.full(3, dice.uniform(0, 2 * math.pi)),
    )


class Noise:
    """Coloured noise: white, plus white through a one-pole low-pass (a random walk with a leash).

    Args:
        white_mv: standard deviation of the white part.
        walk_mv: standard deviation of the slow part.
        rate: samples a second.
        corner_hz: corner of the low-pass.
    """

    def __init__(self, white_mv: float, walk_mv: float, rate: float, corner_hz: float) -> None:
        self._white = white_mv
        self._pole = math.exp(-2 * math.pi * corner_hz / rate)
        self._gain = walk_mv * math.sqrt(1 - self._pole**2)
        self._state = np.zeros(1)

    def draw(self, dice: np.random.Generator, count: int) -> Floats:
        """The next `count` samples, in mV."""
        shocks = dice.standard_normal(count) * self._gain
        walk, self._state = lfilter([1.0], [1.0, -self._pole], shocks, zi=self._state)
        return np.asarray(walk + dice.standard_normal(count) * self._white, np.float64)
