"""Bundles: what is shipped loads, what does not fit is refused with a stable code."""

import hashlib
import shutil

import msgspec
import numpy as np
import pytest

from ecg.errors import ModelError
from ecg.types import CLASSES
from inference import beat_input, bundle
from stream.engine.detect.weights import WEIGHTS


@pytest.fixture
def copy(tmp_path):
    """A copy of the shipped bundle that a test may spoil."""
    return shutil.copytree(bundle.SHIPPED, tmp_path / "beat")


def spoil(path, **changes):
    """Rewrite fields of the bundle's manifest."""
    file = path / bundle.MANIFEST
    file.write_bytes(msgspec.json.encode(msgspec.json.decode(file.read_bytes()) | changes))


def refused(path):
    """Code with which loading fails."""
    with pytest.raises(ModelError) as caught:
        bundle.load(path)
    return caught.value.code


def test_shipped_bundle_loads():
    """The package's own model fits the package's own code."""
    loaded = bundle.load()
    assert loaded.manifest.labels == list(CLASSES)
    assert loaded.manifest.input == beat_input.DESCRIPTION
    assert hashlib.sha256(loaded.model).hexdigest() == loaded.manifest.model_sha256


def test_all_shipped_models_together_are_small():
    """Every TFLite file of the package, with the detector's weights: 50 KB is the target."""
    models = list(bundle.SHIPPED.parent.rglob("*.tflite"))
    assert len(models) == 2
    assert sum(path.stat().st_size for path in models) + WEIGHTS.astype(np.float32).nbytes <= 50_000


def test_shipped_bundle_carries_its_card():
    """The card names its held-out patients and its figures."""
    card = (bundle.SHIPPED / bundle.CARD).read_text(encoding="utf-8")
    assert "Held out" in card
    assert "mitdb DS2" in card


def test_model_id_names_the_model():
    """Name, version and hash: two models never share an id."""
    loaded = bundle.load()
    assert loaded.model_id.startswith("beat-")
    assert loaded.model_id.endswith(loaded.manifest.model_sha256[:8])


def test_absent_bundle(tmp_path):
    """No folder."""
    assert refused(tmp_path / "none") == "bundle_missing"


def test_one_changed_byte_of_the_model(copy):
    """The model is not the one described."""
    file = copy / bundle.MODEL
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert refused(copy) == "bundle_hash"


def test_other_input_description(copy):
    """Made for other features: the hash or the description itself tells."""
    spoil(copy, input_sha256="0" * 64)
    assert refused(copy) == "bundle_input"
    spoil(copy, input_sha256=bundle.description_hash(beat_input.DESCRIPTION), input={})
    assert refused(copy) == "bundle_input"


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ["V", "S", "N", "F", "Q"]},
        {"outputs": ["N", "S", "X"]},
        {"thresholds": {"S": 0.5}},
        {"thresholds": {"S": 0.5, "V": 0.0}},
        {"thresholds": {"S": 0.5, "V": 0.5, "Z": 0.5}},
    ],
)
def test_labels_that_do_not_fit(copy, changes):
    """Another order of classes or a missing threshold would misname beats."""
    spoil(copy, **changes)
    assert refused(copy) == "bundle_labels"


def test_malformed_manifest(copy):
    """Not JSON, or a field of another type."""
    spoil(copy, seeds="one")
    assert refused(copy) == "bundle_malformed"
    (copy / bundle.MANIFEST).write_bytes(b"{")
    assert refused(copy) == "bundle_malformed"


def test_saved_bundle_loads_again(tmp_path):
    """`save` and `load` agree."""
    one = bundle.load()
    bundle.save(tmp_path / "new" / "beat", one.manifest, one.model, "card")
    again = bundle.load(tmp_path / "new" / "beat")
    assert again.manifest == one.manifest
    assert again.model == one.model


@pytest.mark.parametrize("field", beat_input.DESCRIPTION)
def test_the_hash_depends_on_every_field_of_the_input(field):
    """Another name, rate or version is another input."""
    other = beat_input.DESCRIPTION | {field: "other"}
    assert bundle.description_hash(other) != bundle.description_hash(beat_input.DESCRIPTION)
