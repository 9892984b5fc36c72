"""Clean signals with tall T waves or wide beats are no noise; noise over them is, and is not silence."""

from dataclasses import replace

import numpy as np
import pytest
from test_standard_signals import monitored
from test_ward import Rule

from client.records import open_record
from ecg.messages import Alarm
from stream.offline import play

RATE = 250.0
SHAPES = {  # centre after R (s), width (s), height (uV)
    "deep T": ((-0.16, 0.025, 120.0), (0.0, 0.012, 1100.0), (0.24, 0.06, -1500.0)),
    "tall T": ((-0.16, 0.025, 100.0), (0.0, 0.010, 600.0), (0.26, 0.055, 600.0)),
    "wide": ((0.0, 0.018, 1000.0), (0.05, 0.02, 800.0), (0.28, 0.06, -900.0)),
}


def ecg(shape: str, seconds: float, rate: float) -> np.ndarray:
    """Beats of one shape at `rate` a minute, in microvolts, with 5 uV of noise."""
    t = np.arange(int(seconds * RATE)) / RATE
    x = np.random.default_rng(0).normal(0, 5, len(t))
    for at in np.arange(0.5, seconds - 0.5, 60 / rate):
        for centre, width, height in SHAPES[shape]:
            x += height * np.exp(-0.5 * ((t - at - centre) / width) ** 2)
    return x


def motion(seconds: float, size: float) -> np.ndarray:
    """Movement of no rhythm: noise of 0.5 to 8 Hz and `size` uV RMS."""
    n = int(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(3).normal(0, 1, n))
    frequency = np.fft.rfftfreq(n, 1 / RATE)
    spectrum[(frequency < 0.5) | (frequency > 8)] = 0
    x = np.fft.irfft(spectrum, n)
    return size * x / x.std()


def spans(events: list, kind: str, rate: float = RATE) -> list[tuple[float, float]]:
    """Seconds from start to end of each alarm of a kind; one that goes on ends never."""
    found = [e for e in events if isinstance(e, Alarm) and e.kind == kind]
    starts = [e.onset_sample / rate for e in found if e.phase == "start"]
    ends = [e.detected_sample / rate for e in found if e.phase == "end"]
    return list(zip(starts, [*ends, float("inf")], strict=False))


@pytest.mark.parametrize("rate", [60, 75, 90, 130])
@pytest.mark.parametrize("shape", list(SHAPES))
def test_what_comes_with_every_beat_is_no_noise(shape, rate):
    """From 10 s on no ARTIFACT stands, so that limits of the heart rate are watched."""
    noisy = spans(monitored(ecg(shape, 60, rate), RATE), "ARTIFACT")
    assert all(end < 10 for _, end in noisy), noisy


@pytest.mark.parametrize("shape", list(SHAPES))
def test_movement_over_such_beats_is_noise_and_its_end_is_noticed(shape):
    """Movement of half the QRS for 20 s is an ARTIFACT within 6 s, and none 8 s after it."""
    x = ecg(shape, 70, 75)
    x[int(30 * RATE) : int(50 * RATE)] += motion(20, 0.5 * np.ptp(ecg(shape, 2, 60)))
    noisy = spans(monitored(x, RATE), "ARTIFACT")
    assert any(30 < start < 36 for start, _ in noisy), noisy
    assert all(end < 10 or (start > 30 and end < 58) for start, end in noisy), noisy


def test_after_a_huge_artefact_noise_that_hides_beats_is_no_arrest():
    """Beats, a swing of ten times their height, beats, and 15 s of noise in which none is seen."""
    x = ecg("tall T", 90, 75)
    swing = slice(int(20 * RATE), int(26 * RATE))
    x[swing] += 10 * motion(6, 600.0)
    x[int(60 * RATE) : int(75 * RATE)] = motion(15, 250.0)
    assert not spans(monitored(x, RATE), "ASYSTOLE")


def test_a_real_clean_tachycardia_is_no_noise(data_dir):
    """Record 865 of svdb from 700 to 1,140 s: large, clean waves at 150 /min; less than a tenth of it ARTIFACT."""
    record = open_record(data_dir / "svdb" / "865", [0])
    begin, end = (round(s * record.rate) for s in (640, 1140))
    part = replace(record, samples=record.samples[begin:end])
    events = [event for _, event in play(part, Rule(), 1.0)]
    noisy = [(max(a, 60), min(b, 500)) for a, b in spans(events, "ARTIFACT", record.rate)]
    assert sum(b - a for a, b in noisy if b > a) < 0.1 * 440
