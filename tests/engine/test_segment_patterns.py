"""What the segment room says about runs, bigeminy, disorder and P waves, on rhythms made for it."""

import numpy as np
import pytest
from segment_script import AT, fresh, run

from ecg.types import RATE


def rhythm(intervals, gains=None, shifts=None):
    """Contexts of narrow beats with these RR (s), sizes and lateness (s) of their P waves."""
    times = 1.0 + np.cumsum(intervals)
    t = np.arange(int((times[-1] + 1.0) * RATE)) / RATE
    y = np.zeros_like(t)
    for k, at in enumerate(times):
        y += 1000.0 * np.exp(-0.5 * ((t - at) / 0.012) ** 2)
        gain, shift = (1.0 if x is None else x[k] for x in (gains, shifts))
        late = 0.0 if shifts is None else shift
        y += 100.0 * gain * np.exp(-0.5 * ((t - at + 0.16 - late) / 0.02) ** 2)
    return run(fresh(), y, np.rint(times * RATE))[1]


def test_bigeminy_alternates():
    """In turns of 0.6 and 0.9 s two beats back is alike, one back is not, and short says so."""
    context = rhythm([0.75] * 10 + [0.6, 0.9] * 12)
    assert context[-2, AT["alternate"]] < 0.1
    assert context[-2, AT["turn"]] == pytest.approx(-0.3 / 0.75, abs=0.03)
    assert context[-1, AT["turn"]] == pytest.approx(0.3 / 0.75, abs=0.03)


def test_a_steady_rhythm_has_order_and_fibrillation_none():
    """All pairs alike in a steady rhythm; few, and seldom again, where every RR is drawn anew."""
    steady = rhythm([0.8] * 45)[-1]
    rng = np.random.default_rng(0)
    erratic = rhythm(rng.uniform(0.4, 1.2, 45))[-1]
    assert steady[AT["order"]] > 0.99
    assert steady[AT["again"]] > 0.99
    assert steady[AT["step"]] < 0.01
    assert erratic[AT["order"]] < 0.25
    assert erratic[AT["again"]] < 0.4
    assert erratic[AT["step"]] > 0.1


def test_a_run_remembers_how_it_began():
    """100 beats into a tachycardia from 0.8 to 0.4 s: RR before it twice this one, abrupt onset."""
    last = rhythm([0.8] * 40 + [0.4] * 100)[-1]
    assert np.exp(last[AT["run_beats"]]) - 1 == pytest.approx(99, abs=1)
    assert last[AT["run_before"]] == pytest.approx(2.0, abs=0.05)
    assert last[AT["run_onset"]] == pytest.approx(0.5, abs=0.02)


def test_a_gradual_tachycardia_began_at_rest():
    """From 0.8 to 0.4 s within 150 beats: one run whose first beat was not early."""
    last = rhythm([0.8] * 40 + list(np.linspace(0.8, 0.4, 150)))[-1]
    assert last[AT["run_onset"]] == pytest.approx(1.0, abs=0.02)


def test_habits_after_early_beats():
    """Every 8th beat at 0.6 of the RR with a full pause: the patient is known for that."""
    context = rhythm(([0.8] * 6 + [0.48, 1.12]) * 30)
    assert context[-1, AT["early_pause"]] == pytest.approx(1.4, abs=0.06)
    assert context[-1, AT["early_depth"]] == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize("gain", [1.0, 0.0, -1.0, 0.5])
def test_size_of_the_p_wave(gain):
    """Against the late shape's P wave: 1 the same, 0 none, negative when inverted."""
    gains = [1.0] * 30 + [gain]
    last = rhythm([0.8] * 30 + [0.78], gains)[-1]
    assert last[AT["p_gain"]] == pytest.approx(gain, abs=0.1)
    assert last[AT["p_gain_typical"]] == pytest.approx(1.0, abs=0.1)


def test_a_shifted_p_wave_is_found():
    """A P wave 32 ms later: the best correlation lies four steps of 8 ms on."""
    last = rhythm([0.8] * 31, shifts=[0.0] * 30 + [0.032])[-1]
    assert last[AT["p_shift"]] == 4
    assert last[AT["p_best"]] > 0.95
