"""A 24 h Holter as a file, in every format: seconds, times real time, and the process's peak memory.

    python benchmarks/upload.py [CSV EDF WFDB] [--hours 24]

Record 208 of mitdb again and again at 360 Hz, written as CSV (time and two leads), EDF and WFDB, each
analysed by a fresh process as the gateway starts it (`python -m stream.files`): from its start to the
result, reading and writing included; the engine is compiled before. It yields to every other process,
so on a busy machine only its CPU seconds tell what it costs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import edfio
import msgspec
import numpy as np
import wfdb

from client.records import Record, open_record
from stream.config import Settings
from stream.uploads import SOURCE, Order, Report

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("BEATWIRE_DATA", "data"))


def write_csv(folder: Path, record: Record, samples: np.ndarray) -> None:
    """Seconds and millivolts, as a recorder's software exports them."""
    with (folder / "holter.csv").open("w") as file:
        file.write("time [s],MLII [mV],V1 [mV]\n")
        step = 100_000
        for first in range(0, len(samples), step):
            part = samples[first : first + step] * record.uv_per_lsb[0] / 1e3
            times = np.arange(first, first + len(part)) / record.rate
            np.savetxt(file, np.column_stack((times, part)), fmt="%.4f", delimiter=",")


def write_edf(folder: Path, record: Record, samples: np.ndarray) -> None:
    """Two signals in microvolts."""
    whole = samples[: len(samples) // 360 * 360]
    signals = [
        edfio.EdfSignal.from_digital(
            np.ascontiguousarray(whole[:, k]),
            record.rate,
            label=f"ECG {record.labels[k]}",
            physical_dimension="uV",
            physical_range=(-32768 * 5.0, 32767 * 5.0),
            digital_range=(-32768, 32767),
        )
        for k in range(2)
    ]
    edfio.Edf(signals).write(folder / "holter.edf")


def write_wfdb(folder: Path, record: Record, samples: np.ndarray) -> None:
    """Format 16."""
    wfdb.wrsamp(
        "holter",
        fs=record.rate,
        units=["mV"] * 2,
        sig_name=list(record.labels),
        d_signal=samples.astype(np.int64),
        fmt=["16"] * 2,
        adc_gain=[200.0] * 2,
        baseline=[0] * 2,
        write_dir=str(folder),
    )


def measure(folder: Path) -> tuple[float, float, float]:
    """Seconds that an analysis takes, of them with a CPU, and its peak resident memory in MB."""
    command = [sys.executable, "-m", "stream.files", "--memory", str(Settings().upload_memory)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        begin = time.perf_counter()
        order = Order("benchmark", str(folder.resolve()), 10_000_000_000)
        process.stdin.write(msgspec.json.encode(order) + b"\n")
        process.stdin.flush()
        for line in process.stdout:
            report = msgspec.json.decode(line, type=Report)
            assert report.failure is None, report.failure
            if report.done:
                break
        spent = time.perf_counter() - begin
        status = Path(f"/proc/{process.pid}/status").read_text()
        ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        process.kill()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    cpu = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return spent, cpu, int(peak.split()[1]) / 1024


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help="CSV, EDF, WFDB (all)")
    parser.add_argument("--hours", type=float, default=24.0)
    args = parser.parse_args()
    subprocess.run([sys.executable, "-m", "stream.warm"], cwd=ROOT, check=True)
    record = open_record(DATA / "mitdb" / "208")
    length = round(args.hours * 3600 * record.rate)
    samples = np.resize(record.samples, (length, 2))
    writers: dict[str, Callable[[Path, Record, np.ndarray], None]] = {
        "CSV": write_csv,
        "EDF": write_edf,
        "WFDB": write_wfdb,
    }
    print("| format | file, MB | seconds | CPU seconds | x real time by CPU | peak memory, MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in args.formats or writers:
        with tempfile.TemporaryDirectory() as place:
            source = Path(place) / SOURCE
            source.mkdir()
            writers[name](source, record, samples)
            size = sum(path.stat().st_size for path in source.iterdir()) / 1e6
            spent, cpu, peak = measure(Path(place))
            figures = f"{spent:.1f} | {cpu:.1f} | {args.hours * 3600 / cpu:.0f} | {peak:.0f}"
            print(f"| {name} | {size:.0f} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
