"""Room `quality`: what may be believed of the signal: is it valid, noisy, flat?

- `valid` 0: the signal is held where no heart puts it (an amplifier at its rail, an electrode
  that came off) or swings beyond any heart. It is regained after 2 s of moving signal. A flat
  line that follows a clean signal is valid: with the lead on, it is asystole.
- `noisy` 1: beats cannot be told from noise reliably; only lethal detection goes on. A
  logistic rule weighs three signs over the last 4 s, each relative to the QRS: how high the
  QRS band (8 to 20 Hz) stays between beats (its median), bursts above 35 Hz (muscle, hum), and
  slow swings below 3 Hz (movement). Fitted on noise of nstdb mixed into mitdb DS1 (em at 6 dB
  and below, ma at 0 dB and below) and on noisy against other recordings of cinc2017, the
  even-numbered ones. A QRS is taken to have at least FLOOR, so that silence is not noise. What
  comes with every beat is none either, however much of these bands it fills (`repeats`).
- `flat` 1: less than FLAT of movement for 1.5 s.
- `silence`: may a stretch without beats be called silent? QUIET; LOUD while the last 4 s hold
  movement in the QRS band that comes near the patient's own QRS, whoever made it; BLOCKED while
  a large smooth swing shows an amplifier that is coming back from its rail, beats or not.
- `quality` 0 … 1, for display only.
"""

from math import exp, log, pi, sqrt, tan
from typing import Any, Final

import numba as nb
import numpy as np

from ecg.types import HOP, RATE
from stream.engine.quality.repeats import pass_hop, repeats
from stream.engine.quality.still import (
    BLOCKS,
    FLOOR,
    QUIET,
    RAIL,
    UNIT,
    follow_level,
    judge_silence,
    learn_own,
    towers,
)

EVERY: Final = 5
"""Hops between two judgements of noise: 0.5 s is fine for what lasts seconds."""

BIAS: Final = 4.66
BETWEEN: Final = 2.51
BURST: Final = 0.33
SWING: Final = 1.43
"""Weights of the log odds of noise, see above."""

ENTER: Final = 1.5
ENTER_AFTER: Final = 2
LEAVE: Final = 1.0
LEAVE_AFTER: Final = 4
"""Log odds and judgements in a row: noise begins after 1 s above ENTER (1 % of mitdb, which
has noise of its own), ends after 2 s below LEAVE."""

REPEATED: Final = 0.0
"""Most log odds of noise in a signal that repeats itself."""

TOWERING: Final = 3.0
"""Least log odds of noise in one that does not, and stands far above the patient's QRS."""

HELD: Final = 2.0
"""Microvolts within which a signal counts as held: even a shorted input moves more."""

HELD_FOR: Final = 37
"""Samples (150 ms) until a held signal is no clipped QRS."""

GROSS: Final = 8000.0
"""Deflection in uV beyond any ECG on the skin; a pacemaker's spike is too short to count."""

BAD: Final = 4
BAD_LIMIT: Final = 100 * BAD
BAD_MOST: Final = 2 * RATE
"""A bad sample counts four up to 500, a good one takes one away: invalid after 0.4 s of bad
samples, valid again after 2 s of good ones."""

FLAT: Final = 50.0
FLAT_HOPS: Final = 15
"""Movement in uV within a hop, and hops in a row below it."""

_W1: Final = tan(pi * 8.0 / RATE)
_W2: Final = tan(pi * 20.0 / RATE)
_BN: Final = 1.0 / (1.0 + _W2 - _W1 + _W1 * _W2)
_BB: Final = (_W2 - _W1) * _BN
_BA1: Final = 2.0 * (_W1 * _W2 - 1.0) * _BN
_BA2: Final = (1.0 - _W2 + _W1 + _W1 * _W2) * _BN
_HK: Final = tan(pi * 35.0 / RATE)
_HB: Final = 1.0 / (1.0 + sqrt(2.0) * _HK + _HK * _HK)
_HA1: Final = 2.0 * (_HK * _HK - 1.0) * _HB
_HA2: Final = (1.0 - sqrt(2.0) * _HK + _HK * _HK) * _HB
_LK: Final = tan(pi * 3.0 / RATE)
_LB: Final = _LK / (1.0 + _LK)
_LA1: Final = (_LK - 1.0) / (_LK + 1.0)
# Butterworth filters by bilinear transform: band 8-20 Hz (order 1), above 35 (2), below 3 (1).

STATE: Final = np.dtype(
    [
        ("quality", "f4"),
        ("valid", "i1"),
        ("noisy", "i1"),
        ("flat", "i1"),
        ("turns", "i1"),  # judgements in a row that speak for a change of `noisy`
        ("silence", "i1"),
        ("begun", "i1"),  # 1 once `level` is known
        ("railed", "i1"),  # 1 while the signal stands still far from its usual level
        ("stood", "i1"),  # hops in a row without movement
        ("repeated", "i2"),  # beats that were like those before them, see `repeats`
        ("sure", "i2"),  # 1 once `own` was learned from beats that repeat
        ("unrepeated", "i4"),  # hops since the last beat
        ("held", "f4"),  # raw level being held
        ("off", "f4"),  # its distance from the baseline when the hold began
        ("run", "i2"),  # samples held
        ("over", "i2"),  # samples in a row beyond GROSS
        ("bad", "i2"),  # leaky count of bad samples
        ("still", "i2"),  # flat hops in a row
        ("phase", "i2"),  # samples into the hop
        ("hop", "i2"),  # hops modulo BLOCKS: place in the rings
        ("low", "f4"),  # extremes within the hop
        ("high", "f4"),
        ("raw_low", "f4"),
        ("raw_high", "f4"),
        ("own", "f4"),  # the patient's QRS level in the band, 0 until it is known
        ("sum", "f4", (3,)),  # of the bands' magnitudes within the hop
        ("b", "f8", (2,)),  # memories of the filters, transposed direct form II
        ("h", "f8", (2,)),
        ("l", "f8"),
        ("level", "f8"),  # usual raw level
        ("ring", "i2", (3, BLOCKS)),  # mean magnitudes per hop in UNIT: QRS band, burst, swing
    ],
    align=True,
)
"""One patient's state; call `init` first. Sizes leave no padding, whose bytes nobody would copy."""


@nb.njit(cache=True)
def init(s: Any) -> None:
    """Forget everything, also after a gap: valid and clean until shown otherwise."""
    s.quality, s.valid, s.noisy, s.flat, s.turns = 1.0, 1, 0, 0, 0
    s.held, s.off, s.run, s.over, s.bad, s.still = 0.0, 0.0, 0, 0, 0, 0
    s.phase, s.hop, s.low, s.high, s.l = 0, 0, 0.0, 0.0, 0.0
    s.silence, s.begun, s.railed, s.stood = QUIET, 0, 0, 0
    s.repeated, s.unrepeated, s.sure = 0, 0, 0
    s.raw_low, s.raw_high, s.level, s.own = 0.0, 0.0, 0.0, 0.0
    s.sum[:] = 0.0
    s.b[:] = 0.0
    s.h[:] = 0.0
    s.ring[:, :] = 0


@nb.njit(cache=True)
def step(s: Any, raw: float, y: float) -> None:
    """Take one grid sample in microvolts, `raw` with and `y` without its baseline."""
    _watch_rails(s, raw, y)
    _filter(s, y)
    s.low = y if s.phase == 0 else min(s.low, y)
    s.high = y if s.phase == 0 else max(s.high, y)
    s.raw_low = raw if s.phase == 0 else min(s.raw_low, raw)
    s.raw_high = raw if s.phase == 0 else max(s.raw_high, raw)
    s.phase += 1
    if s.phase == HOP:
        s.phase = 0
        _end_hop(s)


@nb.njit(cache=True)
def _watch_rails(s: Any, raw: float, y: float) -> None:
    """Count samples held at a rail or beyond any heart, and decide `valid`."""
    if abs(raw - s.held) <= HELD:
        s.run = min(s.run + 1, HELD_FOR)
    else:
        s.held, s.off, s.run = raw, y, 0
    s.over = min(s.over + 1, 5) if abs(y) > GROSS else 0
    railed = s.run == HELD_FOR and abs(s.off) > RAIL
    if railed or s.over == 5 or s.railed == 1:
        s.bad = min(s.bad + BAD, BAD_MOST)
        if s.bad >= BAD_LIMIT:
            s.valid = 0
    elif s.bad > 0:
        s.bad -= 1
        if s.bad == 0:
            s.valid = 1


@nb.njit(cache=True)
def _filter(s: Any, y: float) -> None:
    """Add the magnitudes of the three bands to the hop's sums."""
    band = _BB * y + s.b[0]
    s.b[0] = s.b[1] - _BA1 * band
    s.b[1] = -_BB * y - _BA2 * band
    burst = _HB * y + s.h[0]
    s.h[0] = -2.0 * _HB * y - _HA1 * burst + s.h[1]
    s.h[1] = _HB * y - _HA2 * burst
    swing = _LB * y + s.l
    s.l = _LB * y - _LA1 * swing
    s.sum[0] += abs(band)
    s.sum[1] += abs(burst)
    s.sum[2] += abs(swing)


@nb.njit(cache=True)
def _end_hop(s: Any) -> None:
    """Keep the hop's means, decide `flat`, and every half second `noisy`."""
    for k in range(3):
        s.ring[k, s.hop] = int(min(s.sum[k] / (HOP * UNIT), 32000.0))
        s.sum[k] = 0.0
    s.hop = (s.hop + 1) % BLOCKS
    s.still = min(s.still + 1, FLAT_HOPS) if s.high - s.low < FLAT else 0
    s.flat = 1 if s.still == FLAT_HOPS else 0
    follow_level(s)
    judge_silence(s)
    pass_hop(s)
    _flush(s)
    if s.hop % EVERY == 0:
        _judge(s)


@nb.njit(cache=True)
def _flush(s: Any) -> None:
    """Stop filters that fade in silence: numbers near 1e-308 cost a hundred times the time."""
    for k in range(2):
        if abs(s.b[k]) < 1e-20:
            s.b[k] = 0.0
        if abs(s.h[k]) < 1e-20:
            s.h[k] = 0.0
    if abs(s.l) < 1e-20:
        s.l = 0.0


@nb.njit(cache=True)
def _judge(s: Any) -> None:
    """Weigh the window and turn `noisy` when it has spoken long enough."""
    z = _log_odds(s)
    s.quality = s.valid / (1.0 + exp(z))
    if s.noisy == 0:
        s.turns = s.turns + 1 if z > ENTER else 0
        if s.turns == ENTER_AFTER:
            s.noisy, s.turns = 1, 0
    else:
        s.turns = s.turns + 1 if z < LEAVE else 0
        if s.turns == LEAVE_AFTER:
            s.noisy, s.turns = 0, 0


@nb.njit(cache=True)
def _log_odds(s: Any) -> float:
    """Log odds of noise: levels relative to the QRS, the second largest of the band."""
    rows = np.empty((3, BLOCKS), np.int16)
    for k in range(3):
        _sort(s.ring[k], rows[k])
    top = UNIT * rows[0, BLOCKS - 2]
    known = repeats(s)
    learn_own(s, top, known)
    reference = log(max(top, FLOOR) + 1.0)
    between = log(UNIT * rows[0, BLOCKS // 2] + 1.0) - reference
    burst = log(UNIT * rows[1, BLOCKS - 4] + 1.0) - reference
    swing = log(UNIT * rows[2, BLOCKS - 4] + 1.0) - reference
    z = BIAS + BETWEEN * between + BURST * burst + SWING * swing
    if known:
        return min(z, REPEATED)
    return max(z, TOWERING) if towers(s, top) else z


@nb.njit(cache=True)
def _sort(values: Any, out: Any) -> None:
    """Copy ascending, by insertion: forty numbers, no allocation."""
    for i in range(BLOCKS):
        v = values[i]
        j = i
        while j > 0 and out[j - 1] > v:
            out[j] = out[j - 1]
            j -= 1
        out[j] = v
