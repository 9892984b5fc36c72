"""Mixing noise at a known signal-to-noise ratio (EC57, as nst(1) does it)."""

import numpy as np
import pytest

from inference.evaluation import noise

RATE = 360.0


def test_height_of_known_complexes_without_the_extremes():
    """Complexes of 1000 µV peak to peak, one in fifty an artefact of 9000: 1000."""
    beats = np.arange(100, 36000, 360)
    signal = np.zeros(36100)
    signal[beats] = 800.0
    signal[beats + 5] = -200.0
    signal[beats[::50]] = 8800.0
    assert noise.qrs_height(signal, beats, RATE) == pytest.approx(1000.0)


def test_no_beat_is_an_error():
    """A record without beats has no signal-to-noise ratio."""
    with pytest.raises(ValueError, match="no beat"):
        noise.qrs_height(np.zeros(1000), np.array([], np.int64), RATE)


def test_level_of_white_noise_is_its_deviation():
    """An offset is no noise."""
    white = np.random.default_rng(1).normal(300.0, 50.0, 360 * 200)
    assert noise.noise_level(white, RATE) == pytest.approx(50.0, rel=0.01)


@pytest.mark.parametrize("snr_db", [24.0, 6.0, 0.0, -6.0])
def test_gain_gives_the_ratio(snr_db: float):
    """EC57's definition, computed backwards: 10 log10 of the powers' ratio."""
    level = 70.0 * noise.gain(1200.0, 70.0, snr_db)
    assert 10 * np.log10(1200.0**2 / 8 / level**2) == pytest.approx(snr_db)


def test_five_minutes_are_clean_then_two_and_two_take_turns():
    """Noise from 5:00 to 7:00 and from 9:00 to 11:00, none before, between and after."""
    where = noise.turns(round(720 * RATE), RATE)
    edges = np.flatnonzero(np.diff(where)) + 1
    assert (edges / RATE).tolist() == [300, 420, 540, 660]
    assert not where[0]


def test_bursts_last_ten_seconds_of_each_minute():
    """The same clean start, then 10 s a minute."""
    where = noise.turns(round(430 * RATE), RATE, bursts=True)
    edges = np.flatnonzero(np.diff(where)) + 1
    assert (edges / RATE).tolist() == [300, 310, 360, 370, 420]


def test_a_short_noise_begins_anew():
    """And nothing is added where no noise goes."""
    where = np.array([False, True, True, True, True])
    out = noise.mixed(np.ones(5), np.array([1.0, 2.0, 3.0]), 10.0, where)
    assert out.tolist() == [1.0, 21.0, 31.0, 11.0, 21.0]
