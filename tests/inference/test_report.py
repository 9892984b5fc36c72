"""Figures out of matrices, intervals out of patients, tables out of both."""

import json

import numpy as np
import pytest

from inference.evaluation.ec57 import LABELS, Comparison
from inference.evaluation.records import DS1, DS2, PACED, RecordResult
from inference.evaluation.report import build, markdown, percent, share
from inference.evaluation.runs import ALONE, RXR, RunMatrices
from inference.evaluation.summary import (
    COUNTS,
    bootstrap,
    by_patient,
    counts,
    fiducial,
    figures,
    gross,
    mean,
    table,
)


def matrix(**cells):
    """A comparison matrix from cells by name, `Nn=3`."""
    out = np.zeros((7, 7), np.int64)
    for name, value in cells.items():
        out[LABELS.index(name[0]), LABELS.index(name[1].upper())] = value
    return out


def result(record="100", offsets=(), *, patient=None, classified=True, **cells):
    """One record's result with this matrix."""
    none = RunMatrices(np.zeros((7, 7), np.int64), np.zeros((7, 7), np.int64))
    found = Comparison(matrix(**cells), np.array(offsets, np.float64), 0.0)
    runs = dict.fromkeys(ALONE | RXR, none)
    return RecordResult(record, patient or record, classified, found, found, runs)


def counted(**cells):
    """The counts of such a matrix, by name."""
    return dict(zip(COUNTS, counts(matrix(**cells)).tolist(), strict=True))


# --- counts, EC57 4.3.3


def test_every_pair_is_a_true_qrs_whatever_its_class():
    """Detection does not ask for the class."""
    assert counted(Nn=5, Nv=2, Vs=1, Qf=1)["qrs_tp"] == 9


def test_misses_and_false_detections_with_and_without_shutdown():
    """Columns o and x, rows O and X."""
    found = counted(No=1, Vx=2, On=4, Xv=8)
    assert (found["qrs_fn"], found["qrs_fp"]) == (3, 12)


def test_false_v_are_n_s_and_nothing_called_v():
    """F and Q called V are not held against V; every other false V is."""
    assert counted(Nv=1, Sv=2, Ov=4, Xv=8, Fv=16, Qv=32)["v_fp"] == 15


def test_whatever_is_neither_v_nor_called_v_is_a_true_negative():
    """False detections called something else, too, as bxb sums; misses are none."""
    found = counted(Nn=1, Sf=2, Fq=4, Qs=8, On=16, Xs=32, Oq=64, No=128, Vn=256, Nv=512)
    assert found["v_tn"] == 127


def test_false_s_are_n_v_f_and_nothing_called_s():
    """Only Q called S is not held against S."""
    assert counted(Ns=1, Vs=2, Fs=4, Os=8, Xs=16, Qs=32)["s_fp"] == 31


def test_missed_v_and_s_are_all_that_are_not_called_so():
    """Called another class, or missed."""
    found = counted(Vn=1, Vs=2, Vf=4, Vq=8, Vo=16, Vx=32, Sn=1, So=2)
    assert (found["v_fn"], found["s_fn"]) == (63, 3)


def test_figures_are_the_standard_s_ratios():
    """Se = TP / (TP + FN), +P = TP / (TP + FP), F1 their harmonic mean."""
    found = gross(counts(matrix(Vv=80, Vn=20, Nv=5, Nn=895, So=1, Ss=3, Ns=2))[None])
    assert found["v_se"] == 0.8
    assert found["v_ppv"] == 80 / 85
    assert found["v_f1"] == pytest.approx(2 * 0.8 * (80 / 85) / (0.8 + 80 / 85))
    assert found["s_se"] == 0.75
    assert found["s_ppv"] == 0.6
    assert found["qrs_se"] == 1005 / 1006


def test_accuracy_counts_misses_and_false_detections_as_wrong():
    """Of N, S, V; reference F and Q do not enter."""
    found = gross(counts(matrix(Nn=90, Ss=2, Vv=3, Nv=1, No=2, On=2, Fv=50, Qn=50))[None])
    assert found["accuracy"] == 95 / 100


def test_nothing_to_judge_is_no_figure():
    """Not 0, not 1."""
    assert np.isnan(gross(counts(matrix(Nn=5))[None])["s_se"])


# --- summaries


def test_gross_weighs_beats_and_the_mean_weighs_records():
    """90 of 100 and 10 of 10."""
    rows = table([result("1", Nn=90, No=10), result("2", Nn=10)])
    assert gross(rows)["qrs_se"] == 100 / 110
    assert mean(rows)["qrs_se"] == pytest.approx(0.95)


def test_the_mean_leaves_out_records_without_such_beats():
    """S sensitivity of the one record that has S."""
    rows = table([result("1", Ss=1, Sn=1), result("2", Nn=10)])
    assert mean(rows)["s_se"] == 0.5


def test_paced_records_count_for_detection_only():
    """Their classes are no figure, their misses are."""
    rows = table([result("100", Vv=1), result("102", classified=False, Vn=3, Vo=1)])
    assert gross(rows)["v_se"] == 1.0
    assert gross(rows)["qrs_se"] == 4 / 5


def test_records_of_one_patient_are_one_row():
    """Mitdb 201 and 202 are one man."""
    results = [result("201", Nn=1), result("202", patient="201", No=1), result("203", Nn=1)]
    patients = by_patient(results, table(results))
    assert sorted(figures(patients)["qrs_se"].tolist()) == [0.5, 1.0]


def test_bootstrap_is_reproducible_and_contains_the_truth():
    """Same seed, same interval; 40 patients of sensitivity 0.9 ± 0.05 cover 0.9."""
    generator = np.random.default_rng(1)
    found = [int(x) for x in generator.normal(900, 50, 40).clip(0, 1000)]
    rows = table([result(str(i), Nn=x, No=1000 - x) for i, x in enumerate(found)])
    low, high = bootstrap(rows, 7)["qrs_se"]
    assert bootstrap(rows, 7)["qrs_se"] == (low, high)
    assert bootstrap(rows, 8)["qrs_se"] != (low, high)
    assert low < 0.9 < high
    # The standard error of the mean of 40 patients is 0.05 / √40.
    assert high - low == pytest.approx(2 * 1.96 * 0.05 / 40**0.5, rel=0.3)


def test_bootstrap_of_one_patient_is_a_point():
    """Nothing is known about other patients, and nothing pretends to be."""
    low, high = bootstrap(table([result("1", Nn=9, No=1)]), 1)["qrs_se"]
    assert low == high == 0.9


def test_fiducial_spread_is_around_each_record_s_own_mean():
    """Two records with constant offsets of 10 and 30 ms have no jitter."""
    found = fiducial([result("1", [0.010] * 3), result("2", [0.030] * 3)])
    assert found["mean_ms"] == pytest.approx(20)
    assert found["sd_ms"] == pytest.approx(0, abs=1e-9)


# --- the report


def test_the_published_halves_of_mitdb():
    """22 records each, no record in both, paced ones in neither (de Chazal 2004)."""
    assert len(DS1) == len(DS2) == 22
    assert not set(DS1) & set(DS2)
    assert len({*DS1, *DS2, *PACED}) == 48


def test_report_is_plain_json_without_nan():
    """What no record has is null, which every JSON reader takes."""
    report = build([result("100", [0.001], Nn=5)], ej_as_n=False)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["gross"]["s_se"] is None
    assert report["without_232"] is None


def test_report_says_s_without_record_232():
    """Gross S of the others."""
    report = build([result("232", Ss=10), result("100", Ss=1, Sn=1)], ej_as_n=False)
    assert report["gross"]["s_se"] == 11 / 12
    assert report["without_232"]["s_se"] == 0.5


def test_markdown_holds_the_figures_and_the_method():
    """The same numbers as the data, and how they came about."""
    report = build([result("100", [0.0], Nn=999, No=1, Vv=3, Nv=1)], ej_as_n=True)
    text = markdown(report)
    assert "e, j, n are N, as most papers" in text
    assert "| QRS Se | 99.90 |" in text
    assert "| V +P | 75.00 |" in text
    assert "| 100 | 1 | 0 | 99.90 |" in text


def test_numbers_are_never_invented():
    """A dash where there is nothing, counts beside every share."""
    assert percent(None) == "–"
    assert share(0, 0) == "– (0/0)"
    assert share(1, 8) == "12.5 (1/8)"
