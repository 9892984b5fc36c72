"""A model bundle: a folder with `model.tflite`, `bundle.json` and `card.md`, checked when loaded.

A bundle says what it was trained on (input description, data hash, seeds, code version) and what it
reached; `read` refuses one whose model is not the one described or whose input is not what this
code makes, because such a model would answer confidently and wrongly. `load` reads the beat
classifier's; the interval classifier's is read in `inference.intervals.classifier`.
"""

import hashlib
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from ecg.errors import ModelError
from ecg.types import CLASSES
from inference import beat_input

SHIPPED: Final = Path(__file__).parent / "bundles" / "beat"
"""The beat classifier that comes with the package."""
MODEL, MANIFEST, CARD = "model.tflite", "bundle.json", "card.md"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What every model's `bundle.json` says."""

    name: str
    version: str
    input: dict[str, Any]
    """The features' DESCRIPTION as it was in training."""
    input_sha256: str
    model_sha256: str
    seeds: list[int]
    data_sha256: str
    """Hash over the files that it was trained on."""
    code_version: str
    figures: dict[str, Any]


class BeatManifest(Manifest, frozen=True, kw_only=True):
    """What a beat classifier's says besides."""

    labels: list[str]
    """All classes, in the order of ecg.types.CLASSES."""
    outputs: list[str]
    """Classes that the model gives a probability for, in its output's order; the others are never said."""
    thresholds: dict[str, float]
    """Probability from which S and V are said; the larger multiple of its threshold wins."""


M = TypeVar("M", bound=Manifest)


class Bundle(msgspec.Struct, Generic[M], frozen=True):
    """A loaded, checked bundle."""

    path: Path
    manifest: M
    model: bytes

    @property
    def model_id(self) -> str:
        """Name, version and the first digits of the model's hash: goes with every beat's record."""
        m = self.manifest
        return f"{m.name}-{m.version}-{m.model_sha256[:8]}"


def load(path: Path = SHIPPED) -> Bundle[BeatManifest]:
    """Read and check the beat classifier's bundle in folder `path`; ModelError says what is wrong."""
    found = read(path, BeatManifest, beat_input.DESCRIPTION)
    _check_labels(found.manifest)
    return found


def read(path: Path, kind: type[M], description: dict[str, Any]) -> Bundle[M]:
    """Read the bundle in folder `path` and check model and input description.

    Args:
        path: the bundle's folder.
        kind: its manifest's type.
        description: of the input as this code makes it.

    Raises:
        ModelError: with what does not fit.
    """
    try:
        model = (path / MODEL).read_bytes()
        text = (path / MANIFEST).read_bytes()
    except OSError as error:
        raise ModelError("bundle_missing", f"{path}: {error.strerror}") from error
    try:
        manifest = msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise ModelError("bundle_malformed", f"{path / MANIFEST}: {error}") from error
    found = hashlib.sha256(model).hexdigest()
    if found != manifest.model_sha256:
        raise ModelError("bundle_hash", f"model is {found}, bundle says {manifest.model_sha256}")
    expected = description_hash(description)
    if manifest.input_sha256 != expected or manifest.input != description:
        raise ModelError("bundle_input", f"made for {manifest.input_sha256}, code has {expected}")
    return Bundle(path, manifest, model)


def description_hash(description: dict[str, Any]) -> str:
    """SHA-256 (hex) of an input description: a model fits only code that makes the same input."""
    return hashlib.sha256(msgspec.json.encode(description, order="deterministic")).hexdigest()


def _check_labels(manifest: BeatManifest) -> None:
    """Refuse classes and thresholds that this code would misread."""
    if manifest.labels != list(CLASSES) or not set(manifest.outputs) <= set(CLASSES):
        raise ModelError("bundle_labels", f"{manifest.labels} {manifest.outputs}")
    missing = {"S", "V"} & set(manifest.outputs) - set(manifest.thresholds)
    unknown = set(manifest.thresholds) - set(CLASSES)
    if missing or unknown or not all(0 < t <= 1 for t in manifest.thresholds.values()):
        raise ModelError("bundle_labels", f"thresholds {manifest.thresholds}")


def save(path: Path, manifest: Manifest, model: bytes, card: str) -> None:
    """Write a bundle's three files into folder `path`, made if absent."""
    path.mkdir(parents=True, exist_ok=True)
    (path / MODEL).write_bytes(model)
    (path / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    (path / CARD).write_text(card, encoding="utf-8")
