"""The segment room: windows at the right place, past-only context, nothing lost, nothing late."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from segment_script import AT, LATENCY, fresh, regular, run, wave

from ecg.types import RATE
from ecg.window import CONTEXT, LENGTH, WINDOW, R
from stream.engine import segment


def test_state_fits_its_budget():
    """A row of the bank takes at most 3 KiB."""
    assert segment.STATE.itemsize <= 3 * 1024


def test_window_shows_the_beat_at_its_place():
    """The R peak stands at index R, the P wave 20 samples (0.16 s) earlier, mean removed."""
    y, beats = regular(4)
    windows, _, _ = run(fresh(), y, beats)
    beat = windows[2, :LENGTH]
    assert beat.argmax() == R
    assert R - 20 - 1 <= 10 + beat[10 : R - 10].argmax() <= R - 20 + 1
    assert abs(beat.mean()) < 0.5


def test_window_is_resampled_to_125_hz_with_a_binomial_smoother():
    """Each value is (1 2 1)/4 of the samples around R - 100 + 2k, about the window's mean."""
    y = np.random.default_rng(0).normal(0, 300, 600)
    windows, _, _ = run(fresh(), y, [300.0])
    x = y.astype(np.float32).astype(float)
    at = 300 - 100 + 2 * np.arange(LENGTH)
    expected = 0.25 * x[at - 1] + 0.5 * x[at] + 0.25 * x[at + 1]
    np.testing.assert_allclose(windows[0, :LENGTH], expected - expected.mean(), atol=0.01)


@pytest.mark.parametrize("latency", [0, 20, 91, 100, 112])
def test_no_beat_waits_longer_than_450_ms(latency):
    """A beat is cut when its last sample (R + 0.364 s) is there, or when it is decided later."""
    y, beats = regular(10, rr=0.4)
    _, _, out = run(fresh(), y, beats, latency=latency)
    waits = out[:, 2] - out[:, 0]
    assert len(out) == 10
    assert waits.max() <= max(latency, segment.AFTER) <= 0.45 * RATE


def test_step_tells_that_a_waiting_beat_is_complete():
    """`step` answers True with the sample AFTER behind R and not before."""
    s = fresh()
    answers = []
    for k in range(300):
        if k == 120:
            segment.add(s, 100.0, 1.0)
        answers.append(segment.step(s, 0.0))
    assert answers.index(True) == 100 + segment.AFTER


def test_four_beats_can_wait_and_none_is_lost():
    """Beats 0.2 s apart, all decided at once, come out in order."""
    y, beats = regular(4, rr=0.2)
    s = fresh()
    for k in range(int(beats[-1]) + 1):
        segment.step(s, y[k])
    for beat in beats:
        segment.add(s, beat, 1.0)
    windows, context, rows = np.zeros((4, WINDOW), "f4"), np.zeros((4, CONTEXT), "f4"), []
    segment.finish(s)
    while segment.ready(s):
        segment.cut(s, windows[len(rows)], context[len(rows)])
        rows.append(s["beat"])
    assert rows == list(beats)


def test_rr_is_relative_to_the_mean_of_the_past():
    """A beat 30 % early in a regular rhythm has 0.7 of the mean, the median and the RR before."""
    y, beats = regular(40)
    beats[39] = beats[38] + 0.7 * 0.8 * RATE
    _, context, out = run(fresh(), y, beats)
    early = context[39]
    for name in ("rr_mean", "rr_median", "rr_previous", "rr_slow", "rr_slowest", "rr_mean8"):
        assert early[AT[name]] == pytest.approx(0.7, abs=1e-3), name
    assert early[AT["spread"]] == pytest.approx(0.0, abs=1e-3)
    assert out[39, 1] == pytest.approx(0.56)


def test_mean_of_32_forgets_older_beats():
    """33 beats after a change of rate, nothing of the old rate is left in the mean of 32."""
    rr = np.r_[np.full(20, 1.2), np.full(40, 0.6)]
    times = 1.0 + np.cumsum(rr)
    y = wave(times, [0.012] * 60, [1000.0] * 60, times[-1] + 1)
    _, context, _ = run(fresh(), y, times * RATE)
    assert context[20 + 33, AT["mean"]] == pytest.approx(0.6, abs=2e-3)
    assert context[20 + 10, AT["mean"]] > 0.7


def test_calm_rr_follows_gradual_changes_only():
    """Over two minutes of an abrupt doubling of the rate the calm RR stays; a ramp it follows."""
    abrupt = np.r_[np.full(60, 0.9), np.full(260, 0.45)]
    ramp = np.r_[np.full(60, 0.9), 0.9 * 0.5 ** (np.arange(260) / 260)]
    ratios = []
    for rr in (abrupt, ramp):
        times = 1.0 + np.cumsum(rr)
        y = wave(times, [0.012] * 320, [1000.0] * 320, times[-1] + 1)
        ratios.append(run(fresh(), y, times * RATE)[1][-1, AT["rr_calm"]])
    assert ratios[0] < 0.65
    assert ratios[1] > 0.8


def test_first_beat_has_neutral_ratios_and_no_rr():
    """Without a past all ratios are 1, correlation with the bank is none, all is finite."""
    y, beats = regular(1)
    _, context, out = run(fresh(), y, beats)
    assert out[0, 1] == 0.0
    assert context[0, AT["rr_known"]] == 0.0
    assert context[0, AT["rr_mean"]] == context[0, AT["rr_slowest"]] == 1.0
    assert np.isfinite(context).all()


def test_a_wide_beat_does_not_resemble_the_dominant_shape():
    """One wide inverted beat among narrow ones: low correlation, and the next beat is normal again."""
    count = 30
    times = 1.0 + 0.8 * np.arange(count)
    widths, heights = np.full(count, 0.012), np.full(count, 1000.0)
    widths[25], heights[25] = 0.05, -1400.0
    _, context, _ = run(fresh(), wave(times, widths, heights, times[-1] + 1), times * RATE)
    dominant = context[:, AT["corr_dominant"]]
    assert dominant[25] < 0.6
    assert dominant[26] > 0.97
    assert context[25, AT["own_weight"]] == 0.0
    assert context[26, AT["previous_dominant"]] == dominant[25]


def test_bank_remembers_how_early_a_shape_comes_and_the_pause_after():
    """Bigeminy with wide early beats: their own shape knows that they come early, then pause."""
    count = 60
    rr = np.tile([1.0, 0.6], count // 2)
    times = 1.0 + np.cumsum(rr)
    widths = np.tile([0.012, 0.05], count // 2)
    heights = np.tile([1000.0, -1400.0], count // 2)
    _, context, _ = run(fresh(), wave(times, widths, heights, times[-1] + 1), times * RATE)
    wide, narrow = context[-1], context[-2]
    assert wide[AT["own_early"]] == pytest.approx(0.75, abs=0.03)
    assert wide[AT["own_pause"]] == pytest.approx(1.25, abs=0.03)
    assert narrow[AT["own_early"]] == pytest.approx(1.25, abs=0.03)
    assert wide[AT["own_weight"]] > 0.1


def test_late_shape_keeps_the_sinus_p_wave():
    """Where most beats come early without a P wave, `p_late` still knows the sinus P wave."""
    rr = np.tile([1.4, 0.7, 0.7, 0.7], 15)
    times = 1.0 + np.cumsum(rr)
    y = wave(times, [0.012] * 60, [1000.0] * 60, times[-1] + 1)
    t = np.arange(len(y)) / RATE
    for k, at in enumerate(times):
        if k % 4:
            y -= 100.0 * np.exp(-0.5 * ((t - at + 0.16) / 0.02) ** 2)
            y += 80.0 * np.exp(-0.5 * ((t - at + 0.09) / 0.02) ** 2)
    _, context, _ = run(fresh(), y, times * RATE)
    assert context[-4, AT["p_late"]] > 0.9
    assert (context[-3:, AT["p_late"]] < 0.6).all()


def test_restart_breaks_the_rr_chain_and_keeps_the_shapes():
    """After a gap the first beat has no RR, but is compared with the shapes learned before."""
    y, beats = regular(20)
    s = fresh()
    run(s, y, beats)
    segment.restart(s, 20_000)
    _, context, out = run(s, y, beats + 20_000, first=20_000)
    assert out[0, 0] == beats[0] + 20_000
    assert out[0, 1] == 0.0
    assert context[0, AT["corr_dominant"]] > 0.97
    assert out[1, 1] == pytest.approx(0.8)
    assert context[0, AT["mean"]] == pytest.approx(0.8, abs=1e-3)


def test_window_never_shows_what_lies_before_a_gap():
    """Samples before the restart read as 0, the level the high-pass rests at."""
    s = fresh()
    run(s, np.full(400, 5000.0), [])
    segment.restart(s, 1000)
    windows, _, _ = run(s, np.zeros(400), [1010.0], first=1000)
    assert np.abs(windows[0, :LENGTH]).max() == 0.0


def test_finish_releases_what_waits():
    """Before a gap a beat whose end never comes is cut with the newest sample repeated."""
    s = fresh()
    for _ in range(300):
        segment.step(s, 10.0)
    segment.add(s, 290.0, 1.0)
    assert not segment.ready(s)
    segment.finish(s)
    windows, context = np.zeros(WINDOW, "f4"), np.zeros(CONTEXT, "f4")
    assert segment.ready(s)
    segment.cut(s, windows, context)
    assert np.abs(windows[:LENGTH]).max() < 1e-3
    assert not segment.ready(s)


@given(cut=st.integers(300, 7000), latency=st.integers(0, 110))
def test_truncation_changes_nothing_before(cut, latency):
    """Causality: the beats cut before the end of a shorter stream are the same bit for bit."""
    y, beats = regular(40)
    y += np.random.default_rng(1).normal(0, 20, len(y))
    whole = run(fresh(), y, beats, latency=latency)
    part = run(fresh(), y[:cut], beats, latency=latency)
    n = len(part[0])
    for a, b in zip(whole, part, strict=True):
        np.testing.assert_array_equal(a[:n], b)


@given(cut=st.integers(1, 7500))
def test_checkpoint_at_any_sample_is_exact(cut):
    """State saved as bytes and restored elsewhere goes on bit for bit."""
    y, beats = regular(40)
    y += np.random.default_rng(2).normal(0, 20, len(y))
    whole, state = fresh(), fresh()
    expected = run(whole, y, beats)
    head = run(state, y[:cut], beats)
    waiting = beats[beats + LATENCY >= cut]
    restored = np.frombuffer(bytearray(state.tobytes()), segment.STATE)[0]
    tail = run(restored, y[cut:], waiting, first=cut)
    for a, b, c in zip(expected, head, tail, strict=True):
        np.testing.assert_array_equal(a, np.concatenate([b, c]))
    assert restored.tobytes() == whole.tobytes()


def test_recovers_from_a_wrong_past():
    """After 8 s of beats at random places and noise, 90 s later the context is as if unharmed."""
    rng = np.random.default_rng(3)
    y, beats = regular(120, start=9.0)
    harmed = y.copy()
    harmed[: 8 * RATE] = rng.normal(0, 800, 8 * RATE)
    wrong = np.sort(rng.choice(np.arange(100, 1900, 60), 20, replace=False))
    clean = run(fresh(), y, beats)[1][-1]
    after = run(fresh(), harmed, np.r_[wrong, beats])[1][-1]
    for name in ("rr_mean", "rr_median", "corr_dominant", "corr_late", "p_late", "spread"):
        assert after[AT[name]] == pytest.approx(clean[AT[name]], abs=0.02), name


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e5])
def test_context_is_finite_for_any_signal(scale):
    """Flat lines, plain noise and absurd amplitudes give finite numbers."""
    rng = np.random.default_rng(4)
    beats = np.cumsum(rng.uniform(50, 1500, 60))
    y = rng.normal(0, 1, int(beats[-1]) + 300) * scale
    windows, context, _ = run(fresh(), y, beats)
    assert len(context) == 60
    assert np.isfinite(windows).all()
    assert np.isfinite(context).all()
