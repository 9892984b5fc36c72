"""What the room `quality` says of a signal in which nothing beats: at a rail, or truly silent?

A flat line may be an arrest, so only what no heart does is held against it: standing still far
from the usual level, a large smooth swing (an amplifier that comes back from its rail), or
movement as strong as the patient's own QRS in its band (noise, or beats that were lost).
"""

from typing import Any, Final

import numba as nb

BLOCKS: Final = 40
"""Hops in the window: 4 s holds two beats of a heart at 30 a minute."""

UNIT: Final = 0.5
"""Microvolts per step of the rings: int16 then reaches 16 mV."""

FLOOR: Final = 25.0
"""Least level in uV of the QRS band in a QRS's tenth of a second: a QRS of about 0.15 mV."""

RAIL: Final = 2000.0
"""Distance in uV from the baseline at which nothing but a rail holds a signal. Generous: a
true flat line may come with a step of the baseline."""

RAIL_NOISE: Final = 30.0
"""Movement in uV within a hop of a converter at its rail: cinc2015 has rails with 20."""

STAND_HOPS: Final = 12
"""Hops in a row of it: 1.2 s, longer than the line between beats may be flat after a step."""

LEVEL_HOPS: Final = 50.0
"""Time constant in hops of the raw level that a rail is told by: 5 s."""

QUIET, LOUD, BLOCKED = 0, 1, 2

NEAR: Final = 0.35
"""Share of the patient's QRS level in the QRS band that a hop of silence does not reach; P waves
and the tremor of a lying patient stay below 0.2."""

UNSEEN: Final = 5
"""Newest hops that say nothing: a beat in them is not known to the rules yet."""

NEAR_HOPS: Final = 2
"""Hops in the window above it that make it LOUD: one may be the end of the last QRS."""

OWN_HOPS: Final = 12.0
"""Time constant in judgements of the patient's QRS level: 6 s."""

SHRUNK: Final = 0.3
"""What is below this share of that level is no QRS to learn from, what is above its reciprocal is noise unless it
comes with every beat."""

SMOOTH: Final = 500.0
"""Mean swing in uV within a hop that no resting patient's wander leaves behind the high-pass."""

SMOOTH_RATIO: Final = 10.0
"""Times the QRS band: a smaller ratio may hold beats."""


@nb.njit(cache=True)
def follow_level(s: Any) -> None:
    """Follow the raw level where the signal moves; what stands still far from it is at a rail."""
    middle = 0.5 * (s.raw_low + s.raw_high)
    moving = s.raw_high - s.raw_low > RAIL_NOISE
    if s.begun == 0:
        s.begun, s.level = 1, middle
    elif moving:
        s.level += (middle - s.level) / LEVEL_HOPS
    s.stood = 0 if moving else min(s.stood + 1, STAND_HOPS)
    s.railed = 1 if s.stood == STAND_HOPS and abs(middle - s.level) > RAIL else 0


@nb.njit(cache=True)
def judge_silence(s: Any) -> None:
    """Decide what a silence would be worth in this hop."""
    last = (s.hop - 1) % BLOCKS
    swing = UNIT * s.ring[2, last]
    if swing > SMOOTH and s.ring[2, last] > SMOOTH_RATIO * s.ring[0, last]:
        s.silence = BLOCKED
        return
    limit = NEAR * max(s.own, FLOOR) / UNIT
    near = 0
    for age in range(UNSEEN, BLOCKS):
        near += s.ring[0, (last - age) % BLOCKS] > limit
    s.silence = LOUD if near >= NEAR_HOPS else QUIET


@nb.njit(cache=True)
def learn_own(s: Any, top: float, repeats: bool) -> None:
    """Follow the level of the patient's QRS where beats repeat; what is higher elsewhere may be noise.

    Until beats have repeated for the first time it is followed wherever there is no noise.
    """
    if s.valid == 0 or top <= FLOOR:
        return
    if repeats:
        s.sure = 1
    like = s.noisy == 0 and top > SHRUNK * s.own and (s.sure == 0 or top < s.own)
    if s.own == 0.0 and like:
        s.own = top
    elif repeats or like:
        s.own += (top - s.own) / OWN_HOPS


@nb.njit(cache=True)
def towers(s: Any, top: float) -> bool:
    """Is the level of the QRS band far above that of the patient's QRS?"""
    return bool(s.sure == 1 and SHRUNK * top > s.own)
