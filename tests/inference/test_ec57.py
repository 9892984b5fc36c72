"""Every rule of the beat-by-beat comparison, by a case made by hand at 1000 Hz."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.evaluation.annotations import BXB, PAPERS, Annotations, beats, window_samples
from inference.evaluation.ec57 import ALONE, LABELS, O, X, compare, match

RATE = 1000.0
START = 300_000
"""End of the learning period in samples."""


def file(*events, mapping=BXB):
    """Beats from events (sample after the learning period, symbol[, subtype]) in time order."""
    full = [(*event, 0)[:3] for event in events]
    return beats(
        Annotations(
            np.array([START + sample for sample, _, _ in full], np.int64),
            tuple(symbol for _, symbol, _ in full),
            tuple(subtype for _, _, subtype in full),
            ("",) * len(full),
            RATE,
        ),
        RATE,
        mapping,
    )


def cells(reference, test):
    """Filled cells of the matrix, by name: `{"Nn": 3, "Vo": 1}`."""
    matrix = compare(reference, test, RATE).matrix
    return {
        LABELS[row] + LABELS[column].lower(): int(matrix[row, column])
        for row, column in np.argwhere(matrix)
    }


# --- the match window


@pytest.mark.parametrize(("offset", "found"), [(150, {"Nn": 1}), (151, {"No": 1, "On": 1})])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_window_is_150_ms_inclusive(offset, sign, found):
    """At 150 ms, before or after, it is the same beat; at 151 ms it is a miss and a false one."""
    assert cells(file((1000, "N")), file((1000 + sign * offset, "N"))) == found


@pytest.mark.parametrize(("rate", "samples"), [(360, 54), (250, 37), (128, 19), (1000, 150)])
def test_the_window_in_samples_never_exceeds_150_ms(rate, samples):
    """54 samples at 360 Hz are 150 ms; 37 at 250 Hz are 148 ms, 38 would be 152 ms."""
    assert window_samples(rate) == samples


# --- who is paired with whom


def test_of_two_detections_the_nearer_one_wins():
    """The earlier detection within the window is false when the next one is nearer to the beat."""
    assert list(match([100], [40, 90], 150)) == [(ALONE, 0), (0, 1)]


def test_of_two_beats_the_nearer_one_wins():
    """The earlier beat within the window is missed when the next one is nearer to the detection."""
    assert list(match([40, 90], [100], 150)) == [(0, ALONE), (1, 0)]


def test_at_equal_distance_the_later_one_wins():
    """A detection must be nearer than the next one, not as near: so bxb's inequality reads."""
    assert list(match([100], [60, 140], 150)) == [(ALONE, 0), (0, 1)]
    assert list(match([60, 140], [100], 150)) == [(0, ALONE), (1, 0)]


@pytest.mark.parametrize("first", [96, 95])
def test_a_rival_with_a_nearer_partner_of_its_own_is_none(first):
    """The example in bxb's source (24 November 2002): 128 is the first beat's, as 185 is the second's."""
    assert list(match([first, 160], [128, 185], 37)) == [(0, 0), (1, 1)]
    assert list(match([128, 185], [first, 160], 37)) == [(0, 0), (1, 1)]


def test_two_detections_never_match_one_beat():
    """Detections before and after one beat: one is right, one false."""
    assert cells(file((1000, "V")), file((990, "V"), (1100, "V"))) == {"Vv": 1, "Ov": 1}


def test_the_search_is_greedy_not_optimal():
    """The rule looks one annotation ahead: the pairing that a global optimum would find is lost."""
    assert list(match([100, 130], [80, 110], 54)) == [(ALONE, 0), (0, 1), (1, ALONE)]


def test_detections_after_the_last_beat_are_false():
    """Nothing ends the comparison early, on either side."""
    assert cells(file((0, "N")), file((0, "N"), (900, "N"))) == {"Nn": 1, "On": 1}
    assert cells(file((0, "N"), (900, "N")), file((0, "N"))) == {"Nn": 1, "No": 1}


# --- the learning period


def test_the_first_five_minutes_do_not_count():
    """Misses, false detections and wrong classes before 5:00 leave no trace."""
    reference = file((-5000, "N"), (-4000, "V"), (1000, "N"))
    assert cells(reference, file((-4000, "N"), (-2000, "N"), (1000, "N"))) == {"Nn": 1}


def test_the_first_beat_at_five_minutes_counts():
    """300.000 s belongs to the test period."""
    assert cells(file((0, "N")), file((0, "N"))) == {"Nn": 1}


def test_a_pair_across_five_minutes_belongs_to_its_reference_beat():
    """A beat just before 5:00 detected just after it is neither missed nor false."""
    assert cells(file((-20, "N")), file((20, "N"))) == {}
    assert cells(file((20, "N")), file((-20, "N"))) == {"Nn": 1}
    assert cells(file((20, "N")), file((-20, "V"), (10, "N"))) == {"Nn": 1}


@pytest.mark.parametrize(("at", "found"), [(150, {"Nn": 1}), (151, {"On": 1, "Nn": 1})])
def test_a_detection_right_after_five_minutes_is_passed_over(at, found):
    """Within the window its beat may lie before 5:00; not if it is nearer to the first one after."""
    assert cells(file((900, "N")), file((at, "N"), (900, "N"))) == found
    assert cells(file((100, "N")), file((100, "N"), (250, "V"))) == {"Nn": 1, "Ov": 1}


# --- ventricular fibrillation


def test_beats_in_fibrillation_do_not_count():
    """Detections between [ and ] are not false, beats there are not missed."""
    reference = file((0, "N"), (1000, "["), (1500, "!"), (1700, "V"), (3000, "]"), (4000, "N"))
    test = file((0, "N"), (1200, "V"), (1900, "V"), (2500, "N"), (4000, "N"))
    assert cells(reference, test) == {"Nn": 2}


def test_a_beat_at_the_edge_of_fibrillation_keeps_its_detection():
    """A detection 20 ms inside belongs to the beat 80 ms before the onset."""
    assert cells(file((920, "N"), (1000, "["), (3000, "]")), file((1020, "N"))) == {"Nn": 1}


def test_fibrillation_without_end_lasts_to_the_end():
    """An episode that is still going on when the record ends."""
    assert cells(file((0, "N"), (1000, "[")), file((0, "N"), (90000, "V"))) == {"Nn": 1}


def test_beats_missed_in_fibrillation_that_only_the_test_sees_are_missed():
    """A false VF of the test hides nothing."""
    reference = file((0, "N"), (1000, "N"), (2000, "N"))
    assert cells(reference, file((0, "N"), (500, "["), (2500, "]"))) == {"Nn": 1, "No": 2}


# --- shutdown


def test_beats_missed_in_the_test_s_shutdown_stand_in_column_x():
    """74 beats, 6 of them in a 5 s shutdown: bxb prints Nn 68 and Nx 6 (bemoody/wfdb issue 15)."""
    at = [900 * k for k in range(74)]
    off, on = at[10] - 50, at[10] + 4950
    found = [(t, "N") for t in at if not off < t < on]
    reference = file(*((t, "N") for t in at))
    test = file(*sorted([*found, (off, "~", -1), (on, "~", 0)]))
    assert cells(reference, test) == {"Nn": 68, "Nx": 6}
    assert compare(reference, test, RATE).shutdown_s == 5.0


def test_detections_in_the_reference_s_shutdown_stand_in_row_x():
    """What the annotators could not read."""
    reference = file((0, "N"), (500, "~", -1), (3000, "~", 3), (3500, "N"))
    assert cells(reference, file((0, "N"), (1000, "V"), (3500, "N"))) == {"Nn": 2, "Xv": 1}


@pytest.mark.parametrize(("subtype", "cell"), [(-1, "Xn"), (0x30, "Xn"), (3, "On"), (0x20, "On")])
def test_a_shutdown_has_both_bits_of_its_subtype(subtype, cell):
    """Bits 16 and 32 together; noise in both signals (3) is readable."""
    reference = file((0, "N"), (500, "~", subtype), (3000, "~", 0), (3500, "N"))
    assert cells(reference, file((0, "N"), (1000, "N"), (3500, "N"))) == {"Nn": 2, cell: 1}


def test_a_lone_shutdown_mark_reaches_to_150_ms_from_its_neighbours():
    """The AHA database marks only the middle of an unreadable stretch: from the last beat on."""
    reference = file((0, "N"), (700, "+"), (2000, "~", -1), (4000, "N"))
    span = reference.shutdown
    assert (span.starts.tolist(), span.ends.tolist()) == ([START + 150], [START + 3850])
    test = file((0, "N"), (160, "N"), (3840, "N"), (4000, "N"))
    assert cells(reference, test) == {"Nn": 2, "Xn": 2}


def test_a_lone_shutdown_mark_after_fibrillation_begins_behind_it():
    """Or from its end, where that is nearer; beats in it are no neighbours."""
    reference = file((0, "N"), (500, "["), (800, "V"), (1000, "]"), (2000, "~", -1), (3000, "N"))
    span = reference.shutdown
    assert (span.starts.tolist(), span.ends.tolist()) == ([START + 1150], [START + 2850])


def test_a_beat_between_the_marks_counts():
    """What follows a shutdown mark ends it, whatever it is; bxb leaves no beat out for it."""
    test = file((0, "N"), (500, "~", -1), (900, "N"), (3000, "~", 0), (3500, "N"))
    reference = file((0, "N"), (900, "N"), (2000, "N"), (3500, "N"))
    assert cells(reference, test) == {"Nn": 3, "No": 1}


def test_a_shutdown_without_end_lasts_to_the_end():
    """The file's last annotation."""
    reference = file((1000, "N"), (2000, "~", -1))
    assert cells(reference, file((1000, "N"), (1900, "N"), (9000, "N"))) == {
        "Nn": 1,
        "On": 1,
        "Xn": 1,
    }


# --- classes


@pytest.mark.parametrize(
    ("symbols", "label"), [("NLRB", "N"), ("AaJS", "S"), ("VrE", "V"), ("F", "F"), ("/fQ?", "Q")]
)
@pytest.mark.parametrize("mapping", [BXB, PAPERS])
def test_symbols_map_to_the_standard_s_classes(symbols, label, mapping):
    """EC57 table 3, the same in both mappings."""
    for symbol in symbols:
        reference = file((0, symbol), mapping=mapping)
        assert cells(reference, file((0, "V"))) == {label + "v": 1}


@pytest.mark.parametrize("symbol", "ejn")
def test_escape_beats_are_s_for_bxb_and_n_for_the_papers(symbol):
    """The one difference between the mappings."""
    assert cells(file((0, symbol)), file((0, "S"))) == {"Ss": 1}
    assert cells(file((0, symbol), mapping=PAPERS), file((0, "S"))) == {"Ns": 1}


@pytest.mark.parametrize("symbol", ['"', "+", "~", "|", "x", "!", "p", "T", "s", "[", "]"])
def test_what_is_no_beat_is_no_beat(symbol):
    """Rhythm, noise, artefact, P wave, flutter wave, comment."""
    assert len(file((0, symbol))) == 0


def test_an_empty_test_file_misses_everything():
    """And an empty reference makes everything false."""
    assert cells(file((0, "N"), (900, "V")), file()) == {"No": 1, "Vo": 1}
    assert cells(file(), file((900, "N"), (1800, "V"))) == {"On": 1, "Ov": 1}


# --- properties

times = st.lists(st.integers(0, 20000), max_size=40).map(sorted)
symbols = st.sampled_from("NAVF/")


@given(reference=times, test=times, window=st.integers(0, 400))
def test_every_beat_is_counted_exactly_once(reference, test, window):
    """Whatever the two files: each index once, and no pair is farther apart than the window."""
    pairs = list(match(reference, test, window))
    assert sorted(i for i, _ in pairs if i != ALONE) == list(range(len(reference)))
    assert sorted(j for _, j in pairs if j != ALONE) == list(range(len(test)))
    assert all(abs(reference[i] - test[j]) <= window for i, j in pairs if ALONE not in {i, j})


@given(reference=times, test=times)
def test_pairs_are_in_time_order(reference, test):
    """No two pairs cross."""
    pairs = [(i, j) for i, j in match(reference, test, 150) if ALONE not in {i, j}]
    assert pairs == sorted(pairs)
    assert all(a[1] < b[1] for a, b in pairwise(pairs))


@given(beats_=st.lists(st.tuples(st.integers(0, 10**6), symbols), max_size=60).map(sorted))
def test_a_perfect_copy_is_perfect(beats_):
    """Every beat on the diagonal."""
    copy = file(*beats_)
    matrix = compare(copy, copy, RATE).matrix
    assert matrix.sum() == np.trace(matrix) == len(beats_)


@given(
    steps=st.lists(st.integers(320, 2000), min_size=1, max_size=60),
    shift=st.sampled_from([-160, -151, 151, 160]),
)
def test_a_shift_by_more_than_the_window_finds_nothing(steps, shift):
    """Beats at least two windows apart, moved by more than one: all missed, all false."""
    at = np.cumsum(steps).tolist()
    matrix = compare(
        file(*((t, "N") for t in at)), file(*((t + shift, "N") for t in at)), RATE
    ).matrix
    assert matrix[0, O] == matrix[O, 0] == len(at)
    assert matrix.sum() == 2 * len(at)
    assert matrix[X].sum() == 0


@given(
    beats_=st.lists(st.integers(1000, 10**6), max_size=60).map(sorted),
    jitter=st.lists(st.integers(-150, 150), min_size=60, max_size=60),
)
def test_both_sides_are_symmetric_in_number(beats_, jitter):
    """Matched plus missed is the reference, matched plus false is the test."""
    moved = sorted(max(0, t + d) for t, d in zip(beats_, jitter, strict=False))
    matrix = compare(
        file(*((t, "N") for t in beats_)), file(*((t, "V") for t in moved)), RATE
    ).matrix
    assert matrix[0].sum() == len(beats_)
    assert matrix[:, 2].sum() == len(moved)


@given(at=st.lists(st.integers(320, 2000), min_size=2, max_size=40), offset=st.integers(-150, 150))
def test_offsets_are_test_minus_reference_in_seconds(at, offset):
    """A constant shift within the window is every pair's offset."""
    when = np.cumsum(at).tolist()
    found = compare(file(*((t, "N") for t in when)), file(*((t + offset, "N") for t in when)), RATE)
    np.testing.assert_allclose(found.offsets, offset / RATE)
    assert len(found.offsets) == len(when)
