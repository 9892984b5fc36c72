"""Couplets and runs, both ways and in both readings, by cases made by hand at 1000 Hz."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.evaluation.annotations import BXB, Annotations, beats
from inference.evaluation.runs import (
    S_ALONE,
    S_RXR,
    V_ALONE,
    V_RXR,
    compare_runs,
    find_runs,
    found_of,
    labels,
)

RATE = 1000.0
START = 300_000
RHYTHMS = {"{": "(AFIB", "}": "(N", "<": "(VFL"}
SHUTDOWN = {"u": -1, "c": 0}


def file(text, *, step=800, shift=0):
    """One annotation per character and `step` samples; a dot is none, RHYTHMS and SHUTDOWN have more."""
    rows = [(START + shift + step * k, c) for k, c in enumerate(text) if c != "."]
    symbols = ["+" if c in RHYTHMS else "~" if c in SHUTDOWN else c for _, c in rows]
    return Annotations(
        np.array([t for t, _ in rows], np.int64),
        tuple(symbols),
        tuple(SHUTDOWN.get(c, 0) for _, c in rows),
        tuple(RHYTHMS.get(c, "") for _, c in rows),
        RATE,
    )


def compared(reference, test, target):
    """Rows of the target in two files; of its beats alone also without what lies in fibrillation."""
    truth, judged = labels(reference, BXB), labels(test, BXB)
    if target in {V_ALONE, S_ALONE}:
        spans = beats(reference, RATE, BXB), beats(test, RATE, BXB)
        truth, judged = truth.outside(spans[0]), judged.outside(*spans)
    return compare_runs(truth, judged, RATE, target)


def lengths(matrix):
    """Filled cells of couplets and runs as {(these, those): number}."""
    return {(int(a), int(b)): int(matrix[a, b]) for a, b in np.argwhere(matrix) if a > 1}


def both(reference, test, target=V_ALONE):
    """Cells of the two matrices of one comparison."""
    found = compared(file(reference), file(test), target)
    return lengths(found.sensitivity), lengths(found.predictivity)


# --- what both readings have in common

READINGS = pytest.mark.parametrize("target", [V_ALONE, V_RXR])


@READINGS
def test_a_perfect_copy_finds_every_run(target):
    """A single, a couplet, a run of 3, of 5, of 8."""
    text = "NVNNVVNNVVVNNVVVVVNNVVVVVVVVN"
    expected = {(2, 2): 1, (3, 3): 1, (5, 5): 1, (6, 6): 1}
    assert both(text, text, target) == (expected, expected)
    assert compared(file(text), file(text), target).sensitivity[1, 1] == 1


@READINGS
def test_a_run_broken_in_the_middle_is_as_long_as_its_longest_part(target):
    """Five beats of which the third is called normal: two couplets found for one run."""
    assert both("NVVVVVN", "NVVNVVN", target) == ({(5, 2): 1}, {(2, 2): 2})


@READINGS
def test_a_missed_beat_in_a_run_does_not_break_the_test_s_row(target):
    """The two beats beside a missed one are still successive beats of the test."""
    assert both("NVVVN", "NV.VN", target) == ({(3, 2): 1}, {(2, 3): 1})


@READINGS
def test_a_false_run_is_found_in_the_test_only(target):
    """No counterpart: length 0 among the other's beats."""
    assert both("NNNNN", "NVVVN", target) == ({}, {(3, 0): 1})


@READINGS
def test_a_missed_run_has_a_counterpart_of_length_0(target):
    """Or of 1, where one beat was found."""
    assert both("NVVNVVN", "NNNNVNN", target) == ({(2, 0): 1, (2, 1): 1}, {})


@READINGS
def test_only_beats_in_the_window_of_the_run_are_looked_at(target):
    """A couplet inside a long run of the test is found as a couplet."""
    assert both("NNNVVNNN", "NVVVVVVN", target) == ({(2, 2): 1}, {(6, 2): 1})


@READINGS
def test_a_run_at_the_end_of_the_file_counts(target):
    """No beat ends it."""
    assert both("NVVV", "NVVV", target) == ({(3, 3): 1}, {(3, 3): 1})


@READINGS
@pytest.mark.parametrize(("shift", "found"), [(150, 2), (151, 1)])
def test_the_window_reaches_150_ms_beyond_the_run(target, shift, found):
    """Inclusive at both ends."""
    late = compared(file("NVVN"), file("NVVN", shift=shift), target)
    early = compared(file("NVVN", shift=shift), file("NVVN"), target)
    assert lengths(late.sensitivity) == lengths(early.sensitivity) == {(2, found): 1}


@READINGS
def test_the_learning_period_does_not_count(target):
    """A couplet that ends at 5:00 is a single beat after it; its counterpart may begin before."""
    early = file("NVVN", shift=-1700)
    assert lengths(compared(early, early, target).sensitivity) == {}
    found = compared(file("VVN", shift=10), file("VVN", shift=-10), target)
    assert lengths(found.sensitivity) == {(2, 2): 1}


@pytest.mark.parametrize("target", [S_ALONE, S_RXR])
def test_runs_of_s_are_judged_apart(target):
    """A V inside ends a run of S."""
    assert both("NSSNSVSN", "NSSNSVSN", target) == ({(2, 2): 1}, {(2, 2): 1})


# --- beats of the class alone


def test_fibrillation_ends_a_run():
    """Two V before and two after an episode are no run of four."""
    assert both("VV[!!]VVN", "VV....VVN")[0] == {(2, 2): 2}


def test_detections_in_fibrillation_make_no_false_run():
    """What is called V inside the reference's VF does not count."""
    assert both("NN[!!!]NN", "NN.VVV.NN") == ({}, {})


def test_neither_fusion_nor_atrial_fibrillation_makes_a_run():
    """An F ends a row of V, and a normal beat in AF is normal."""
    assert both("NVFVVN", "NVFVVN") == ({(2, 2): 1}, {(2, 2): 1})
    assert both("{NNSNN}N", "{NNSSN}N", S_ALONE) == ({}, {(2, 1): 1})


# --- as rxr(1) counts


def test_fusion_beats_are_ventricular():
    """V and F alike begin a row and go on with it."""
    assert both("NFVFN", "NVVVN", V_RXR) == ({(3, 3): 1}, {(3, 3): 1})
    assert both("NFVFN", "NNVNN", V_RXR) == ({(3, 1): 1}, {})


@pytest.mark.parametrize("start", "[<")
def test_ventricular_fibrillation_is_a_long_run(start):
    """Marked by its brackets or its rhythm; any run of the test inside is found in it."""
    assert both(f"N{start}!!!]NN", "N.VVV.NN", V_RXR) == ({(6, 3): 1}, {(3, 6): 1})


def test_runs_before_fibrillation_go_on_through_it():
    """An episode adds no length to a row that goes on, and ends none."""
    assert both("NVV[!!]VN", "NNNNNNNNN", V_RXR)[0] == {(3, 0): 1}


def test_fibrillation_across_five_minutes_is_a_run_from_there():
    """What the reference was in when the learning period ended."""
    found = compared(file("[!!!!]N", shift=-1600), file("NNVVVVN", shift=-1600), V_RXR)
    assert lengths(found.sensitivity) == {(6, 4): 1}


def test_atrial_fibrillation_is_a_long_run_of_s():
    """Its normal beats are S; the test says AF by its rhythm, or by beats called S."""
    assert both("NN{NNNN}NNNN", "NN{NNNN}NNNN", S_RXR) == ({(6, 6): 1}, {(6, 6): 1})
    assert both("NN{NNNN}NNNN", "NN.SSSN.NNNN", S_RXR) == ({(6, 3): 1}, {(3, 6): 1})


def test_an_unreadable_stretch_ends_a_run():
    """On either side."""
    assert both("NVVuVVcN", "NVV.VV.N", V_RXR) == ({(2, 2): 2}, {(4, 2): 1})


# --- counting


def test_kinds_of_runs():
    """A run counts as found from the least length of its kind on; any run of 3 from 3 on."""
    matrix = np.zeros((7, 7), np.int64)
    matrix[2, 1] = matrix[2, 2] = matrix[3, 2] = matrix[4, 3] = matrix[6, 5] = matrix[6, 6] = 1
    assert found_of(matrix, "couplet") == (1, 2)
    assert found_of(matrix, "short") == (1, 2)
    assert found_of(matrix, "long") == (1, 2)
    assert found_of(matrix, "run") == (3, 4)


letters = st.text("NVS", max_size=60)


@given(text=letters)
def test_runs_are_what_a_pattern_finds(text):
    """Each stretch of V, and nothing else; six stands for more."""
    found = [length for length, _, _ in find_runs(labels(file(text), BXB), V_ALONE)]
    words = text.replace("N", " ").replace("S", " ").split()
    assert found == [min(len(word), 6) for word in words]


@READINGS
@given(text=letters)
def test_a_copy_is_perfect(target, text):
    """Only the diagonal, and the same both ways."""
    found = compared(file(text), file(text), target)
    assert (found.sensitivity == found.predictivity).all()
    assert found.sensitivity.sum() == np.trace(found.sensitivity)


@READINGS
@given(reference=letters, test=letters)
def test_every_run_is_counted_once(target, reference, test):
    """As many entries as runs, on either side."""
    found = compared(file(reference), file(test), target)
    runs = [len(list(find_runs(labels(file(text), BXB), target))) for text in (reference, test)]
    assert [found.sensitivity.sum(), found.predictivity.sum()] == runs
