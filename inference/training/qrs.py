"""Make the weights of the QRS detector's network: `python -m inference.training.qrs DATA`.

Patients: mitdb DS1 and every second svdb patient, less those held out from all training. Each is
streamed as it is, three times with noise of nstdb or made up (118 and 119 stay clean, lead 0 of `em`
is never used: the noise stress test needs them unseen) and once faster or slower. What the detector sees of a
candidate depends on what it decided before, so the candidates are collected with the detector
running, and in all rounds but the last some of its decisions are forced wrong, one by one and in
spells of seconds: the network sees the states from which it must recover. Three networks from
different seeds are averaged into one. Constants were chosen by two-fold cross-validation over
these patients.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from tqdm import tqdm

from ecg.types import RATE
from inference.evaluation.records import DS1
from inference.training import qrs_fit, qrs_noise
from inference.training.records import HELD_OUT, Record, read
from stream.engine import clean
from stream.engine.detect import room as detect
from stream.engine.detect import score

Floats = npt.NDArray[np.float32]

UNITS: Final = 16
SEEDS: Final = (1, 2, 3)
ROUNDS: Final = 3
DOUBT: Final = 0.6
"""Added to the logit: a missed beat weighs more than a false one."""

COPIES, NOISY = 3, 0.5
"""Noisy copies of a patient, and the weight of each: fewer and lighter ones find less in noise, and
what is clean is found as well with these."""

_SKIPPED: Final = 5 * RATE
"""The detector is still learning."""

_STRETCHED: Final = "108"
"""Left out from the slowed copies: its P waves, as large as its QRS, would precede them by 0.3 s,
which no look-ahead of 0.23 s can tell."""


class Stream(NamedTuple):
    """One way of seeing one patient: grid samples, and the label and weight of every candidate."""

    signal: Floats
    labels: npt.NDArray[np.int8]
    weight: float


@njit  # type: ignore[untyped-decorator]  # no cache: numba would not notice a change in the room
def _run(
    s: Any,
    y: np.ndarray,
    forced: np.ndarray,
    weights: np.ndarray,
    hidden: int,
    places: np.ndarray,
    sizes: np.ndarray,
    inputs: np.ndarray,
    logits: np.ndarray,
) -> int:
    n = 0
    for i in range(len(y)):
        if detect.due(s, y[i]):
            logit = score.judge(s, weights, hidden)
            accept = logit >= 0.0
            if forced[i] == 1:
                accept = not accept
            elif forced[i] > 1:
                accept = forced[i] == 3
            places[n] = s.base + 2 * s.place[0]
            sizes[n] = s.size[0]
            inputs[n] = s.f
            logits[n] = logit
            n += 1
            detect.settle(s, accept, logit)
    return n


def stream(
    y: Floats, weights: Floats, forced: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.int64], Floats, Floats, Floats]:
    """Places, sizes, inputs and logits of every candidate of `y`."""
    most = len(y) // 10
    places, sizes = np.zeros(most, np.int64), np.zeros(most, np.float32)
    inputs = np.zeros((most, score.FEATURES), np.float32)
    logits = np.zeros(most, np.float32)
    state = np.zeros(1, detect.STATE)[0]
    detect.init(state)
    hidden = (len(weights) - 1) // (score.FEATURES + 2)
    n = _run(state, y, forced, weights, hidden, places, sizes, inputs, logits)
    return places[:n], sizes[:n], inputs[:n], logits[:n]


@njit  # type: ignore[untyped-decorator]
def _resample(s: Any, x: np.ndarray, y: np.ndarray) -> int:
    buffer = np.zeros(3, np.float32)
    n = 0
    for i in range(len(x)):
        for k in range(clean.push(s, x[i], buffer)):
            y[n] = buffer[k]
            n += 1
    return n


def grid(x: npt.NDArray[np.floating], rate: float) -> Floats:
    """`x` in microvolts through the room `clean`."""
    state = np.zeros(1, clean.STATE)[0]
    clean.init(state, rate)
    y = np.zeros(int(len(x) * RATE / rate) + 3, np.float32)
    return y[: _resample(state, x.astype(np.float32), y)]


def label(
    places: npt.NDArray[np.int64], sizes: Floats, beats: npt.NDArray[np.floating]
) -> npt.NDArray[np.int8]:
    """1 for the largest candidate within 120 ms of a beat and its equals within 90 ms, else 0."""
    labels = np.zeros(len(places), np.int8)
    low, high = np.searchsorted(places, [beats - 0.12 * RATE, beats + 0.12 * RATE])
    for beat, i, j in zip(beats, low, high, strict=True):
        if i < j:
            largest = sizes[i:j].max()
            near = np.abs(places[i:j] - beat) < 0.09 * RATE
            equal = near & (sizes[i:j] > largest / np.e)
            labels[i:j][equal | (sizes[i:j] == largest)] = 1
    labels[places < _SKIPPED] = -1
    return labels


def views(record: Record, noises: Sequence[qrs_noise.Noise], seed: int) -> list[Stream]:
    """The patient as recorded, noisy COPIES times and at another speed."""
    rng = np.random.default_rng(seed)
    y = grid(record.signal, record.rate)
    beats = record.truth.samples / record.rate * RATE
    plain = [(y, 1.0, 1.0)]
    if record.name not in {"118", "119"}:
        plain += [(qrs_noise.spoil(y, beats, noises, rng), 1.0, NOISY) for _ in range(COPIES)]
        speed = float(rng.choice([rng.uniform(0.7, 0.9), rng.uniform(1.1, 1.45)]))
        if record.name != _STRETCHED:
            plain.append((qrs_noise.warp(y, speed, rng), speed, 0.5))
    return [_view(record, signal, beats, speed, w) for signal, speed, w in plain]


def _view(
    record: Record, y: Floats, beats: npt.NDArray[np.floating], speed: float, weight: float
) -> Stream:
    places, sizes, _, _ = stream(y, qrs_fit.rule(), np.zeros(len(y), np.uint8))
    labels = label(places, sizes, beats / speed)
    for margin in (-1.0, 0.0, 1.0):
        at = (places * speed / RATE + margin) * record.rate
        labels[record.truth.fibrillation.contain(at.astype(np.int64))] = -1
    return Stream(y, labels, weight)


def collect(
    streams: Sequence[Stream], weights: Floats, rng: np.random.Generator, *, explore: bool
) -> tuple[Floats, Floats, Floats]:
    """Inputs, labels and sample weights of all candidates that the network must judge."""
    parts = []
    for one in streams:
        size = len(one.signal)
        forced = qrs_noise.force(size, rng) if explore else np.zeros(size, np.uint8)
        _, _, inputs, logits = stream(one.signal, weights, forced)
        asked = (one.labels >= 0) & (logits != score.NEVER)
        easy = np.where(one.labels == 1, logits > 6, logits < -6) & (len(weights) > 100)
        kept = asked & (~easy | (rng.random(len(asked)) < 1 / 8))
        share = np.where(easy, 8.0, 1.0) * one.weight
        parts.append((inputs[kept], one.labels[kept].astype(np.float32), share[kept]))
    x, y, w = (np.concatenate(part) for part in zip(*parts, strict=True))
    return x, y, w.astype(np.float32)


def train(streams: Sequence[Stream], seed: int) -> Floats:
    """One network: each round collects with the network of the round before."""
    weights = qrs_fit.rule()
    pool: list[tuple[Floats, Floats, Floats]] = []
    for turn in tqdm(range(ROUNDS), desc=f"seed {seed}"):
        rng = np.random.default_rng(100 * seed + turn)
        pool.append(collect(streams, weights, rng, explore=turn < ROUNDS - 1))
        x, y, w = (np.concatenate(part) for part in zip(*pool, strict=True))
        weights = qrs_fit.fit(x, y, w, UNITS, rng)
    return weights


def paths(data: Path) -> list[Path]:
    """Records of the patients that train the detector."""
    names = sorted(path.stem for path in (data / "svdb").glob("*.hea"))[::2]
    svdb = [data / "svdb" / name for name in names if name not in HELD_OUT]
    return [data / "mitdb" / name for name in DS1] + svdb


def main() -> None:
    """Train and write `stream/engine/detect/weights.py`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with mitdb, svdb and nstdb")
    parser.add_argument("--output", type=Path, default=Path(score.__file__).parent)
    args = parser.parse_args()
    noises = qrs_noise.load(args.data / "nstdb", grid)
    streams: list[Stream] = []
    for seed, path in enumerate(tqdm(paths(args.data), desc="records")):
        streams += views(read(path), noises, seed)
    mean = qrs_fit.merge([train(streams, seed) for seed in SEEDS], UNITS, DOUBT)
    qrs_fit.write(mean, args.output / "weights.py")


if __name__ == "__main__":
    main()
