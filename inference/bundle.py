"""A model bundle: a folder with `model.tflite`, `bundle.json` and `card.md`, checked when loaded.

A bundle says what it was trained on (input description, data hash, seeds, code version) and what it
reached; `load` refuses one whose model is not the one described or whose input is not what this
code makes, because such a model would answer confidently and wrongly.
"""

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec

from ecg.errors import ModelError
from ecg.types import CLASSES
from inference import features

SHIPPED: Final = Path(__file__).parent / "bundles" / "beat"
"""The beat classifier that comes with the package."""
MODEL, MANIFEST, CARD = "model.tflite", "bundle.json", "card.md"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of `bundle.json`."""

    name: str
    version: str
    labels: list[str]
    """All classes, in the order of ecg.types.CLASSES."""
    outputs: list[str]
    """Classes that the model gives a probability for, in its output's order; the others are never said."""
    thresholds: dict[str, float]
    """Probability from which S and V are said; the larger multiple of its threshold wins."""
    input: dict[str, Any]
    """`inference.features.DESCRIPTION` as it was in training."""
    input_sha256: str
    model_sha256: str
    seeds: list[int]
    data_sha256: str
    """Hash over the training records' files."""
    code_version: str
    figures: dict[str, Any]


class Bundle(msgspec.Struct, frozen=True):
    """A loaded, checked bundle."""

    path: Path
    manifest: Manifest
    model: bytes

    @property
    def model_id(self) -> str:
        """Name, version and the first digits of the model's hash: goes with every beat's record."""
        m = self.manifest
        return f"{m.name}-{m.version}-{m.model_sha256[:8]}"


def load(path: Path = SHIPPED) -> Bundle:
    """Read and check the bundle in folder `path`; ModelError says what does not fit."""
    try:
        model = (path / MODEL).read_bytes()
        text = (path / MANIFEST).read_bytes()
    except OSError as error:
        raise ModelError("bundle_missing", f"{path}: {error.strerror}") from error
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise ModelError("bundle_malformed", f"{path / MANIFEST}: {error}") from error
    _check(manifest, model)
    return Bundle(path, manifest, model)


def _check(manifest: Manifest, model: bytes) -> None:
    """Refuse what this code cannot serve faithfully."""
    if manifest.labels != list(CLASSES) or not set(manifest.outputs) <= set(CLASSES):
        raise ModelError("bundle_labels", f"{manifest.labels} {manifest.outputs}")
    missing = {"S", "V"} & set(manifest.outputs) - set(manifest.thresholds)
    unknown = set(manifest.thresholds) - set(CLASSES)
    if missing or unknown or not all(0 < t <= 1 for t in manifest.thresholds.values()):
        raise ModelError("bundle_labels", f"thresholds {manifest.thresholds}")
    found = hashlib.sha256(model).hexdigest()
    if found != manifest.model_sha256:
        raise ModelError("bundle_hash", f"model is {found}, bundle says {manifest.model_sha256}")
    expected = features.description_hash()
    if manifest.input_sha256 != expected or manifest.input != features.DESCRIPTION:
        raise ModelError("bundle_input", f"made for {manifest.input_sha256}, code has {expected}")


def save(path: Path, manifest: Manifest, model: bytes, card: str) -> None:
    """Write a bundle's three files into folder `path`, made if absent."""
    path.mkdir(parents=True, exist_ok=True)
    (path / MODEL).write_bytes(model)
    (path / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    (path / CARD).write_text(card, encoding="utf-8")
