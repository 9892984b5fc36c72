"""Training of the QRS detector's network: labels, forced decisions, fit and merge."""

import numpy as np
import pytest

from inference.training import qrs, qrs_fit, qrs_noise
from stream.engine.detect.score import FEATURES, network


def test_the_largest_candidate_near_a_beat_and_its_equals_are_beats() -> None:
    """An R and its S wave are both right, a P wave of a tenth is not, nor one 0.2 s away."""
    places = np.array([5000, 5030, 5045, 5090])
    sizes = np.array([30.0, 300.0, 250.0, 400.0], np.float32)
    labels = qrs.label(places, sizes, np.array([5028.0]))
    assert labels.tolist() == [0, 1, 1, 0]


def test_candidates_of_the_learning_time_have_no_label() -> None:
    """The detector decides nothing in the first seconds: nothing is learned from them."""
    labels = qrs.label(np.array([100, 1300]), np.ones(2, np.float32), np.array([100.0, 1300.0]))
    assert labels.tolist() == [-1, 1]


def test_forced_decisions_are_few_and_of_all_kinds() -> None:
    """Most decisions stay the detector's own."""
    forced = qrs_noise.force(1_000_000, np.random.default_rng(1))
    counts = np.bincount(forced, minlength=4)
    assert counts[0] > 900_000
    assert (counts > 0).all()


def test_training_begins_with_the_rule() -> None:
    """The network of two units passes feature 26 through."""
    f = np.zeros(FEATURES, np.float32)
    for margin in (-1.5, 0.25):
        f[26] = margin
        assert network(f, qrs_fit.rule(), 2) == pytest.approx(margin)


def test_a_fit_separates_two_clouds_and_a_merge_is_the_mean() -> None:
    """Two networks of different seeds learn x₀ > x₁; merged, their logits are averaged."""
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (400_000, FEATURES)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.float32)
    made = [qrs_fit.fit(x, y, np.ones_like(y), 4, np.random.default_rng(s)) for s in (1, 2)]
    merged = qrs_fit.merge(made, 4, 0.5)
    logits = np.array([network(row, merged, 8) for row in x[:500]])
    single = np.array([[network(row, one, 4) for row in x[:500]] for one in made])
    assert ((logits > 0.5) == (y[:500] > 0)).mean() > 0.97
    np.testing.assert_allclose(logits, single.mean(0) + 0.5, atol=1e-3)
