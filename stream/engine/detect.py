"""Room `detect`: samples of the 250 Hz grid in, heart beats out (placeholder text)."""

from math import cos, exp, log, pi, sin
from typing import Any, Final

import numba as nb
import numpy as np

BANDS = 5
HALF = 12
_F = (5.0, 8.0, 14.0, 22.0, 38.0)
_K = (1.5, 2.0, 2.5, 3.0, 3.5)
CAP = 12
YR = 128
LOOK = 26  # half samples after a peak


def _table():
    c = np.zeros((BANDS, HALF + 1), np.float64)
    s = np.zeros((BANDS, HALF + 1), np.float64)
    halves = np.zeros(BANDS, np.int64)
    for b, (f, k) in enumerate(zip(_F, _K, strict=True)):
        sg = k / (2 * pi * f)
        h = min(HALF, int(2.8 * sg * 125))
        halves[b] = h
        t = np.arange(-h, h + 1) / 125.0
        g = np.exp(-(t**2) / (2 * sg * sg))
        co, si = g * np.cos(2 * pi * f * t), g * np.sin(2 * pi * f * t)
        co -= g * co.sum() / g.sum()
        gain = abs(np.sum((co + 1j * si) * np.exp(-2j * pi * f * t))) / 2
        gain *= np.cos(pi * f / 250) ** 4
        gain = gain
        c[b, : h + 1] = co[h:] / gain
        s[b, : h + 1] = si[h:] / gain
    return c.astype(np.float32), s.astype(np.float32), halves


_C, _S, _H = _table()
_W = np.array((0.036, 0.127, 0.398, 0.260, 0.041))
_KNOT = np.array((0.2, 0.5, 0.8, 1.0, 1.5, 2.5))
_THR = np.array((-1.41, -1.08, -1.38, -1.34, -1.24, -2.41))

STATE: Final = np.dtype(
    [
        ("n", "i8"),
        ("beat", "f8"),
        ("last", "i8"),  # half-sample of last beat
        ("m", "i8"),  # env index: number of half samples consumed in stretch
        ("base", "i8"),  # grid index of half sample 0 of the stretch
        ("since", "i8"),
        ("until", "i8"),
        ("beat_quality", "f4"),
        ("mean14", "f4"),
        ("noise", "f4"),
        ("signal", "f4"),
        ("polarity", "f4"),
        ("learned", "i4"),
        ("count", "i4"),
        ("ns", "i4"),
        ("nn", "i4"),
        ("nr", "i4"),
        ("rr", "f4"),
        ("y", "f4", (YR,)),
        ("x", "f4", (2 * HALF + 1,)),
        ("env", "f4", (16, BANDS)),
        ("mix", "f4", (3,)),
        ("s", "f4", (BANDS,)),
        ("q", "f4", (BANDS,)),
        ("top", "f4", (BANDS,)),
        ("hs", "f4", (6, BANDS)),
        ("hn", "f4", (7, BANDS)),
        ("hr", "f4", (6,)),
        ("pos", "i8", (CAP,)),
        ("size", "f4", (CAP,)),
        ("pk", "f4", (CAP, BANDS)),
    ],
    align=True,
)


@nb.njit(cache=True)
def init(s: Any) -> None:
    s.n = 0
    s.beat = -1e9
    s.learned = 0
    s.rr = 0.8
    s.hr[:] = 0.8
    s.polarity = 0
    restart(s, 0)


@nb.njit(cache=True)
def restart(s: Any, sample: int) -> None:
    s.n = sample
    s.m = 0
    s.base = sample
    s.count = 0
    s.y[:] = 0
    s.x[:] = 0
    s.env[:] = 0
    s.mix[:] = 0
    s.top[:] = 0
    s.mean14 = 0
    s.last = -125
    s.since = 0
    s.until = 375 if s.learned else 250


@nb.njit(cache=True)
def _rank(h: Any, b: int, size: int, rank: int) -> float:
    for i in range(size):
        v = h[i, b]
        above = 0
        for k in range(size):
            if h[k, b] > v or (h[k, b] == v and k < i):
                above += 1
        if above == rank:
            return v
    return 0.0


@nb.njit(cache=True)
def _median6(h: Any) -> float:
    lo = 0.0
    for i in range(6):
        above = 0
        for k in range(6):
            if h[k] > h[i] or (h[k] == h[i] and k < i):
                above += 1
        if above == 2 or above == 3:
            lo += 0.5 * h[i]
    return lo


@nb.njit(cache=True)
def _score(s: Any, c: int) -> float:
    r = 0.0
    for b in range(BANDS):
        r += _W[b] * (s.pk[c, b] - s.s[b])
    return r


@nb.njit(cache=True)
def _threshold(s: Any, dt: float) -> float:
    u = dt / s.rr
    if u <= _KNOT[0]:
        thr = _THR[0]
    elif u >= _KNOT[5]:
        thr = _THR[5]
    else:
        thr = _THR[0]
        for i in range(5):
            if _KNOT[i] <= u < _KNOT[i + 1]:
                thr = _THR[i] + (_THR[i + 1] - _THR[i]) * (u - _KNOT[i]) / (_KNOT[i + 1] - _KNOT[i])
    nt = 0.0
    for b in range(BANDS):
        nt += _W[b] * (s.q[b] - s.s[b])
    thr = max(thr, 0.49 * nt)
    if dt < 0.36:
        thr = max(thr, -0.604)
    return thr + 0.091 * max(0.0, log(s.mean14 + 1.0) - s.s[2] + 2.25)


@nb.njit(cache=True)
def _drop(s: Any) -> None:
    for i in range(1, s.count):
        s.pos[i - 1] = s.pos[i]
        s.size[i - 1] = s.size[i]
        for b in range(BANDS):
            s.pk[i - 1, b] = s.pk[i, b]
    s.count -= 1


@nb.njit(cache=True)
def _learn_noise(s: Any) -> None:
    i = s.nn % 7
    for b in range(BANDS):
        s.hn[i, b] = s.pk[0, b]
    s.nn += 1
    for b in range(BANDS):
        s.q[b] = _rank(s.hn, b, 7, 3)
    s.noise = exp(s.q[2])


@nb.njit(cache=True)
def _learn_beat(s: Any, dt: float) -> None:
    i = s.ns % 6
    for b in range(BANDS):
        s.hs[i, b] = s.pk[0, b]
    s.ns += 1
    for b in range(BANDS):
        s.s[b] = _rank(s.hs, b, 6, 2)
    s.signal = exp(s.s[2])
    if dt < 3.0:
        s.hr[s.nr % 6] = dt
        s.nr += 1
        s.rr = _median6(s.hr)


@nb.njit(cache=True)
def _seed(s: Any) -> None:
    for b in range(BANDS):
        top = log(0.7 * s.top[b] + 1.0)
        low = log(0.1 * s.top[b] + 1.0)
        s.s[b] = top
        s.q[b] = low
        for i in range(6):
            s.hs[i, b] = top
        for i in range(7):
            s.hn[i, b] = low
    s.learned = 1


@nb.njit(cache=True)
def _relearn(s: Any) -> None:
    """No beat for long: take the largest waves of the last window for beats, if they look so."""
    ok = s.top[2] > 30.0 and s.top[2] > 2.8 * s.mean14 and s.top[2] > 0.33 * s.top[0]
    if s.learned and ok:
        ok = log(s.top[3] / s.top[0]) > s.s[3] - s.s[0] - 0.7
    if ok:
        _seed(s)
    s.top[:] = 0
    s.until = s.m + 188


@nb.njit(cache=True)
def _fiducial(s: Any, pos: int) -> float:
    """Extremum near grid index pos."""
    best, at = 0.0, pos
    mean = 0.0
    for k in range(-35, 30):
        mean += s.y[(pos + k) % YR]
    mean /= 65
    for k in range(-24, 25):
        i = pos + k
        z = 0.5 * s.y[i % YR] + 0.25 * (s.y[(i - 1) % YR] + s.y[(i + 1) % YR]) - mean
        w = exp(-0.5 * (k / 15.0) ** 2)
        v = abs(z) * w
        if z * s.polarity > 0:
            v *= 1.3
        if v > best:
            best, at = v, i
    z = s.y[at % YR] - mean
    s.polarity += 0.2 * ((1.0 if z > 0 else -1.0) - s.polarity)
    a, b, c = s.y[(at - 1) % YR], s.y[at % YR], s.y[(at + 1) % YR]
    d = a - 2 * b + c
    off = 0.0
    if d != 0:
        off = min(0.5, max(-0.5, 0.5 * (a - c) / d))
    return max(at + off, pos - 12.0)


@nb.njit(cache=True)
def _decide(s: Any) -> bool:
    r = _score(s, 0)
    dt = (s.pos[0] - s.last) / 125.0
    ok = dt >= 0.2 and r >= _threshold(s, dt) and s.pk[0, 2] > log(30.0)
    for c in range(1, s.count):
        if s.pos[c] - s.pos[0] <= 30 and _score(s, c) > r + 0.015 and s.pos[c] + 4 <= s.m:
            ok = False
    if ok:
        at = _fiducial(s, s.base + 2 * s.pos[0])
        if at - s.beat < 50:
            ok = False
        else:
            s.beat = at
            s.beat_quality = 1.0
    if ok:
        _learn_beat(s, dt)
        s.last = s.pos[0]
        if r > -1.0:
            s.since = s.last + 75
            s.until = s.last + 375
            s.top[:] = 0
    else:
        _learn_noise(s)
    _drop(s)
    return ok


@nb.njit(cache=True)
def _envelope(s: Any, b: int) -> float:
    re = _C[b, 0] * s.x[HALF]
    im = nb.float32(0.0)
    for j in range(1, _H[b] + 1):
        u, v = s.x[HALF + j], s.x[HALF - j]
        re += _C[b, j] * (u + v)
        im += _S[b, j] * (u - v)
    return (re * re + im * im) ** 0.5


@nb.njit(cache=True)
def _peaks(s: Any, c: int) -> None:
    p = s.pos[c]
    for b in range(BANDS):
        top = nb.float32(0)
        for m in range(p - 4, p + 5):
            top = max(top, s.env[m % 16, b])
        s.pk[c, b] = log(top + 1.0)


@nb.njit(cache=True)
def _candidate(s: Any) -> None:
    if s.mix[1] > s.mix[0] and s.mix[1] >= s.mix[2] and s.mix[1] > 2:
        p = s.m - 1
        if s.count and p - s.pos[s.count - 1] <= 7:
            if s.mix[1] <= s.size[s.count - 1]:
                return
            s.count -= 1
        if s.count < CAP:
            s.pos[s.count] = p
            s.size[s.count] = s.mix[1]
            s.count += 1


@nb.njit(cache=True)
def _half(s: Any) -> bool:
    for i in range(2 * HALF):
        s.x[i] = s.x[i + 1]
    n = s.n
    s.x[2 * HALF] = (
        s.y[n % YR]
        + s.y[(n - 4) % YR]
        + 4 * (s.y[(n - 1) % YR] + s.y[(n - 3) % YR])
        + 6 * s.y[(n - 2) % YR]
    ) / 16
    s.m = (n - s.base - 2) // 2 - HALF
    e = s.env[s.m % 16]
    for b in range(BANDS):
        e[b] = _envelope(s, b)
        if s.m > s.since:
            s.top[b] = max(s.top[b], e[b])
    s.mean14 += (e[2] - s.mean14) * 0.0106
    s.mix[0] = s.mix[1]
    s.mix[1] = s.mix[2]
    s.mix[2] = 0.1 * e[0] + 0.5 * e[1] + e[2] + 0.6 * e[3]
    _candidate(s)
    if s.count and s.pos[s.count - 1] + 4 == s.m:
        _peaks(s, s.count - 1)
    if s.m >= s.until:
        _relearn(s)
    if s.count and s.m - s.pos[0] >= LOOK + 4:
        if s.learned == 0:
            _drop(s)
            return False
        return _decide(s)
    return False


@nb.njit(cache=True)
def step(s: Any, y: float) -> bool:
    s.y[s.n % YR] = y
    beat = False
    if (s.n - s.base) % 2 == 0:
        beat = _half(s)
    s.n += 1
    return beat
