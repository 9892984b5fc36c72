"""QRS, QT and QTc of the stream: against synthesis whose intervals are known, and silence in doubt."""

import itertools

import msgspec
import numpy as np
import pytest
from interval_synthesis import ecg, noisy
from synthesis import RHYTHMS, UV, Spell, blocks, signal
from test_invariants import Width, play

from client.records import open_record
from ecg.messages import Admit, Patient, Vitals
from ecg.types import CLASSES, Paced
from inference import bundle
from inference.classifier import BeatClassifier
from stream.engine import clean, merge
from stream.engine.intervals import room, t_end
from stream.engine.pipeline import Pipeline
from stream.engine.ward import Ward

FIELDS = ("qrs_ms", "qt_ms", "qtc_ms", "qtc_fridericia_ms", "interval_confidence")


class AllNormal:
    """Names every beat N."""

    model_id = "normal"

    def __call__(self, windows, contexts):
        labels = np.zeros(len(windows), np.int8)
        return labels, np.eye(len(CLASSES), dtype=np.float32)[labels]


def vitals(microvolts, rate=250.0, classifier=None, after=15.0, **changes) -> list[Vitals]:
    """What the engine says of a signal from `after` seconds on; `changes` are made to each block."""
    digital = np.round(microvolts / UV).astype(np.int16)
    stream = [
        msgspec.structs.replace(block, **changes)
        for block in blocks(digital, [int(rate)], rate=rate)
    ]
    outcomes = play(Pipeline(classifier or AllNormal()), stream)
    return [o for o in outcomes if isinstance(o, Vitals) and o.sample > after * rate]


def known(found: list[Vitals]) -> list[Vitals]:
    """Those with intervals: all five or none."""
    for one in found:
        assert len({getattr(one, name) is None for name in FIELDS}) == 1
    return [one for one in found if one.qt_ms is not None]


@pytest.mark.parametrize(
    ("beats_a_minute", "qrs", "qt"),
    [
        (50, 0.10, 0.52),
        (50, 0.08, 0.40),
        (60, 0.12, 0.44),
        (75, 0.09, 0.40),
        (75, 0.11, 0.48),
        (90, 0.13, 0.36),
        (100, 0.10, 0.36),
        (120, 0.08, 0.32),
    ],
)
@pytest.mark.parametrize("shape", [{}, {"rise": 1.4}, {"height": 400.0}, {"p_wave": False}])
def test_intervals_of_a_known_beat_at_20_db(beats_a_minute, qrs, qt, shape):
    """QRS within 10 ms, QT within 15 ms, in every second that has a value, and most have one."""
    clear = ecg(beats_a_minute, qrs, qt, 30, **shape)
    found = vitals(noisy(clear, 20, seed=beats_a_minute))
    sure = known(found)
    assert len(sure) >= 2 / 3 * len(found)
    assert max(abs(one.qrs_ms - 1000 * qrs) for one in sure) <= 10
    assert max(abs(one.qt_ms - 1000 * qt) for one in sure) <= 15


@pytest.mark.parametrize("rate", [125.0, 360.0, 500.0, 1000.0])
def test_intervals_are_free_of_the_devices_rate(rate):
    """The same beat through a device of another sampling frequency."""
    sure = known(vitals(ecg(70, 0.10, 0.40, 30, fs=rate), rate))
    assert len(sure) >= 12
    assert max(abs(one.qrs_ms - 100) for one in sure) <= 10
    assert max(abs(one.qt_ms - 400) for one in sure) <= 15


@pytest.mark.parametrize("beats_a_minute", [50, 60, 90])
def test_qtc_by_bazett_and_by_fridericia(beats_a_minute):
    """QT over the square and the cube root of RR in seconds: at 60 /min both are QT."""
    rr = 60 / beats_a_minute
    for one in known(vitals(ecg(beats_a_minute, 0.1, 0.38, 30))):
        assert one.qtc_ms == pytest.approx(one.qt_ms / rr**0.5, rel=0.003)
        assert one.qtc_fridericia_ms == pytest.approx(one.qt_ms / rr ** (1 / 3), rel=0.003)


@pytest.mark.parametrize("snr_db", [6, 3, 0, -6])
@pytest.mark.parametrize("height", [120.0, 250.0])
def test_no_value_rather_than_a_wrong_one_in_noise(snr_db, height):
    """Whatever is said there is no further off than 40 ms; nearly nothing is."""
    found = vitals(noisy(ecg(70, 0.1, 0.40, 40, height=height), snr_db))
    sure = known(found)
    assert len(sure) <= 0.1 * len(found)
    assert all(abs(one.qt_ms - 400) <= 40 for one in sure)


def test_no_value_in_af_in_a_run_and_without_a_t_wave():
    """QT follows the RR before: without an even one it says nothing."""
    assert known(vitals(signal(RHYTHMS["AF"]) * UV, classifier=Width(), after=60)) == []
    run = [
        one for one in vitals(signal(RHYTHMS["VT"]) * UV, classifier=Width()) if one.rhythm == "VT"
    ]
    assert run
    assert known(run) == []
    assert known(vitals(noisy(ecg(70, 0.1, 0.4, 30, height=0.0), 25))) == []


def test_no_value_with_a_pacemaker():
    """Marked in the blocks for ten seconds, or known of the patient."""
    beat = ecg(70, 0.1, 0.4, 30)
    assert known(vitals(beat))
    paced = [
        msgspec.structs.replace(block, pace=(block.first + 5,) if 10 <= block.seq < 13 else ())
        for block in blocks(np.round(beat / UV).astype(np.int16), [250])
    ]
    outcomes = play(Pipeline(AllNormal()), paced)
    seconds = [o.sample // 250 for o in known([o for o in outcomes if isinstance(o, Vitals)])]
    assert not set(seconds) & set(range(11, 23))
    assert {24, 28} <= set(seconds)


def test_no_value_for_a_patient_who_is_admitted_with_a_pacemaker():
    """The ward knows; everything else of the vitals stays."""
    ward = Ward(AllNormal())
    profile = Patient("p", paced=Paced.YES)
    ward.command(Admit(id="c", patient="p", by="n", at=0.0, profile=profile), 0.0)
    digital = np.round(ecg(70, 0.1, 0.4, 30) / UV).astype(np.int16)
    events = [
        event
        for block in blocks(digital, [250])
        for event in ward.push([(block, block.end / block.rate)])
    ]
    found = [event for event in events if isinstance(event, Vitals)]
    assert found[-1].heart_rate == pytest.approx(70, abs=1)
    assert known(found) == []


def test_only_beats_that_look_as_usual_and_are_normal_count():
    """V beats among normal ones, twice as wide, do not move the intervals."""
    with_v = signal([Spell(5, 70), Spell(0.8, 70, "V")] * 6) * UV
    sure = known(vitals(with_v, classifier=Width()))
    alone = known(vitals(signal(RHYTHMS["sinus"]) * UV, classifier=Width()))
    assert sure
    usual = np.median([one.qrs_ms for one in alone])
    assert all(abs(one.qrs_ms - usual) <= 12 for one in sure)


def test_the_invariants_see_intervals():
    """The runs of test_invariants (chunks, rows, checkpoints) have them, or would prove nothing."""
    assert len(known(vitals(signal(RHYTHMS["sinus"]) * UV, classifier=Width()))) > 10


def test_the_sorting_network_sorts():
    """All 256 rows of zeros and ones: a network that sorts those sorts everything (Knuth)."""
    for bits in itertools.product((0, 1), repeat=8):
        row = list(bits)
        for a, b in room.SORTING:
            row[a], row[b] = min(row[a], row[b]), max(row[a], row[b])
        assert row == sorted(bits)


def test_the_inverse_is_of_the_high_pass_that_there_is():
    """Its corner is that of `clean`; a room imports no other."""
    assert pytest.approx(2 * np.pi * clean.CORNER) == t_end.CORNER
    assert merge.VITALS_EVERY == 250


@pytest.mark.parametrize("name", ["101", "112", "115", "223"])
def test_intervals_of_normal_records_are_plausible(data_dir, name):
    """Sanity only, on training records of sinus rhythm: nobody annotated their T waves."""
    record = open_record(data_dir / "mitdb" / name, [0])
    microvolts = record.samples[: int(90 * record.rate), 0] * record.uv_per_lsb[0]
    classifier = BeatClassifier(bundle.load())
    sure = known(vitals(microvolts, record.rate, classifier))
    assert len(sure) > 20
    assert 60 <= np.median([one.qrs_ms for one in sure]) <= 120
    assert 300 <= np.median([one.qt_ms for one in sure]) <= 480
