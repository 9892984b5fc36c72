"""Training records: one lead in microvolts, reference beats, and labels for our own detected beats.

Classes are AAMI EC57's with the escape beats e, j, n counted as N, as most papers do.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from inference.evaluation.annotations import PAPERS, Beats, beats, load, window_samples
from inference.evaluation.ec57 import ALONE, match

HELD_OUT: Final = (
    "804", "807", "809", "820", "825", "841", "845", "862", "866", "874", "883", "886", "887",
)  # fmt: skip
"""svdb patients that the QRS detector never saw, drawn once at random (seed 2026).

The beat model learns from all of svdb: its figures for patients it never saw are cross-validated.
"""

LEFT_OUT: Final = -1
"""Label of a beat that training leaves out: F, Q, and beats in ventricular flutter."""

_UNITS: Final = {"uV": 1.0, "mV": 1e3, "V": 1e6}


class Record(NamedTuple):
    """One record: `signal` (n,) float64 microvolts at `rate` Hz, and its reference beats."""

    name: str
    rate: float
    signal: npt.NDArray[np.float64]
    truth: Beats


def read(path: Path, lead: int = 0) -> Record:
    """Read WFDB record and `.atr` annotations of `path` (without suffix)."""
    rate, signal = read_signal(path, lead)
    return Record(path.name, rate, signal, beats(load(path, "atr"), rate, PAPERS))


def read_signal(path: Path, lead: int = 0) -> tuple[float, npt.NDArray[np.float64]]:
    """Rate in Hz and a lead in microvolts; a missing sample repeats the one before."""
    import wfdb  # noqa: PLC0415 - only the train extra has it

    data = wfdb.rdrecord(str(path), channels=[lead])
    return float(data.fs), hold(data.p_signal[:, 0]) * _UNITS[data.units[0]]


def hold(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The signal (n,) with each missing sample (NaN) as the one before it; 0 before the first."""
    known = np.where(np.isfinite(signal), np.arange(len(signal)), 0)
    return np.nan_to_num(signal[np.maximum.accumulate(known)])


def label(found: npt.NDArray[np.float64], record: Record) -> npt.NDArray[np.int8]:
    """Class (0 N, 1 S, 2 V) of each found beat (device samples, ascending), or LEFT_OUT.

    A detection without an annotation is N: said V or S it would be a false alarm.
    """
    samples = np.rint(found).astype(np.int64)
    labels = np.zeros(len(found), np.int8)
    pairs = match(record.truth.samples.tolist(), samples.tolist(), window_samples(record.rate))
    for i, j in pairs:
        if ALONE not in {i, j}:
            labels[j] = record.truth.classes[i]
    labels[labels > 2] = LEFT_OUT
    labels[record.truth.fibrillation.contain(samples)] = LEFT_OUT
    return labels


def svdb(folder: Path) -> list[Path]:
    """All svdb records below `folder`, by name."""
    return sorted(path.with_suffix("") for path in (folder / "svdb").glob("*.hea"))


def data_hash(paths: Sequence[Path]) -> str:
    """SHA-256 (hex) over the signal and annotation files of the records, in order."""
    digest = hashlib.sha256()
    for path in paths:
        for suffix in (".hea", ".dat", ".mat", ".atr"):
            file = path.with_name(path.name + suffix)
            if file.exists():
                digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def strips(folder: Path) -> list[tuple[Path, str]]:
    """Strips of the CinC 2017 training set: all with AF ("A"), every fourth normal one ("N")."""
    chosen = [(path, "A") for path in strips_of(folder, "A")]
    return sorted(chosen + [(path, "N") for path in strips_of(folder, "N")[3::4]])


def normal(folder: Path) -> list[Path]:
    """Half of the normal strips, none of which `strips` has."""
    return strips_of(folder, "N")[::2]


def strips_of(folder: Path, kind: str) -> list[Path]:
    """The strips of the CinC 2017 training set in `folder` that have this label, by name."""
    lines = (folder / "REFERENCE.csv").read_text(encoding="ascii").split()
    return [folder / name for name, own in sorted(line.split(",") for line in lines) if own == kind]
