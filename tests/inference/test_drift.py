"""Drift: the index itself, the counting in bins, the shipped reference, and a model that is watched."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg.errors import ModelError
from ecg.window import CONTEXT, WINDOW
from inference import beat_input, bundle
from inference.classifier import BeatClassifier
from inference.drift import counting, population
from inference.drift.watched import WatchedClassifier
from inference.training.harvest import harvest
from inference.training.records import read_signal

SHIPPED = bundle.load()


def test_the_index_of_a_worked_example():
    """(0.5 - 0.25) ln 2 + (0.5 - 0.75) ln(2/3), by hand."""
    found = population.psi(np.array([0.25, 0.75]), np.array([0.5, 0.5]))
    assert found == pytest.approx(0.17329 + 0.10137, abs=1e-4)


@given(st.lists(st.floats(0.01, 1), min_size=10, max_size=10), st.permutations(range(10)))
def test_the_index_is_none_for_the_same_and_never_negative(shares, order):
    """A property of the formula: each term is a difference times the logarithm of its ratio."""
    expected = np.array(shares) / sum(shares)
    assert population.psi(expected, expected) == 0
    assert population.psi(expected, expected[order]) >= 0


@given(st.lists(st.floats(-100, 100, width=32), min_size=20, max_size=200), st.integers(0, 2**31))
def test_every_beat_is_counted_once_in_its_bin(numbers, seed):
    """Against numpy's own search in the edges; the reference counts as the counter does."""
    values = np.random.default_rng(seed).choice(
        np.array(numbers, np.float32), (len(numbers), len(population.NAMES))
    )
    values[:, 0] = np.arange(len(numbers)) % 5
    known = counting.reference(values, 5, b"model")
    counter = counting.Counter(known)
    for row in values:
        counter.add(int(row[0]), float(row[1]), row[2:])
    for k, edges in enumerate(known.edges):
        bins = np.searchsorted(np.array(edges), values[:, k].astype(float), side="right")
        expected = np.bincount(bins, minlength=population.BINS)
        assert counter.counts[k].tolist() == expected.tolist()
    counts = counter.take()
    assert counter.counts.sum() == 0
    found = population.compare(known, counts)
    assert found.beats == len(numbers)
    assert max(found.psi.values()) < 1e-6


def test_what_has_moved_is_named_the_worst_first():
    """One feature shifted by a standard deviation, one by two."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, (4000, len(population.NAMES))).astype(np.float32)
    values[:, 0] = 0
    known = counting.reference(values, 5, b"model")
    counter = counting.Counter(known)
    values[:, 7] += 1
    values[:, 5] += 2
    for row in values:
        counter.add(0, float(row[1]), row[2:])
    found = population.compare(known, counter.take())
    assert found.over(0.25) == [population.NAMES[5], population.NAMES[7]]


def test_counts_of_another_shape_are_no_beats():
    """Nobody counted yet, or a version with other features did."""
    known = population.load(SHIPPED.path, SHIPPED.model)
    assert population.compare(known, np.zeros((0, 0), np.int64)).beats == 0


def test_the_reference_belongs_to_its_model(tmp_path):
    """Of another model, of other features, or none: nothing is compared; broken: an error."""
    assert population.load(tmp_path, b"m") is None
    values = np.zeros((10, len(population.NAMES)), np.float32)
    made = counting.reference(values, 5, b"m")
    population.save(tmp_path, made)
    assert population.load(tmp_path, b"m") == made
    assert population.load(tmp_path, b"other") is None
    population.save(tmp_path, msgspec.structs.replace(made, edges=made.edges[1:]))
    assert population.load(tmp_path, b"m") is None
    (tmp_path / population.FILE).write_bytes(b"{")
    with pytest.raises(ModelError, match="bundle_malformed"):
        population.load(tmp_path, b"m")


def test_the_shipped_model_has_its_reference():
    """Made anew with every model: `python -m inference.training.reference`."""
    known = population.load(SHIPPED.path, SHIPPED.model)
    assert known is not None
    assert known.beats > 100_000
    for shares in known.shares:
        assert sum(shares) == pytest.approx(1, abs=1e-4)


def test_a_watched_model_answers_as_before_and_counts(data_dir):
    """The same bits; a beat each; the probe at the start is none."""
    rate, signal = read_signal(data_dir / "mitdb" / "201")
    found = harvest(signal[: int(120 * rate)], rate)
    watched = WatchedClassifier(SHIPPED, population.load(SHIPPED.path, SHIPPED.model))
    plain = BeatClassifier(SHIPPED)(found.windows, found.context)
    seen = watched(found.windows, found.context)
    assert seen[0].tobytes() == plain[0].tobytes()
    assert seen[1].tobytes() == plain[1].tobytes()
    counts = watched.counter.take()
    assert (counts.sum(axis=1) == len(found.at)).all()
    assert counts[0, :3].tolist() == np.bincount(plain[0], minlength=3)[:3].tolist()


def test_a_beat_without_an_answer_is_not_counted():
    """And the next one is."""
    watched = WatchedClassifier(SHIPPED, population.load(SHIPPED.path, SHIPPED.model))
    with pytest.raises(ModelError):
        watched(np.full((1, WINDOW), np.nan, np.float32), np.zeros((1, CONTEXT), np.float32))
    watched(np.zeros((1, WINDOW), np.float32), np.zeros((1, CONTEXT), np.float32))
    assert watched.counter.take()[0].sum() == 1
    assert len(beat_input.NAMES) == len(population.NAMES) - 2
