"""The classifier: bit-for-bit row independence, guards at both ends, the decision rule."""

import shutil

import msgspec
import numpy as np
import pytest

from ecg.errors import ModelError
from ecg.types import CLASSES
from ecg.window import CONTEXT, WINDOW
from inference import bundle
from inference.classifier import BeatClassifier


@pytest.fixture(scope="module")
def classifier():
    """The shipped model."""
    return BeatClassifier(bundle.load())


@pytest.fixture(scope="module")
def beats():
    """Windows and contexts of plausible size, seeded."""
    rng = np.random.default_rng(0)
    windows = rng.normal(0, 400, (64, WINDOW)).astype(np.float32)
    return windows, rng.uniform(0, 2, (64, CONTEXT)).astype(np.float32)


def altered(**changes):
    """The shipped bundle with other manifest fields, not checked by `load`."""
    one = bundle.load()
    manifest = msgspec.structs.replace(one.manifest, **changes)
    return bundle.Bundle(one.path, manifest, one.model)


def test_shapes_types_and_sums(classifier, beats):
    """int8 labels, float32 probabilities of all five classes that add up to 1."""
    labels, probabilities = classifier(*beats)
    assert labels.dtype == np.int8
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (64, len(CLASSES))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert set(labels.tolist()) <= {0, 1, 2}


def test_no_beats_give_empty_answers(classifier):
    """An idle pass costs nothing and breaks nothing."""
    labels, probabilities = classifier(np.zeros((0, WINDOW), "f4"), np.zeros((0, CONTEXT), "f4"))
    assert labels.shape == (0,)
    assert probabilities.shape == (0, 5)


def test_a_beat_alone_and_among_others(classifier, beats):
    """Batches of any size and order give the same bits."""
    labels, probabilities = classifier(*beats)
    order = np.random.default_rng(1).permutation(64)
    mixed_labels, mixed = classifier(beats[0][order], beats[1][order])
    assert mixed.tobytes() == probabilities[order].tobytes()
    assert mixed_labels.tobytes() == labels[order].tobytes()
    one_label, one = classifier(beats[0][7:8], beats[1][7:8])
    assert one.tobytes() == probabilities[7:8].tobytes()
    assert one_label[0] == labels[7]


def test_two_instances_agree(classifier, beats):
    """An interpreter of one's own (one per thread) changes nothing."""
    other = BeatClassifier(bundle.load())
    assert other(*beats)[1].tobytes() == classifier(*beats)[1].tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", [0, 1])
def test_input_that_is_not_finite(classifier, beats, part, value):
    """NaN would pass TFLite silently; it raises, and the next beat is classified as before."""
    spoilt = [array[:1].copy() for array in beats]
    spoilt[part][0, 3] = value
    with pytest.raises(ModelError) as caught:
        classifier(*spoilt)
    assert caught.value.code == "input_not_finite"
    assert np.isfinite(classifier(beats[0][:1], beats[1][:1])[1]).all()


def test_output_that_is_not_finite(beats, monkeypatch):
    """A model that answers NaN is a model failure, not a class."""
    one = BeatClassifier(bundle.load())

    class Broken:
        def set_tensor(self, *_):
            """Take anything."""

        def invoke(self):
            """Do nothing."""

        def get_tensor(self, _):
            """Answer NaN."""
            return np.full((1, 3), np.nan, np.float32)

    monkeypatch.setattr(one, "_interpreter", Broken())
    with pytest.raises(ModelError) as caught:
        one(*beats)
    assert caught.value.code == "output_not_finite"


def test_model_that_is_no_model():
    """Bytes that TFLite does not read."""
    one = bundle.load()
    with pytest.raises(ModelError) as caught:
        BeatClassifier(bundle.Bundle(one.path, one.manifest, b"no model"))
    assert caught.value.code == "model_malformed"


def test_model_of_another_shape():
    """A model with three outputs under a manifest of two."""
    with pytest.raises(ModelError) as caught:
        BeatClassifier(altered(outputs=["N", "V"]))
    assert caught.value.code == "model_shape"


def test_thresholds_decide(beats):
    """V is said from its threshold on; thresholds nobody reaches leave everything N."""
    never = BeatClassifier(altered(thresholds={"S": 1.0, "V": 1.0}))
    always = BeatClassifier(altered(thresholds={"S": 1.0, "V": 1e-30}))
    labels, probabilities = never(*beats)
    assert set(labels[probabilities[:, 1:].max(axis=1) < 1].tolist()) <= {0}
    assert (always(*beats)[0] == CLASSES.index("V")).all()


def test_shipped_folder_can_be_moved(tmp_path, beats, classifier):
    """A bundle is its folder's contents, wherever it lies."""
    path = shutil.copytree(bundle.SHIPPED, tmp_path / "elsewhere")
    assert BeatClassifier(bundle.load(path))(*beats)[1].tobytes() == classifier(*beats)[1].tobytes()
