"""Drift: are the beats of today like those that the model was trained on?

A bundle's `reference.json` holds histograms of the training patients' beats: the classes that the
model said, its confidence, and every feature, in bins that hold a tenth of them each. What the
model sees is counted in the same bins (`counting`), `psi` compares both: the population stability index,
sum of (p - q) · ln(p / q); under 0.1 nothing has moved, above 0.25 much has (Siddiqi: Credit Risk
Scorecards, 2006, chapter 9). Beats of one patient are alike: it needs many patients to mean much.
"""

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from ecg.errors import ModelError
from inference import beat_input

FILE: Final = "reference.json"
BINS: Final = 10
FLOOR: Final = 1e-3
"""Share that an empty bin is taken to have: PSI of one beat in a thousand is then still small."""
NAMES: Final = ("class", "confidence", *beat_input.NAMES)
"""What is compared: the first two in their own bins, then the features."""

Counts = npt.NDArray[np.int64]


class Reference(msgspec.Struct, frozen=True):
    """What the model saw in training.

    Attributes:
        model_sha256: of the model that the classes and confidences are from.
        edges: inner edges of the bins of each of NAMES, ascending, at most BINS - 1; a value on an
            edge is above it.
        shares: of each of NAMES: share of the beats in each bin, BINS of them; unused ones are 0.
        beats: how many they were.
    """

    model_sha256: str
    edges: list[list[float]]
    shares: list[list[float]]
    beats: int


def load(bundle: Path, model: bytes) -> Reference | None:
    """The reference of a bundle's model; None if it has none, or one of another model.

    Raises:
        ModelError: there is one that cannot be read.
    """
    try:
        found = msgspec.json.decode((bundle / FILE).read_bytes(), type=Reference)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ModelError("bundle_malformed", f"{bundle / FILE}: {error}") from error
    shapes = {(len(found.edges), len(found.shares)), *_shapes(found)}
    if shapes != {(len(NAMES), len(NAMES)), (True, True)}:
        return None  # of other features than this code makes
    return found if found.model_sha256 == hashlib.sha256(model).hexdigest() else None


def _shapes(found: Reference) -> set[tuple[Any, ...]]:
    """Whether all edges and shares fit into the bins."""
    return {(all(len(e) < BINS for e in found.edges), all(len(s) == BINS for s in found.shares))}


def save(bundle: Path, made: Reference) -> None:
    """Write the reference into a bundle's folder."""
    (bundle / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")


class Drift(msgspec.Struct, frozen=True):
    """How far beats are from those of training.

    Attributes:
        beats: how many were compared.
        psi: of each of NAMES.
    """

    beats: int
    psi: dict[str, float]

    def over(self, limit: float) -> list[str]:
        """What is over the limit, the worst first."""
        found = [name for name, value in self.psi.items() if value > limit]
        return sorted(found, key=lambda name: -self.psi[name])


def compare(known: Reference, counts: Counts) -> Drift:
    """PSI of `counts` (NAMES, BINS) against the reference; 0 where nothing was counted."""
    if counts.shape != (len(NAMES), BINS):
        counts = np.zeros((len(NAMES), BINS), np.int64)  # nobody counted, or other features
    beats = int(counts[0].sum())
    shares = counts / max(beats, 1)
    found = {
        name: psi(np.array(expected), seen) if beats else 0.0
        for name, expected, seen in zip(NAMES, known.shares, shares, strict=True)
    }
    return Drift(beats, found)


def psi(expected: npt.NDArray[np.float64], seen: npt.NDArray[np.float64]) -> float:
    """Population stability index of shares (BINS,); bins that neither has say nothing."""
    p, q = np.maximum(seen, FLOOR), np.maximum(expected, FLOOR)
    return float(((p - q) * np.log(p / q)).sum())
