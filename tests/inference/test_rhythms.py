"""Retimed records: the beats of a record at the times, in the shapes and with the classes asked."""

import numpy as np
import pytest

from inference import beat_input
from inference.evaluation.annotations import Beats, spans
from inference.training import rhythms
from inference.training.beats import Patient
from inference.training.material import thin
from inference.training.records import Record
from inference.training.retiming import Turn, fibrillate, retime

RATE = 250.0


def record(count=80, rr=0.8, wide=()):
    """Regular beats of 1 mV with P waves of 100 uV; those of `wide` are V, without one."""
    times = 1.0 + rr * np.arange(count)
    t = np.arange(int((times[-1] + 1) * RATE)) / RATE
    y = np.zeros_like(t)
    for k, at in enumerate(times):
        width = 0.04 if k in wide else 0.012
        y += 1000 * np.exp(-0.5 * ((t - at) / width) ** 2)
        y += (k not in wide) * 100 * np.exp(-0.5 * ((t - at + 0.16) / 0.02) ** 2)
    classes = np.array([2 if k in wide else 0 for k in range(count)], np.int8)
    truth = Beats(np.rint(times * RATE).astype(np.int64), classes, spans([]), spans([]))
    return Record("x1", RATE, y, truth)


def peaks(signal):
    """Samples of R: local maxima above 0.6 mV."""
    inside = (signal[1:-1] > signal[:-2]) & (signal[1:-1] >= signal[2:]) & (signal[1:-1] > 600)
    return np.flatnonzero(inside) + 1


def test_beats_stand_at_the_times_asked():
    """RR from 0.35 to 1.9 s, shorter and longer than the source's: every R where it should be."""
    asked = [0.8, 0.35, 1.2, 0.5, 1.9, 0.7, 0.8]
    made = retime(record(), [Turn(5 + k, rr, 0) for k, rr in enumerate(asked)])
    assert peaks(made.signal).tolist() == made.truth.samples.tolist()
    np.testing.assert_allclose(np.diff(made.truth.samples) / RATE, asked[1:-1], atol=1 / RATE)
    assert made.truth.classes.tolist() == [0] * 6


@pytest.mark.parametrize("size", [1.0, 0.0, -0.7])
def test_p_waves_have_the_size_asked(size):
    """100 uV times the size, 0.16 s before R."""
    made = retime(record(), [Turn(5 + k, 0.8, 1, size) for k in range(6)])
    at = made.truth.samples[3]
    level = made.signal[at - int(0.25 * RATE)]
    wave = made.signal[at - int(0.16 * RATE)] - level
    assert wave == pytest.approx(100 * size, abs=15)


def test_the_level_never_steps():
    """A wandering baseline joined at other places has no jump that the source has not."""
    one = record()
    drift = 300 * np.sin(2 * np.pi * 0.05 * np.arange(len(one.signal)) / RATE)
    one = one._replace(signal=one.signal + drift)
    made = retime(one, [Turn(5 + 7 * k, 0.8, 0) for k in range(10)])
    assert np.abs(np.diff(made.signal)).max() < 1.1 * np.abs(np.diff(one.signal)).max()


def test_fibrillatory_waves_have_their_size_and_rate():
    """50 uV at 4.5 to 8.5 Hz: that is where the power is."""
    silent = record()._replace(signal=np.zeros(5000))
    made = fibrillate(silent, 50.0, np.random.default_rng(1)).signal
    assert np.std(made) == pytest.approx(50 / np.sqrt(2), rel=0.5)
    power = np.abs(np.fft.rfft(made)) ** 2
    frequency = np.fft.rfftfreq(len(made), 1 / RATE)
    assert 4 < frequency[power.argmax()] < 9


def played(seed=0, wide=(20, 40)):
    """A source with two ventricular beats."""
    found = rhythms.source(record(wide=wide), np.random.default_rng(seed))
    assert found is not None
    return found


def test_too_few_beats_are_no_source():
    """Under FEWEST beats nothing is played."""
    assert rhythms.source(record(12), np.random.default_rng(0)) is None


def test_supraventricular_beats_come_early():
    """In every mode: S beats at an RR under 0.95 of the usual one, others as the source has them."""
    modes = set()
    for seed in range(12):
        made = rhythms.supraventricular(played(seed), 120.0, np.random.default_rng(seed))
        rr = np.diff(made.truth.samples) / RATE
        early, normal = made.truth.classes[1:] == 1, made.truth.classes[1:] == 0
        assert np.median(rr[early]) < 0.95 * np.median(rr[normal])
        modes.add(round(float(early.mean()), 1))
    assert min(modes) < 0.2
    assert max(modes) > 0.6


def test_sinus_rhythm_has_no_s():
    """Only N, and V where the source has them, however the rate wanders."""
    made = rhythms.sinus(played(), 120.0, np.random.default_rng(0))
    assert set(made.truth.classes) == {0, 2}
    rr = np.diff(made.truth.samples) / RATE
    assert np.std(rr) / np.mean(rr) > 0.03


def test_fibrillation_is_irregular_and_keeps_the_classes():
    """RR as in the sequence, no S beat, V as in the source."""
    sequence = np.random.default_rng(3).uniform(0.5, 1.1, 30)
    made = rhythms.fibrillation(played(), [sequence], 120.0, np.random.default_rng(0))
    rr = np.diff(made.truth.samples)[made.truth.classes[1:] == 0] / RATE
    assert set(made.truth.classes) == {0, 2}
    assert np.std(rr) / np.mean(rr) == pytest.approx(np.std(sequence) / np.mean(sequence), rel=0.2)


def test_the_same_seed_plays_the_same():
    """Bit for bit."""
    first, again = (
        rhythms.supraventricular(played(), 60.0, np.random.default_rng(5)) for _ in range(2)
    )
    assert first.signal.tobytes() == again.signal.tobytes()
    assert first.truth.samples.tobytes() == again.truth.samples.tobytes()


def test_thinned_beats_weigh_as_before():
    """Every fourth N beat stands for four, S and V for themselves; what is left out is gone."""
    labels = np.array([0] * 8 + [1, 2, -1], np.int8)
    inputs = np.zeros((11, beat_input.INPUT), np.float32)
    one = thin(Patient("x", "a", inputs, labels, at=np.arange(11.0)))
    assert one.labels.tolist() == [0, 0, 1, 2]
    assert one.at.tolist() == [0, 4, 8, 9]
    assert one.counts.tolist() == [4, 4, 1, 1]
