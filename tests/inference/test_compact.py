"""Models with float16 weights: rounded as float16 rounds, half as large, otherwise the same."""

import re

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils as tflite

from ecg.errors import ModelError
from inference import bundle
from inference.classifier import BeatClassifier
from inference.intervals import classifier
from inference.training import again, compact, figures, network, reference
from inference.training.figures import judged
from inference.training.records import read
from stream.cli import main

HIDDEN = network.Recipe(hidden=(64, 32), epochs=1, dropout=0.0, l2=0.0, decay=0.0)
HALF_UNIT = 2.0**-11
"""Largest relative error of rounding to float16's eleven binary digits."""

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def perceptron(seed, exact=None):
    """A network of random weights; numpy has rounded to float16 the large matrices behind `exact` layers."""
    keras = pytest.importorskip("tensorflow", reason="the train extra is not installed").keras
    network.prepare()
    keras.utils.set_random_seed(seed)
    source = keras.Input((20,), name="source")
    answer = keras.layers.Dense(3, activation="softmax", name="answer")
    model = keras.Model(source, answer(network.hidden(source, HIDDEN)))
    if exact is not None:
        for layer in model.layers[1 + 2 * exact : -1]:
            layer.set_weights(
                [w.astype(np.float16).astype(np.float32) for w in layer.get_weights()]
            )
    return model


def ask(model, rows):
    """Answers of a TFLite model of batch 1."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    (source,), (sink,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for row in rows:
        interpreter.set_tensor(source["index"], row[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(sink["index"])[0].copy())
    return np.array(found)


@pytest.mark.parametrize("exact", [0, 1])
def test_a_halved_model_is_the_model_of_rounded_weights_bit_for_bit(exact):
    """The second implementation is numpy's rounding before the export; what is computed is float32."""
    rows = np.random.default_rng(0).normal(0, 1, (200, 20)).astype(np.float32)
    halved = ask(network.export(perceptron(1), exact=exact), rows)
    rounded = ask(network.export(perceptron(1, exact), weights="float32"), rows)
    assert halved.tobytes() == rounded.tobytes()
    whole = ask(network.export(perceptron(1), weights="float32"), rows)
    assert 0 < np.abs(halved - whole).max() < 4 * HALF_UNIT


def test_a_halved_model_has_half_the_weights():
    """Two bytes less for each weight of the two large matrices, and no names."""
    whole = len(network.export(perceptron(1), weights="float32"))
    assert len(network.export(perceptron(1))) <= whole - 2 * (20 * 64 + 64 * 32)


def test_the_same_weights_are_the_same_file_and_halving_twice_changes_nothing():
    """Whatever was built before: names of tensors are left out."""
    first = network.export(perceptron(1))
    perceptron(2)
    assert network.export(perceptron(1)) == first
    assert compact.halved(first) == first


@pytest.mark.parametrize(("load", "exact"), [(bundle.load, network.EXACT), (classifier.load, 0)])
def test_shipped_models_are_halved(load, exact):
    """What is shipped is what `train` writes."""
    model = load().model
    assert compact.halved(model, exact) == model


def test_a_bundle_written_again_keeps_what_was_learnt(data_dir, tmp_path, monkeypatch, capsys):
    """Weights, thresholds and provenance stay; version, hash, title and figures of the tests are new."""
    old = bundle.load()
    found = {"mitdb DS2": dict.fromkeys(figures.WANTED, 12.34)}
    monkeypatch.setattr(figures, "tests", lambda _: {})
    monkeypatch.setattr(figures, "judge", lambda *_: found)
    monkeypatch.setattr(figures, "variant", lambda name, *_: name)
    monkeypatch.setattr(reference, "renew", lambda *_: None)
    monkeypatch.setattr(again, "DS1", ("208",))
    monkeypatch.setattr(again, "DS2", ())
    monkeypatch.setattr(again, "svdb", lambda _: [])
    again.run(bundle.SHIPPED, tmp_path, data_dir, "9.9.9")
    assert re.search(
        r"; 0 of [23]\d{3} beats change their class, .* by 0.00000", capsys.readouterr().out
    )
    new = bundle.load(tmp_path)
    for field in ("thresholds", "seeds", "data_sha256", "code_version", "input_sha256"):
        assert getattr(new.manifest, field) == getattr(old.manifest, field)
    assert new.model == old.model
    assert new.manifest.figures == old.manifest.figures | found
    card = (tmp_path / bundle.CARD).read_text(encoding="utf-8").splitlines()
    assert card[0] == "# beat 9.9.9"
    assert "| mitdb DS2 | 12.3 (12.3 / 12.3) | 12.3 (12.3 / 12.3) | 12.34 |" in card
    before = (bundle.SHIPPED / bundle.CARD).read_text(encoding="utf-8").splitlines()
    assert sum(a != b for a, b in zip(card, before, strict=True)) == 2


def test_without_records_no_bundle_is_written_again(tmp_path):
    """ModelError names the folder; nothing is left behind."""
    with pytest.raises(ModelError, match="data_missing"):
        again.run(bundle.SHIPPED, tmp_path / "new", tmp_path, "9.9.9")
    assert not (tmp_path / "new").exists()


def test_only_the_beat_model_is_written_again(tmp_path, capsys):
    """`train` refuses another one, and writes nothing."""
    words = ["train", "--model", "interval", "--again", str(bundle.SHIPPED)]
    assert main([*words, "--output", str(tmp_path / "new")]) == 2
    assert "--again writes the beat model alone" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def neighbours(model, rng):
    """The model with each float16 weight moved to the next one above or below: twice a rounding's error."""
    content = tflite.read_model_from_bytearray(bytearray(model))
    for tensor in content.subgraphs[0].tensors:
        if tensor.type == tflite.TensorType.FLOAT16:
            buffer = content.buffers[tensor.buffer]
            weights = np.frombuffer(buffer.data.tobytes(), np.float16)
            sides = rng.choice(np.array([-np.inf, np.inf], np.float16), weights.shape)
            buffer.data = np.frombuffer(np.nextafter(weights, sides).tobytes(), np.uint8)
    return bytes(tflite.convert_object_to_bytearray(content))


def test_rounding_moves_no_beat(data_dir):
    """Whatever float32 weights stood where the float16 ones are: the same classes, probabilities within 0.002."""
    made = bundle.load()
    found = judged(read(data_dir / "mitdb" / "208")).found
    labels, probabilities = BeatClassifier(made)(found.windows, found.context)
    assert len(set(labels.tolist())) == 3
    rng = np.random.default_rng(0)
    for _ in range(3):
        moved = bundle.Bundle(made.path, made.manifest, neighbours(made.model, rng))
        other, answers = BeatClassifier(moved)(found.windows, found.context)
        assert 0 < np.abs(answers - probabilities).max() < 0.002
        assert (other != labels).mean() < 0.001
