"""What should have alarmed, by rhythms made by hand; 100 Hz, times in seconds."""

import numpy as np
import pytest

from inference.evaluation.alarm_truth import heart_rate, truths
from inference.evaluation.annotations import Annotations, load
from inference.evaluation.episodes import annotated

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")

RATE = 100.0


def record(beats, rhythms=(), marks=(), seconds=None):
    """Annotated record from (time, symbol), rhythms (time, name) and marks (time, symbol)."""
    rows = [(t, s, "", 0) for t, s in beats]
    rows += [(t, "+", "(" + name, 0) for t, name in rhythms]
    rows += [(t, s, "", -1 if s == "~" else 0) for t, s in marks]
    rows.sort(key=lambda row: row[0])
    found = Annotations(
        np.array([round(t * RATE) for t, *_ in rows], np.int64),
        tuple(s for _, s, _, _ in rows),
        tuple(sub for *_, sub in rows),
        tuple(note for _, _, note, _ in rows),
        RATE,
    )
    return annotated(found, RATE, seconds or max((t for t, *_ in rows), default=0) + 1)


def every(step, count, start=0.0, symbol="N"):
    """Beats of one kind at a steady distance."""
    return [(start + step * k, symbol) for k in range(count)]


def row(text, step=0.5, start=0.0):
    """One beat per character."""
    return [(start + step * k, symbol) for k, symbol in enumerate(text)]


def must(kind, *args, **kwargs):
    """(start, end, onset) of each episode of a kind."""
    return [tuple(np.round(e, 6)) for e in truths(record(*args, **kwargs))[kind].must]


def may(kind, *args, **kwargs):
    """Stretches in which an alarm of a kind is right."""
    return [tuple(np.round(s, 6)) for s in truths(record(*args, **kwargs))[kind].may]


@pytest.mark.parametrize(
    ("gap", "required", "allowed"),
    [(1.8, 0, 0), (1.9, 0, 1), (2.0, 0, 1), (2.1, 1, 1), (3.0, 1, 1)],
)
def test_pause_has_a_tolerance_of_100_ms(gap, required, allowed):
    """From 1.9 s an alarm is right, from 2.1 s it is required."""
    beats = [(0.0, "N"), (gap, "N")]
    assert len(must("PAUSE", beats)) == required
    assert len(may("PAUSE", beats)) == allowed


def test_asystole_is_counted_from_the_last_qrs():
    """4.2 s and more, the onset at the beat before."""
    assert must("ASYSTOLE", [(1.0, "N"), (5.1, "N"), (10.0, "N")]) == [(5.1, 10.0, 5.1)]


def test_no_pause_in_fibrillation_or_where_nobody_could_read():
    """No beats are annotated there, which is not a pause."""
    beats = [(0.0, "N"), (10.0, "N")]
    assert must("PAUSE", beats, marks=[(1.0, "["), (9.0, "]")]) == []
    assert must("PAUSE", beats, marks=[(5.0, "~")]) == []


def test_heart_rate_is_of_the_last_12_rr():
    """Unknown before; 60 /min at 1 s."""
    rate = heart_rate(record(every(1.0, 20)), np.arange(21.0))
    assert np.isnan(rate[:12]).all()
    np.testing.assert_allclose(rate[12:20], 60)


def test_heart_rate_of_slow_rhythms_is_of_the_last_4_rr():
    """Three RR in a row above 1200 ms: 40 /min at once, not a slow slide."""
    beats = every(1.0, 20) + every(1.5, 6, start=20.5)
    rate = heart_rate(record(beats), np.arange(28.0))
    np.testing.assert_allclose(rate[26], 60 / ((1.5 * 4) / 4))


@pytest.mark.parametrize(
    ("rate", "kinds"),
    [
        (130, {"HR_HIGH"}),
        (124, set()),
        (150, {"HR_HIGH", "EXTREME_TACHY"}),
        (46, set()),
        (42, {"HR_LOW"}),
        (33, {"HR_LOW", "EXTREME_BRADY"}),
    ],
)
def test_rates_must_alarm_from_5_per_minute_beyond_the_limit(rate, kinds):
    """Limits 120, 140, 50, 40 /min."""
    found = truths(record(every(60 / rate, 120)))
    names = {"HR_HIGH", "EXTREME_TACHY", "HR_LOW", "EXTREME_BRADY"}
    assert {name for name in names if found[name].must} == kinds


def test_a_rate_may_alarm_that_lasts_for_less_than_a_second():
    """Three slow RR, then fast ones: right from the third on, until the next beat."""
    beats = every(0.75, 20) + [(at, "N") for at in (17.6, 20.3, 21.55, 22.25, 23.0, 23.75)]
    assert (21.55, 22.25) in may("EXTREME_BRADY", beats)
    assert must("EXTREME_BRADY", beats) == []


def test_a_rate_within_the_tolerance_may_alarm():
    """118 /min: neither missed nor false; 110 /min: false."""
    near, far = every(60 / 118, 100), every(60 / 110, 100)
    # Before 12 RR nobody knows the rate, so an alarm is never called false there.
    assert any(a == 0 and b >= near[-1][0] for a, b in may("HR_HIGH", near))
    assert max(b for _, b in may("HR_HIGH", far)) < 10


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("NVN", set()),
        ("NVVN", {"PAIR_PVCS"}),
        ("NVVVN", {"V_RUN", "NSVT"}),
        ("NVVVVN", {"V_RUN", "NSVT"}),
        ("NVVVVVN", {"V_RUN", "VTACH"}),
    ],
)
def test_runs_at_120_per_minute(text, kinds):
    """Two are a pair, three and four non-sustained, five a tachycardia."""
    found = truths(record(row(text)))
    names = {"PAIR_PVCS", "V_RUN", "NSVT", "VTACH"}
    assert {name for name in names if found[name].must} == kinds


def test_slow_runs_are_no_tachycardia():
    """Five V at 80 /min are a run and nothing more, and VTACH would be false."""
    found = truths(record(row("NVVVVVN", step=0.75)))
    assert found["V_RUN"].must
    assert not found["VTACH"].must
    assert not found["VTACH"].may


def test_runs_near_100_per_minute_may_be_called_either_way():
    """102 /min: not required, not false."""
    found = truths(record(row("NVVVVVN", step=60 / 102)))
    assert not found["VTACH"].must
    assert found["VTACH"].may


def test_delay_counts_from_the_third_and_the_fifth_beat():
    """Before them nobody can know."""
    assert must("V_RUN", row("NVVVVVN"))[0][2] == 1.5
    assert must("VTACH", row("NVVVVVN"))[0][2] == 2.5


def test_a_run_is_broken_by_fibrillation():
    """Two V before and two after are two pairs."""
    beats = row("VV", start=0) + row("VV", start=10)
    found = truths(record(beats, marks=[(2.0, "["), (9.0, "]")]))
    assert not found["V_RUN"].must
    assert len(found["PAIR_PVCS"].must) == 2


def test_fibrillation_of_4_seconds_must_alarm():
    """Shorter flutter may."""
    marks = [(2.0, "["), (8.0, "]"), (20.0, "["), (23.0, "]")]
    assert must("VFIB", every(1.0, 2), marks=marks) == [(2.0, 8.0, 2.0)]
    assert may("VFIB", every(1.0, 2), marks=marks) == [(2.0, 8.0), (20.0, 23.0)]


@pytest.mark.parametrize(
    ("kind", "rhythm", "cycle"), [("BIGEMINY", "B", "NV"), ("TRIGEMINY", "T", "NNV")]
)
def test_three_cycles_in_the_annotated_rhythm_must_alarm(kind, rhythm, cycle):
    """Onset at the third V; two cycles are none; without the annotated rhythm it only may."""
    beats = row(cycle * 3 + "NNNN")
    third = (len(cycle) * 3 - 1) * 0.5
    first = (len(cycle) - 1) * 0.5
    assert must(kind, beats, [(0.0, rhythm)]) == [(first, third, third)]
    assert must(kind, row(cycle * 2 + "NNNN"), [(0.0, rhythm)]) == []
    assert must(kind, beats, [(0.0, "N")]) == []
    assert may(kind, beats, [(0.0, "N")]) == [(first, third)]


def test_atrial_fibrillation_of_a_minute_must_alarm():
    """59 s need not; an alarm is right once half of its minute is AF, flutter counted."""
    rhythms = [
        (0.0, "N"),
        (100.0, "AFIB"),
        (159.0, "N"),
        (300.0, "AFIB"),
        (400.0, "AFL"),
        (420.0, "N"),
    ]
    args = (every(1.0, 600), rhythms)
    assert must("AFIB", *args) == [(300.0, 400.0, 300.0)]
    assert may("AFIB", *args) == [(130.0, 190.0), (330.0, 451.0)]


def test_five_narrow_beats_at_180_per_minute_are_svt():
    """At 200 /min required, at 175 allowed, at 150 false; V are not narrow."""
    assert must("SVT", row("N" * 8, step=0.3)) == [(0.0, 2.1, 1.2)]
    assert must("SVT", row("N" * 8, step=60 / 175)) == []
    assert len(may("SVT", row("N" * 8, step=60 / 175))) == 4
    assert may("SVT", row("N" * 8, step=0.4)) == []
    assert may("SVT", row("V" * 8, step=0.3)) == []


def test_pvc_rate_has_a_tolerance_of_two():
    """13 V in a minute for 5 s are required, 9 allowed."""
    beats = sorted([*every(1.0, 120, start=0.5), *every(4.0, 30, symbol="V")])
    assert len(must("PVC_RATE", beats)) == 1
    fewer = sorted([*every(1.0, 120, start=0.5), *every(6.0, 20, symbol="V")])
    assert must("PVC_RATE", fewer) == []
    assert len(may("PVC_RATE", fewer)) == 1


def test_an_empty_record_has_no_truth():
    """Nothing annotated, nothing required."""
    found = truths(record([], seconds=10))
    assert all(not truth.must for truth in found.values())


def test_mitdb_has_the_published_episodes(data_dir):
    """27 AF spans of a minute and more in 6 records; six episodes of flutter in 207, alone."""
    counts = {"AFIB": {}, "VFIB": {}}
    for path in sorted((data_dir / "mitdb").glob("*.atr")):
        found = truths(annotated(load(path.with_suffix(""), "atr"), 360, 650000 / 360))
        for kind, by_record in counts.items():
            if found[kind].must:
                by_record[path.stem] = len(found[kind].must)
    assert sum(counts["AFIB"].values()) == 27
    assert counts["VFIB"] == {"207": 6}
