"""Training of the QRS detector's network: labels, forced decisions, fit and merge."""

import numpy as np
import pytest

from ecg.types import RATE
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


def test_made_motion_is_as_slow_as_electrodes_move() -> None:
    """Most of its power is below 15 Hz, where bumps of 20 to 350 ms have it, and none stands still."""
    y = qrs_noise.motion(np.random.default_rng(3), 120 * RATE)
    power = np.abs(np.fft.rfft(y - y.mean())) ** 2
    hertz = np.fft.rfftfreq(len(y), 1 / RATE)
    assert power[hertz < 15].sum() > 0.8 * power.sum()
    assert y.reshape(-1, RATE).std(axis=1).min() > 0.1 * y.std()


def test_spoiled_spells_have_the_noise_that_was_asked_for() -> None:
    """By EC57's measure, against a sine as high as the QRS: 2 to 22 dB, in two thirds of the spells."""
    beats = np.arange(500, 60_000, 200)
    clean = np.zeros(60_000, np.float32)
    clean[beats] = 1000.0
    wave = np.sqrt(2) * np.sin(2 * np.pi * np.arange(100_000) / RATE)
    noises = [qrs_noise.Noise(wave.astype(np.float32), 1.0)]
    parts = []
    for seed in range(40):
        noisy = qrs_noise.spoil(clean, beats, noises, np.random.default_rng(seed))
        without_hum = np.convolve(noisy - clean, np.full(25, 1 / 25))[12:-12]  # 0.1 s: 50 and 60 Hz
        parts.append(without_hum[:55_000].reshape(-1, 5000)[:, 500:-500].std(axis=1))
    level = np.concatenate(parts)
    loud = level[level > 10]
    decibels = 20 * np.log10(1000 / np.sqrt(8) / loud)
    assert 0.6 < len(loud) / len(level) < 0.7
    assert 21 < decibels.max() < 22.5
    assert 1.9 < decibels.min() < 3


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
