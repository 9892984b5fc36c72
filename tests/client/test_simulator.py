"""Simulated beds: each rhythm is what it says, measured on the samples; and the ward that streams.

Peaks are found by height alone: the signals are synthetic and nearly free of noise.
"""

import argparse
import asyncio
import io

import numpy as np
import pytest
from model_gateway import ModelGateway, samples_of, serving
from scipy.integrate import solve_ivp
from scipy.signal import butter, find_peaks, peak_widths, periodogram, sosfiltfilt

import client.ecg_model
from client.ecg_model import Beat, Heart
from client.rhythms import EIGHT_BEDS, RHYTHMS, Script
from client.session_events import Acknowledged, Lost, Welcomed
from client.simulate import Ward, _telling, configure, run, simulate
from client.simulator import RATE, UV_PER_LSB, Bed
from ecg import messages as m


def millivolts(script: str, seconds: int, seed: int = 1, number: int = 1) -> np.ndarray:
    bed = Bed(seed, number, Script.parse(script))
    samples = np.concatenate([bed.next().samples[:, 0] for _ in range(seconds)])
    return samples * (UV_PER_LSB / 1000)


def r_peaks(signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times in s, and widths at half height in s, of everything above 0.5 mV."""
    peaks, _ = find_peaks(signal, height=0.5, prominence=0.5, distance=0.15 * RATE)
    return peaks / RATE, peak_widths(signal, peaks, rel_height=0.5)[0] / RATE


def flat_part(signal: np.ndarray) -> float:
    """Peak to peak in mV above 0.5 Hz."""
    high = sosfiltfilt(butter(2, 0.5, "highpass", fs=RATE, output="sos"), signal)
    return float(np.ptp(high))


def test_the_model_draws_what_the_equations_of_the_paper_draw(monkeypatch):
    """At 60 /min, the shape of McSharry's three equations, P and T halved, without baseline."""
    monkeypatch.setattr(client.ecg_model, "BASELINE_MV", 0.0)
    angles = np.array([-np.pi / 3, -np.pi / 12, 0, np.pi / 12, np.pi / 2])
    a, b = np.array([0.6, -5.0, 30.0, -7.5, 0.375]), np.array([0.25, 0.1, 0.1, 0.1, 0.4])

    def equations(_, state):
        x, y, z = state
        alpha, omega = 1 - np.hypot(x, y), 2 * np.pi
        away = (np.arctan2(y, x) - angles + np.pi) % (2 * np.pi) - np.pi
        pull = -(a * away * np.exp(-(away**2) / (2 * b**2))).sum()
        return alpha * x - omega * y, alpha * y + omega * x, pull - z

    times = np.arange(3 * RATE) / RATE + 1.5
    paper = solve_ivp(equations, (0, 5), (-1, 0, 0), t_eval=times, rtol=1e-8, max_step=0.01).y[2]
    heart = Heart(RATE)
    ours = heart.advance(0, 5 * RATE, [Beat(i + 0.5, 1.0, "N") for i in range(-1, 7)])
    ours = ours[int(1.5 * RATE) : int(4.5 * RATE)]
    assert np.corrcoef(paper, ours)[0, 1] > 0.998
    scale = 2 * np.pi / (30.0 * 0.1**2)  # the R wave alone is a·b²/ω high: 1.2 mV here
    assert np.abs(paper * 1.2 * scale - ours).max() < 0.06


def test_r_peaks_stand_where_they_were_planned():
    """Alternating RR of 0.6 and 1.1 s are met to a sample."""
    planned = np.cumsum([1.0, 0.6, 1.1, 0.6, 1.1, 0.6, 1.1])
    beats = [Beat(float(time), 0.8, "N") for time in planned]
    times, _ = r_peaks(Heart(RATE).advance(0, 8 * RATE, beats))
    assert np.abs(times - planned).max() <= 1.5 / RATE


@pytest.mark.parametrize(
    ("rhythm", "lowest", "highest"),
    [
        ("sinus", 60, 86),
        ("bradycardia", 42, 46),
        ("tachycardia", 126, 134),
        ("vt", 141, 149),
        ("af", 80, 115),
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_rate(rhythm, lowest, highest, number):
    """Beats counted in one minute."""
    times, _ = r_peaks(millivolts(f"{rhythm}:90", 60, number=number))
    assert lowest <= 60 / np.diff(times).mean() <= highest


def test_regularity():
    """Sinus varies by a few per cent, VT hardly, AF by a fifth and more."""
    spread = {}
    for rhythm in ("sinus", "vt", "af"):
        rr = np.diff(r_peaks(millivolts(f"{rhythm}:200", 180))[0])
        spread[rhythm] = rr.std() / rr.mean()
    assert 0.01 < spread["sinus"] < 0.06
    assert spread["vt"] < 0.05
    assert spread["af"] > 0.18


def test_ventricular_tachycardia_is_wide_and_fast():
    """Half as wide again as sinus, and more, at half height."""
    _, narrow = r_peaks(millivolts("sinus:30", 20))
    _, wide = r_peaks(millivolts("vt:30", 20))
    assert np.median(wide) > 1.8 * np.median(narrow)
    assert np.median(wide) > 0.07


def test_pvcs_are_premature_wide_and_followed_by_a_pause():
    """Coupling below 0.7, pause above 1.25 of the basic RR; some but not most beats."""
    times, widths = r_peaks(millivolts("pvcs:200", 180))
    basic = np.median(np.diff(times))
    wide = np.flatnonzero(widths[1:-1] > 1.6 * np.median(widths)) + 1
    assert 0.05 < len(wide) / len(times) < 0.3
    assert (times[wide] - times[wide - 1] < 0.7 * basic).all()
    assert (times[wide + 1] - times[wide] > 1.25 * basic).all()


def test_bigeminy_alternates():
    """Every other beat is wide."""
    _, widths = r_peaks(millivolts("bigeminy:60", 50))
    wide = widths > 0.055
    assert (wide[4:-1] != wide[5:]).all()


def test_asystole_is_flat():
    """From 1 s after its start until its end nothing above 0.1 mV moves."""
    signal = millivolts("sinus:10,asystole:10,sinus:10", 30)
    assert flat_part(signal[int(11.5 * RATE) : 20 * RATE]) < 0.1
    assert len(r_peaks(signal[21 * RATE :])[0]) >= 8


def test_fibrillation_has_no_beats_and_one_band():
    """Above nine tenths of the energy lie within 3-8 Hz; the amplitude is that of a QRS."""
    signal = millivolts("vf", 20)[RATE:]
    frequency, power = periodogram(signal, RATE)
    band = (frequency >= 3) & (frequency <= 8)
    assert power[band].sum() > 0.9 * power[frequency > 0.5].sum()
    assert 0.25 < signal.std() < 0.8


def test_atrial_fibrillation_has_f_waves_and_no_p():
    """Between beats there is 6-7 Hz; 167 ms before R there is no bump, as there is in sinus."""
    means = {}
    for rhythm in ("sinus", "af"):
        signal = millivolts(f"{rhythm}:200", 180)
        peaks = (r_peaks(signal)[0][2:-2] * RATE).astype(int)
        beats = np.array([signal[p - 75 : p - 20] for p in peaks])
        means[rhythm] = beats.mean(axis=0)
    p, nothing = (np.ptp(means[rhythm]) for rhythm in ("sinus", "af"))
    assert p > 0.12
    assert nothing < 0.5 * p


def test_noise_buries_the_beats():
    """Several times louder than sinus, and only while it lasts."""
    signal = millivolts("sinus:10,noise:10,sinus:10", 30)
    quiet, loud = signal[: 10 * RATE], signal[10 * RATE : 20 * RATE]
    assert loud.std() > 2.5 * quiet.std()
    assert signal[21 * RATE :].std() < 1.3 * quiet.std()


def test_lead_off_is_flagged_at_its_samples():
    """Off from 2.5 to 4.5 s: samples 625 and 1125; zero in between."""
    bed = Bed(1, 1, Script.parse("sinus:2.5,leadoff:2,sinus:60"))
    seconds = [bed.next() for _ in range(6)]
    assert [change for second in seconds for change in second.lead_off] == [
        m.LeadOff(625, (True,)),
        m.LeadOff(1125, (False,)),
    ]
    samples = np.concatenate([second.samples[:, 0] for second in seconds])
    assert not samples[625:1125].any()
    assert samples[1125:1200].any()


@pytest.mark.parametrize("script", EIGHT_BEDS)
def test_the_same_seed_gives_the_same_signal(script):
    """And another seed, or another bed, another one."""
    signal = millivolts(script, 20)
    assert (signal == millivolts(script, 20)).all()
    assert (signal != millivolts(script, 20, seed=2)).any()
    assert (signal != millivolts(script, 20, number=2)).any()


def test_no_seam_between_seconds():
    """The step across a second's edge is no larger than steps elsewhere."""
    signal = millivolts("sinus:60", 60)
    steps = np.abs(np.diff(signal))
    edges = steps[RATE - 1 :: RATE]
    assert edges.max() <= steps.max()
    assert np.median(edges) < 4 * np.median(steps)


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_every_rhythm_may_follow_every_other(rhythm):
    """Beats never come closer than 0.2 s, whatever the change."""
    script = ",".join(f"{rhythm}:3,{other}:3" for other in RHYTHMS)
    bed = Bed(3, 1, Script.parse(script))
    times = np.array([bed._planner.next().time for _ in range(150)])
    assert np.diff(times).min() > 0.2


def test_scripts_repeat():
    """After the last rhythm comes the first; segments are counted on."""
    script = Script.parse("sinus:10, vt:5,asystole")
    names = [script.at(time).rhythm for time in (0, 9.99, 10, 14.99, 15, 44.99, 45, 55)]
    assert names == ["sinus", "sinus", "vt", "vt", "asystole", "asystole", "sinus", "vt"]
    assert [s.number for s in script.within(14.0, 46.0)] == [1, 2, 3]
    assert script.at(45).start == 45.0


@pytest.mark.parametrize("text", ["", "sinus,polka", "vt:0", "vt:x", "vt:inf", "vt:-5"])
def test_scripts_that_are_none(text):
    """The error says what is wrong."""
    with pytest.raises(ValueError, match=r"polka|seconds|at least|float|rhythm"):
        Script.parse(text)


def test_the_default_ward_is_mostly_calm():
    """Eight beds; lethal rhythms in less than 2 % of the time, something in every bed but one."""
    scripts = [Script.parse(text) for text in EIGHT_BEDS]
    rhythms = [[script.at(t).rhythm for t in range(3600)] for script in scripts]
    lethal = np.mean([r in {"vt", "vf", "asystole"} for bed in rhythms for r in bed])
    assert 0.001 < lethal < 0.02
    assert sum(set(bed) == {"sinus"} for bed in rhythms) == 1


# ── The ward ──────────────────────────────────────────────────────────────────────────────────


def test_beds_bear_the_name_of_their_ward():
    """Two simulators at one server must not take each other's patients."""

    async def main() -> ModelGateway:
        gateway = ModelGateway(credit=32)
        async with serving(gateway) as server:
            await simulate(server.url, Ward(beds=1, speed=np.inf, duration=1.0, name="sim"))
        return gateway

    assert {block.patient for block in asyncio.run(main()).blocks} == {"sim-1"}


def test_a_ward_streams_its_beds():
    """Two beds, 3 s at full speed: the beds' own samples, flagged demo, with lead-off and place."""

    async def main() -> ModelGateway:
        gateway = ModelGateway(credit=32)
        async with serving(gateway) as server:
            scripts = [Script.parse("sinus:1,leadoff:1,sinus:9"), Script.parse("vt:9")]
            ward = Ward(beds=2, scripts=scripts, speed=np.inf, duration=3.0, unit="ICU")
            await simulate(server.url, ward)
        return gateway

    gateway = asyncio.run(main())
    assert {(b.patient, b.unit, b.bed) for b in gateway.blocks} == {
        ("demo-1", "ICU", "1"),
        ("demo-2", "ICU", "2"),
    }
    assert {b.flags for b in gateway.blocks} == {("demo",)}
    assert len(gateway.goodbyes) == 2
    streamed = np.concatenate(
        [samples_of(b)[:, 0] for b in gateway.blocks if b.patient == "demo-2"]
    )
    assert (streamed * (UV_PER_LSB / 1000) == millivolts("vt:9", 3, number=2)).all()
    told = [b.lead_off for b in gateway.blocks if b.patient == "demo-1" and 225 < b.first < 325]
    assert told == [(m.LeadOff(i, (True,)),) for i in (250, 275, 300)]


def test_an_interrupted_ward_says_goodbye():
    """Ctrl-C is a shutdown, not a failure."""

    async def main() -> ModelGateway:
        gateway = ModelGateway()
        async with serving(gateway) as server:
            first = asyncio.Event()
            gateway.append = lambda message, keep=gateway.append: (keep(message), first.set())
            running = asyncio.create_task(simulate(server.url, Ward(beds=1)))
            await first.wait()
            running.cancel()
            await asyncio.wait({running})
            assert running.cancelled()
        return gateway

    assert [goodbye.reason for goodbye in asyncio.run(main()).goodbyes] == ["interrupted"]


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    configure(parser)
    return parser.parse_args(words)


def test_the_command():
    """Two seconds of one bed."""

    async def main() -> ModelGateway:
        gateway = ModelGateway()
        async with serving(gateway) as server:
            words = ("--beds", "1", "--duration", "2", "--speed", "inf", "--script", "af")
            assert await asyncio.to_thread(run, parse("--url", server.url, *words)) == 0
        return gateway

    assert sum(block.count for block in asyncio.run(main()).blocks) == 2 * RATE


def test_the_command_says_that_it_streams_or_that_nobody_answers(capsys):
    """Once for each, on stderr; --quiet says nothing."""

    async def main(*words: str) -> str:
        async with serving(ModelGateway()) as server:
            given = ("--beds", "2", "--duration", "1", "--speed", "inf", *words)
            assert await asyncio.to_thread(run, parse("--url", server.url, *given)) == 0
        return server.url

    url = asyncio.run(main())
    assert capsys.readouterr().err == f"beatwire simulate: streaming sim-1 to sim-2 to {url}\n"
    asyncio.run(main("--quiet"))
    assert capsys.readouterr().err == ""
    err = io.StringIO()
    listen = _telling("ws://x", Ward(beds=1, name="sim"), err)
    for event in (Lost("refused", 1.0), Lost("refused", 2.0), Welcomed(0), Acknowledged(5)):
        listen(event)
    assert err.getvalue().splitlines() == [
        "beatwire simulate: no answer from ws://x, trying again",
        "beatwire simulate: streaming sim-1 to ws://x",
    ]


@pytest.mark.parametrize("words", [("--script", "polka"), ("--url", "nowhere")])
def test_the_command_explains_what_is_wrong(words, capsys):
    """One line, status 1."""
    assert run(parse(*words)) == 1
    assert capsys.readouterr().err.startswith("beatwire simulate: ")
