"""Measures of a beat's shape: width of the QRS, difference of two beats."""

import numpy as np
import pytest

from ecg import shape
from ecg.window import LENGTH, WINDOW_RATE, R


@pytest.mark.parametrize("sigma_ms", [16.0, 24.0, 32.0])
def test_width_is_that_of_the_slopes(sigma_ms):
    """A Gaussian's squared slope t^2 exp(-t^2 / s^2) has the standard deviation sqrt(1.5) s."""
    t = (np.arange(LENGTH) - R - 2.5) * 1000.0 / WINDOW_RATE
    beat = (1000.0 * np.exp(-0.5 * (t / sigma_ms) ** 2)).astype(np.float32)
    assert shape.width(beat) == pytest.approx(np.sqrt(1.5) * sigma_ms, rel=0.03)
    assert shape.width(np.zeros(LENGTH, np.float32)) == 0.0


def test_difference_is_relative_to_the_height_of_the_shape():
    """Nothing for the shape itself, shifted or not; 0.3 for a step of 300 uV on 1 mV."""
    spike = np.zeros(LENGTH, np.float32)
    spike[R] = 1000.0
    assert shape.difference(spike, spike, 0) == 0.0
    assert shape.difference(np.roll(spike, 2), spike, 2) == 0.0
    assert shape.difference(spike + 300.0, spike, 0) == pytest.approx(0.3)


def test_height_is_that_of_the_qrs_and_never_nothing():
    """Three times as high as a QRS of 1 mV; silence counts as 50 uV, the T wave not at all."""
    beat = np.zeros(LENGTH, np.float32)
    beat[R], beat[R + 5], beat[R + 30] = 2000.0, -1000.0, 9000.0
    usual = np.zeros(LENGTH, np.float32)
    usual[R] = 1000.0
    assert shape.higher(beat, usual) == pytest.approx(3.0)
    assert shape.higher(np.zeros_like(beat), usual) == pytest.approx(0.05)
    assert shape.higher(usual, np.zeros_like(beat)) == pytest.approx(20.0)


def test_departure_is_the_rms_of_its_span():
    """A step of 300 uV within the span, of which a quarter has it: 150 uV; nothing of it outside."""
    flat = np.zeros(LENGTH, np.float32)
    step = flat.copy()
    step[20:25] = 300.0
    assert shape.departure(step, flat, 10, 30, 0) == pytest.approx(150.0)
    assert shape.departure(step, flat, 25, 45, 0) == 0.0
    assert shape.departure(step, flat, 15, 20, 5) == pytest.approx(300.0)
