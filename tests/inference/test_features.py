"""Features: one code path, row by row, measures that mean what their names say."""

import numpy as np
import pytest

from ecg.window import CONTEXT, CONTEXT_NAMES, LENGTH, WINDOW, R
from inference import beat_input, features

AT = {name: k for k, name in enumerate(beat_input.NAMES)}


def beat(width=0.012, height=1000.0):
    """A Gaussian QRS (s, µV) at R, about its mean."""
    t = (np.arange(LENGTH) - R) / 125
    y = height * np.exp(-0.5 * (t / width) ** 2)
    return (y - y.mean()).astype(np.float32)


def row(shown, dominant=None, late=None, previous=None):
    """A window of four shapes; those not given are the beat's own."""
    return np.concatenate([shown, *(shown if x is None else x for x in (dominant, late, previous))])


def measures(*shapes):
    """Feature row by name of one window with an all-zero context."""
    values = features.transform(row(*shapes)[None], np.zeros((1, CONTEXT), np.float32))[0]
    return {name: float(values[k]) for name, k in AT.items()}


def test_context_comes_first_and_unchanged():
    """The context's entries open the row in their own order."""
    context = np.arange(CONTEXT, dtype=np.float32)[None] % 3
    values = features.transform(row(beat())[None], context)
    np.testing.assert_array_equal(values[0, :CONTEXT], context[0])
    assert beat_input.NAMES[:CONTEXT] == CONTEXT_NAMES


def test_a_wide_beat_measures_wider_than_the_dominant_shape():
    """A QRS three times as wide: longer at half and quarter height, and less steep."""
    found = measures(beat(0.036), beat(0.012))
    assert found["ratio_half"] > 30
    assert found["ratio_quarter"] > 50
    assert found["ratio_duration"] > 10
    assert found["ratio_slope"] < 0


def test_width_at_half_height_is_the_gaussian_one():
    """2.355 sigma, to the 8 ms of the grid."""
    assert measures(beat(0.02))["beat_half"] == pytest.approx(2.355 * 20, abs=8)


def test_height_is_logarithmic_and_relative():
    """A QRS of half the dominant height is ln 2 lower, whatever the gain."""
    found = measures(beat(height=500.0), beat(height=1000.0))
    louder = measures(beat(height=1000.0), beat(height=2000.0))
    assert found["ratio_height"] == pytest.approx(-np.log(2), abs=1e-3)
    assert louder["ratio_height"] == pytest.approx(found["ratio_height"], abs=1e-5)


def test_residual_is_smallest_for_the_same_shape():
    """No difference gives the floor ln 0.01; another shape much more, in its own part only."""
    same, other = beat(), beat()
    other[R + 30 :] += 300
    assert measures(same)["residual_dominant_qrs"] == pytest.approx(np.log(0.01), abs=1e-4)
    found = measures(same, other)
    assert found["residual_dominant_repolarisation"] > -2
    assert found["residual_dominant_qrs"] == pytest.approx(np.log(0.01), abs=1e-4)


def test_lag_aligns_before_the_residual():
    """A beat found 16 ms off is shifted back by the lag that the segmenter measured."""
    shifted = np.roll(beat(), 2)
    context = np.zeros((1, CONTEXT), np.float32)
    context[0, CONTEXT_NAMES.index("lag_dominant")] = 2
    values = features.transform(row(shifted, beat(), beat(), beat())[None], context)[0]
    assert values[AT["residual_dominant_qrs"]] < -4
    assert values[AT["residual_previous_qrs"]] > -2


def test_rows_are_independent_bit_for_bit():
    """A beat alone gives the bits it gives among others."""
    rng = np.random.default_rng(0)
    windows = rng.normal(0, 500, (20, WINDOW)).astype(np.float32)
    context = rng.normal(0, 1, (20, CONTEXT)).astype(np.float32)
    together = features.transform(windows, context)
    for k in range(20):
        alone = features.transform(windows[k : k + 1], context[k : k + 1])
        assert alone.tobytes() == together[k].tobytes()


@pytest.mark.parametrize("level", [0.0, 32000.0, -32000.0])
def test_flat_windows_give_finite_features(level):
    """A flat line at any level divides by nothing."""
    windows = np.full((1, WINDOW), level, np.float32)
    assert np.isfinite(features.transform(windows, np.zeros((1, CONTEXT), np.float32))).all()
