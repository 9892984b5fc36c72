"""Couplets and runs, both ways, by cases made by hand at 1000 Hz."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.evaluation.annotations import BXB, Annotations, beats
from inference.evaluation.runs import compare_runs, find_runs, found_of, longest

RATE = 1000.0
S, V = 1, 2
START = 300_000


def file(text, *, step=800, shift=0):
    """One beat (or VF mark) per character and `step` samples; a dot is a missing beat."""
    rows = [(START + shift + step * k, c) for k, c in enumerate(text) if c != "."]
    found = Annotations(
        np.array([t for t, _ in rows], np.int64),
        tuple(c for _, c in rows),
        (0,) * len(rows),
        ("",) * len(rows),
        RATE,
    )
    return beats(found, RATE, BXB)


def lengths(matrix):
    """Filled cells as {(these, those): number}."""
    return {(int(a), int(b)): int(matrix[a, b]) for a, b in np.argwhere(matrix)}


def both(reference, test, target=V):
    """Cells of the two matrices of one comparison."""
    found = compare_runs(file(reference), file(test), RATE, target)
    return lengths(found.sensitivity), lengths(found.predictivity)


def test_a_perfect_copy_finds_every_run():
    """A single, a couplet, a run of 3, of 5, of 8: singles are no runs."""
    text = "NVNNVVNNVVVNNVVVVVNNVVVVVVVVN"
    expected = {(2, 2): 1, (3, 3): 1, (5, 5): 1, (6, 6): 1}
    assert both(text, text) == (expected, expected)


def test_a_run_broken_in_the_middle_is_as_long_as_its_longest_part():
    """Five beats of which the third is called normal: two couplets found for one run."""
    assert both("NVVVVVN", "NVVNVVN") == ({(5, 2): 1}, {(2, 2): 2})


def test_a_missed_beat_in_a_run_does_not_break_the_test_s_row():
    """The two beats beside a missed one are still successive beats of the test."""
    assert both("NVVVN", "NV.VN") == ({(3, 2): 1}, {(2, 3): 1})


def test_a_false_run_is_found_in_the_test_only():
    """No counterpart: length 0 among the other's beats."""
    assert both("NNNNN", "NVVVN") == ({}, {(3, 0): 1})


def test_a_missed_run_has_a_counterpart_of_length_0():
    """Or of 1, where one beat was found."""
    assert both("NVVNVVN", "NNNNVNN") == ({(2, 0): 1, (2, 1): 1}, {})


def test_only_beats_in_the_window_of_the_run_are_looked_at():
    """A couplet inside a long run of the test is found as a couplet."""
    assert both("NNNVVNNN", "NVVVVVVN") == ({(2, 2): 1}, {(6, 2): 1})


@pytest.mark.parametrize(("shift", "found"), [(150, 2), (151, 1)])
def test_the_window_reaches_150_ms_beyond_the_run(shift, found):
    """Inclusive at both ends."""
    late = compare_runs(file("NVVN"), file("NVVN", shift=shift), RATE, V)
    early = compare_runs(file("NVVN", shift=shift), file("NVVN"), RATE, V)
    assert lengths(late.sensitivity) == lengths(early.sensitivity) == {(2, found): 1}


def test_runs_of_s_are_judged_apart():
    """A V inside ends a run of S."""
    assert both("NSSNSVSN", "NSSNSVSN", target=S) == ({(2, 2): 1}, {(2, 2): 1})


def test_fibrillation_ends_a_run():
    """Two V before and two after an episode are no run of four."""
    assert both("VV[!!]VVN", "VV....VVN")[0] == {(2, 2): 2}


def test_detections_in_fibrillation_make_no_false_run():
    """What is called V inside the reference's VF does not count."""
    assert both("NN[!!!]NN", "NN.VVV.NN") == ({}, {})


def test_the_learning_period_does_not_count():
    """A couplet that ends at 5:00 is a single beat after it."""
    early = file("NVVN", shift=-1700)
    assert lengths(compare_runs(early, early, RATE, V).sensitivity) == {}


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
    """Each stretch of two or more V, and nothing else."""
    found = find_runs(file(text), V, np.zeros(0))
    words = text.replace("N", " ").replace("S", " ").split()
    assert [last - first + 1 for first, last in found] == [len(w) for w in words if len(w) > 1]
    assert all(set(text[first : last + 1]) == {"V"} for first, last in found)


@given(text=letters)
def test_a_copy_is_perfect(text):
    """Only the diagonal, and the same both ways."""
    found = compare_runs(file(text), file(text), RATE, V)
    assert (found.sensitivity == found.predictivity).all()
    assert found.sensitivity.sum() == np.trace(found.sensitivity)


@given(reference=letters, test=letters)
def test_every_run_is_counted_once(reference, test):
    """As many entries as runs, on either side."""
    found = compare_runs(file(reference), file(test), RATE, V)
    assert found.sensitivity.sum() == len(find_runs(file(reference), V, np.zeros(0)))
    assert found.predictivity.sum() == len(find_runs(file(test), V, np.zeros(0)))


@given(flags=st.lists(st.booleans(), max_size=30))
def test_longest_stretch(flags):
    """The longest word of ones."""
    text = "".join("1" if flag else " " for flag in flags)
    assert longest(np.array(flags, bool)) == max(map(len, text.split()), default=0)
