"""Room `clean`: one raw device sample in, samples of the 250 Hz grid out, baseline removed.

Grid sample k is the signal at device index k·rate/250, so every later room is free of the
device's rate. Interpolation is a windowed sinc of at most 28 ms each side (this is the
room's whole delay); the high-pass is a second-order Butterworth at 0.5 Hz, which as a
minimum-phase filter delays a QRS by almost nothing (a linear-phase one would delay it over
a second). A stretch starts from its first sample's level, so that a constant offset of any
size gives no transient.
"""

from math import ceil, cos, factorial, floor, pi, sin, sqrt, tan
from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import RATE

SUPPORT: Final = 0.028
"""Half width of the interpolation kernel in seconds: the delay of the room."""

STOP: Final = 110.0
"""Cut-off in Hz for devices faster than the grid: leaves 15 Hz for the kernel's slope."""

CORNER: Final = 0.5
"""High-pass corner in Hz, the monitoring bandwidth's lower end."""

RING: Final = 64
"""Device samples kept: twice SUPPORT at 1000 Hz is 56."""

SPIKE: Final = 1000.0
"""A leap, in uV within LEAP seconds, that no QRS makes: 250 mV/s. IEC 60601-2-27 tests pulses of 2 mV
and more, of 0.1 to 2 ms; the first differences of the MIT-BIH records stay below 0.64 mV."""

LEAP: Final = 0.004
SPIKE_SECONDS: Final = 0.008
"""The longest spike: 2 ms, spread by the device's own filter. What lasts longer is no spike."""

SPIKE_RATE: Final = 200.0
"""Hz below which a spike of one sample cannot be told from the tip of a QRS."""

_K: Final = tan(pi * CORNER / RATE)
_NORM: Final = 1.0 / (1.0 + sqrt(2.0) * _K + _K * _K)
_B0: Final = _NORM
_A1: Final = 2.0 * (_K * _K - 1.0) * _NORM
_A2: Final = (1.0 - sqrt(2.0) * _K + _K * _K) * _NORM

_I0: Final = tuple(6.25**k / factorial(k) ** 2 for k in range(8))

STATE: Final = np.dtype(
    [
        ("rate", "f8"),  # device samples per second
        ("i", "i8"),  # device index of the next raw sample
        ("n", "i8"),  # index of the next grid sample to be produced
        ("z1", "f8"),  # high-pass memory, transposed direct form II
        ("z2", "f8"),
        ("half", "i4"),  # kernel half width in device samples; 0 at 250 Hz: exact pass-through
        ("warm", "i4"),  # 0 until the stretch has its first sample
        ("leap", "i4"),  # LEAP in device samples; 0: too slow to know spikes
        ("longest", "i4"),  # SPIKE_SECONDS in device samples
        ("held", "i4"),  # samples held in place of a spike so far; below 0: a step is passing
        ("level", "f4"),  # what they are held at
        ("ring", "f4", (RING,)),
    ],
    align=True,
)
"""One patient's state; bytes of zero become valid by `init`."""


@nb.njit(cache=True)
def init(s: Any, rate: float) -> None:
    """Start a session of a device with `rate` samples per second (125 to 1000)."""
    s.rate = rate
    s.half = 0 if rate == RATE else floor(SUPPORT * rate)
    s.leap = round(LEAP * rate) if rate >= SPIKE_RATE else 0
    s.longest = round(SPIKE_SECONDS * rate)
    restart(s, 0)


@nb.njit(cache=True)
def restart(s: Any, device_index: int) -> None:
    """Forget the signal; the next raw sample has index `device_index` (after a gap)."""
    s.i = device_index
    s.n = ceil(device_index * RATE / s.rate)
    if (s.n - 1) * s.rate / RATE >= device_index:  # the division above may round up past it
        s.n -= 1
    s.warm = 0
    s.held = 0


@nb.njit(cache=True)
def _settle(s: Any, x: float) -> None:
    """Make the past a constant `x`: both filters start at rest on it."""
    s.ring[:] = x
    s.z1 = -_B0 * x
    s.z2 = _B0 * x
    s.warm = 1


@nb.njit(cache=True)
def _window(v: float) -> float:
    """Kaiser window for β = 5 at 1 − v = (u/half)², unscaled: the power series of I0(5√v).

    β = 5 is the best of those tried for the 6 taps of a 125 Hz device: error < 1 % to 30 Hz.
    """
    w = _I0[7]
    for k in range(6, -1, -1):
        w = w * v + _I0[k]
    return w


@nb.njit(cache=True)
def _interpolate(s: Any, position: float) -> float:
    """Signal at device index `position`: Kaiser-windowed sinc, unit gain at zero frequency."""
    first = floor(position) - s.half + 1
    scale = min(1.0, 2.0 * STOP / s.rate) if s.rate > RATE else 1.0
    step = pi * scale
    angle = step * (first - position)
    # sin(angle) over equidistant taps by rotation: two trigonometric calls an output.
    si, co, dsi, dco = sin(angle), cos(angle), sin(step), cos(step)
    total, weights, inverse = 0.0, 0.0, 1.0 / (s.half * s.half)
    for k in range(2 * s.half):
        u = first + k - position
        a = step * u
        w = (si / a if abs(a) > 1e-9 else 1.0) * _window(1.0 - u * u * inverse)
        total += w * s.ring[(first + k) % RING]
        weights += w
        si, co = si * dco + co * dsi, co * dco - si * dsi
    return total / weights


@nb.njit(cache=True)
def _high_pass(s: Any, x: float) -> float:
    """One step of the 0.5 Hz Butterworth high-pass (bilinear transform)."""
    y: float = _B0 * x + s.z1
    s.z1 = -2.0 * _B0 * x - _A1 * y + s.z2
    s.z2 = _B0 * x - _A2 * y
    return y


@nb.njit(cache=True)
def _without_spike(s: Any, x: float) -> float:
    """The sample, or the level before a spike while it may be one; a step comes 8 ms late."""
    if s.held < 0:
        s.held += 1
        return x
    if s.held == 0:
        before = s.ring[(s.i - s.leap) % RING]
        if s.leap == 0 or abs(x - before) < SPIKE:
            return x
        s.level = before
    elif abs(x - s.level) < 0.5 * SPIKE:
        s.held = 0
        return x
    elif s.held == s.longest:
        s.held = -s.leap  # the leap is still within sight for so long
        return x
    s.held += 1
    return float(s.level)


@nb.njit(cache=True)
def push(s: Any, x: float, out: Any) -> int:
    """Take one raw sample `x` in microvolts; write the grid samples it completes to `out`.

    `out` is float32 of at least 3; returns how many were written (0 to 3). They are the grid
    samples `s.n - count` … `s.n - 1`. `x` must be finite: missing stretches are gaps.
    """
    if s.warm == 0:
        _settle(s, x)
    x = _without_spike(s, x)
    s.ring[s.i % RING] = x
    count = 0
    while count < 3:
        position = s.n * s.rate / RATE
        if floor(position) + s.half > s.i:
            break
        out[count] = _high_pass(s, x if s.half == 0 else _interpolate(s, position))
        s.n += 1
        count += 1
    s.i += 1
    return count
