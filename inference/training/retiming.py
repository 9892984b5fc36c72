"""A patient's own beats in another rhythm: QRS and T of one beat after the other, P waves to order.

Records with sustained supraventricular rhythms or AF are few, and a model learns those patients by
heart. Here every patient gets them, shapes and noise unchanged, so only the rhythm tells the class.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from inference.evaluation.annotations import Beats, spans
from inference.training.records import Record

ONSET: Final = (0.06, 0.06, 0.10)
"""Seconds from the beginning of the QRS complex to R, of N, S and V."""
WAVE: Final = 0.26
"""Seconds before R at which the P wave begins, or this share (below) of a shorter RR."""
WAVE_SHARE: Final = 0.45
FORGET: Final = 1.5
"""Time constant (s) with which the level steps of the joints die away."""
LULL: Final = 0.12
"""Seconds before the P wave that are played to and fro where the new RR is longer."""
LEAD_IN: Final = 1.0
"""Seconds before the first beat."""

Signal = npt.NDArray[np.float64]


class Turn(NamedTuple):
    """One beat of the new rhythm.

    Index of the source beat, RR to it (s), its new class, size of its P wave over the source's own,
    and how much earlier (s) that lies.
    """

    source: int
    rr: float
    label: int
    wave: float = 1.0
    shift: float = 0.0


def retime(record: Record, turns: Sequence[Turn]) -> Record:
    """The record with its beats in the order and at the times of `turns` (two at least)."""
    rate = record.rate
    total = LEAD_IN + sum(turn.rr for turn in turns)
    out = np.zeros(int(total * rate) + len(turns))
    at, level = int(LEAD_IN * rate), 0.0
    samples = []
    for turn, after in pairwise(turns):
        start, stop = at - _onset(record, turn), at + int(after.rr * rate) - _onset(record, after)
        piece = _piece(record, turn, stop - start)
        fade = np.exp(-np.arange(len(piece)) / (FORGET * rate))
        out[start:stop] = piece + (level - piece[0]) * fade
        level = out[stop - 1]
        _add_wave(record, after, out, (at + int(0.1 * rate), stop))
        samples.append(at)
        at += int(after.rr * rate)
    labels = np.array([turn.label for turn in turns[:-1]], np.int8)
    truth = Beats(np.array(samples, np.int64), labels, spans([]), spans([]))
    return Record(record.name, rate, out[:stop], truth)


def fibrillate(record: Record, size: float, rng: np.random.Generator) -> Record:
    """The record with fibrillatory waves of about `size` uV at 4.5 to 8.5 Hz added."""
    count = len(record.signal)
    second, two = (np.arange(0, count, max(int(s * record.rate), 1)) for s in (1, 2))
    t = np.arange(count)
    frequency = rng.uniform(4.5, 8.5) + 0.5 * np.interp(t, second, rng.normal(size=len(second)))
    height = size * (1 + 0.4 * np.interp(t, two, rng.normal(size=len(two))))
    phase = np.cumsum(2 * np.pi * frequency / record.rate)
    waves = height * (np.sin(phase) + 0.35 * np.sin(2 * phase + 1))
    return record._replace(signal=record.signal + waves)


def _onset(record: Record, turn: Turn) -> int:
    """Samples from the beginning of the QRS complex to R."""
    return int(ONSET[min(int(record.truth.classes[turn.source]), 2)] * record.rate)


def _wave_start(record: Record, beat: int) -> int:
    """Sample at which the P wave of a beat (not the first) begins."""
    r = record.truth.samples
    return int(r[beat] - min(WAVE * record.rate, WAVE_SHARE * (r[beat] - r[beat - 1])))


def _piece(record: Record, turn: Turn, length: int) -> Signal:
    """QRS and T of the source beat, cut or lengthened to `length` samples."""
    onset = _onset(record, turn)
    start = int(record.truth.samples[turn.source]) - onset
    stop = max(_wave_start(record, turn.source + 1), start + onset + int(0.15 * record.rate))
    piece = record.signal[start:stop]
    if len(piece) < length:
        lull = piece[-min(int(LULL * record.rate), len(piece) - 2) :]
        both = np.concatenate([lull[::-1], lull])
        piece = np.concatenate([piece, np.resize(both, length - len(piece))])
    return piece[:length]


def _add_wave(record: Record, turn: Turn, out: Signal, span: tuple[int, int]) -> None:
    """Add the P wave of the source beat, its ends at zero, before the end of `span`."""
    onset = int(record.truth.samples[turn.source]) - _onset(record, turn)
    wave = record.signal[_wave_start(record, turn.source) : onset]
    count = len(wave)
    if turn.wave == 0.0 or count <= 8:
        return
    edge = max(2, count // 10)
    ends = [wave[:edge].mean(), wave[-edge:].mean()]
    t = np.arange(count)
    shape = wave - np.interp(t, [0, count - 1], ends)
    shape *= np.minimum(1.0, np.minimum(t, t[::-1]) / edge)
    start = max(span[1] - count - int(turn.shift * record.rate), span[0])
    stop = min(start + count, span[1])
    if stop > start:
        out[start:stop] += turn.wave * shape[: stop - start]
