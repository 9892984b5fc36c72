"""Cost of the engine per patient, model included: the bank with 100, 1,000 and 10,000 patients.

    python benchmarks/engine.py [--block 1.0] [--plot docs/engine.svg]

Real records of mitdb, resampled to 250 Hz, each patient at a place of its own in one of them, blocks
staggered as devices send them. The figure is CPU time of this process per second of stream: one
core analyses one second of stream of a thousand patients in `core` seconds.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from stream.version import keep_compiled_kernels

keep_compiled_kernels()  # before the rooms are imported
from client.records import open_record
from ecg.messages import Block
from ecg.types import Lead
from inference import bundle
from inference.classifier import BeatClassifier
from stream.engine.pipeline import Pipeline

RATE = 250
RECORDS = ("100", "105", "119", "200", "203", "208", "212", "214", "222", "233")
PATIENTS = (10, 100, 1000, 10_000)
UV = 5.0


def signals(data: Path) -> list[np.ndarray]:
    """Ten records as int16 at 250 Hz, 5 µV a unit."""
    found = []
    for name in RECORDS:
        record = open_record(data / "mitdb" / name, [0])
        microvolts = record.samples[:, 0] * record.uv_per_lsb[0]
        found.append(np.round(resample_poly(microvolts, 25, 36) / UV).astype("<i2"))
    return found


def ticks(sources: list[np.ndarray], patients: int, block: float, seconds: int) -> Iterator[list]:
    """What arrives in each 100 ms: one block of every patient whose turn it is."""
    size = round(block * RATE)
    every = max(1, round(block * 10))
    rng = np.random.default_rng(1)
    starts = rng.integers(0, 300_000, patients)
    for tick in range(seconds * 10):
        blocks = []
        for k in range(tick % every, patients, every):
            n = tick // every
            at = starts[k] + n * size
            payload = sources[k % len(sources)][at : at + size].tobytes()
            made = Block(
                patient=f"p{k}",
                session="s",
                seq=n,
                first=n * size,
                rate=RATE,
                leads=(Lead.MLII,),
                uv_per_lsb=(UV,),
                payload=payload,
            )
            blocks.append((made, tick / 10))
        yield blocks


def measure(sources: list[np.ndarray], patients: int, block: float) -> tuple[float, int]:
    """CPU seconds per second of stream, and beats found; the first 12 s of stream are a warm-up."""
    pipeline = Pipeline(BeatClassifier(bundle.load()))
    timed = max(10, min(60, 100_000 // patients))
    spent, beats = 0.0, 0
    for tick, blocks in enumerate(ticks(sources, patients, block, 12 + timed)):
        begin = time.process_time()
        outcomes = pipeline.push(blocks)
        if tick >= 120:
            spent += time.process_time() - begin
            beats += sum(type(o).__name__ == "Beat" for o in outcomes)
    return spent / timed, beats


def main() -> None:
    """Print a table, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--block", type=float, default=1.0, help="seconds of a block (default 1)")
    parser.add_argument("--plot", type=Path, help="write an SVG")
    args = parser.parse_args()
    sources = signals(Path(os.environ.get("BEATWIRE_DATA", "data")))
    measure(sources, 10, args.block)  # compiled from here on
    rows = []
    print(f"blocks of {args.block} s\n\n| patients | core | ms per patient-second | beats |")
    print("| ---: | ---: | ---: | ---: |")
    for patients in PATIENTS:
        core, beats = measure(sources, patients, args.block)
        rows.append((patients, 1000 * core / patients))
        print(f"| {patients} | {100 * core:.1f} % | {rows[-1][1]:.3f} | {beats} |", flush=True)
    if args.plot:
        args.plot.write_text(plot(rows), encoding="utf-8")


def plot(rows: list[tuple[int, float]]) -> str:
    """Cost per patient against the number of patients, as a small SVG."""
    top = 1.2 * max(cost for _, cost in rows)
    points = [(60 + 120 * (np.log10(n) - 1), 180 - 150 * cost / top) for n, cost in rows]
    line = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
    labels = "".join(
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3"/><text x="{x:.0f}" y="{y - 9:.0f}">{cost:.3f}</text>'
        f'<text x="{x:.0f}" y="198">{n:,}</text>'
        for (x, y), (n, cost) in zip(points, rows, strict=True)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 230" font-family="sans-serif" '
        'font-size="11" text-anchor="middle"><rect width="480" height="230" fill="#fff"/>'
        '<text x="240" y="16">CPU per patient and second of stream (ms), model included</text>'
        '<path d="M40 180H450" stroke="#999"/>'
        f'<polyline points="{line}" fill="none" stroke="#06c" stroke-width="2"/>{labels}'
        '<text x="240" y="220">patients</text></svg>\n'
    )


if __name__ == "__main__":
    main()
