"""Signals by which monitors are tested (IEC 60601-2-27, ANSI/AAMI EC13), through the whole engine."""

import numpy as np
import pytest
from synthesis import UV, blocks
from test_ward import Rule

from ecg.messages import Alarm, Beat, Vitals
from stream.engine.ward import Ward

LEARNING = 6.0
"""Seconds after which the heart rate of a new session is to be right."""


def monitored(signal: np.ndarray, rate: float) -> list:
    """What a ward says of a signal in microvolts, sent in blocks of 100 ms."""
    ward, samples = Ward(Rule()), np.round(signal / UV).astype(np.int16)
    return [
        event
        for block in blocks(samples, [round(rate / 10)], rate=rate)
        for event in ward.push([(block, block.end / rate)])
    ]


def noise(seconds: float, rate: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 5, int(seconds * rate))


def beats(events: list, rate: float, start: float) -> list[float]:
    """Seconds of the beats from `start` on."""
    return [e.sample / rate for e in events if isinstance(e, Beat) and e.sample >= start * rate]


def rates(events: list, rate: float, start: float) -> list[float | None]:
    return [e.heart_rate for e in events if isinstance(e, Vitals) and e.sample >= start * rate]


@pytest.mark.parametrize("rate", [250.0, 500.0])
@pytest.mark.parametrize("height", [0.4, 0.8, 1.2])
def test_tall_t_waves_are_not_counted(rate, height):
    """A QRS of 1 mV and 100 ms, 80 /min, QT 350 ms, a T wave of 180 ms and up to 1.2 mV."""
    x, t = noise(40, rate), np.arange(int(40 * rate)) / rate
    for r in np.arange(0.5, 40, 0.75):
        x += 1000 * np.clip(1 - np.abs(t - r) / 0.05, 0, None)
        wave = (t - (r - 0.05 + 0.35 - 0.18)) / 0.18
        x += np.where((wave > 0) & (wave < 1), 1000 * height * np.sin(np.pi * wave), 0.0)
    events = monitored(x, rate)
    assert np.diff(beats(events, rate, LEARNING)) == pytest.approx(0.75, abs=0.02)
    assert all(found == pytest.approx(80, abs=1) for found in rates(events, rate, 15.0))


@pytest.mark.parametrize("rate", [250.0, 360.0, 500.0])
@pytest.mark.parametrize("spike", [2.0, -2.0, 20.0])
def test_pacer_spikes_without_capture_are_not_beats(rate, spike):
    """70 /min, captured for 25 s; then the pulses go on and the heart stands still: asystole."""
    x, t = noise(45, rate), np.arange(int(45 * rate)) / rate
    for at in np.arange(0.5, 45, 60 / 70):
        x[int(at * rate) : int(at * rate) + max(1, round(0.002 * rate))] += 1000 * spike
        if at < 25:
            for centre, width, height in ((0.06, 0.022, 1200), (0.13, 0.025, -400)):
                x += height * np.exp(-0.5 * ((t - at - centre) / width) ** 2)
            x += -300 * np.exp(-0.5 * ((t - at - 0.32) / 0.05) ** 2)
    events = monitored(x, rate)
    found = beats(events, rate, LEARNING)
    assert np.diff(found) == pytest.approx(60 / 70, abs=0.02)
    assert max(found) < 25.2
    assert set(rates(events, rate, 30.0)) == {None}
    (asystole,) = [e for e in events if isinstance(e, Alarm) and e.kind == "ASYSTOLE"]
    assert asystole.detected_sample / rate - max(found) < 5.0
