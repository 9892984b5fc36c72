"""The interval classifier's input: limits, formulas, gaps; Shapley values by their axioms."""

import math
from itertools import permutations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg.errors import WireError
from inference.intervals import features
from inference.intervals.inputs import COUNT, INPUTS, NAMES, REQUIRED
from inference.intervals.person import EXAMPLE, convert, decode, matrix, missing
from inference.intervals.shapley import contributions

WHOLE = {
    "Age": 50,
    "Gender": "F",
    "ECG_QTC_INTERVAL": 400,
    "ECG_QRS_DURATION": 90,
    "ECG_VENT_RATE": 60,
    "ECG_ATRIAL_RATE": 60,
    "ECG_QT_INTERVAL": 400,
    "ECG_R_AXIS": 45,
    "ECG_T_AXIS": 30,
    "ECG_QRS_COUNT": 10,
    "ECG_Q_ONSET": 220,
    "ECG_Q_OFFSET": 265,
    "ECG_T_OFFSET": 420,
}

NUMBERS = [one for one in INPUTS if one.name != "Gender"]


def feature(name, **changes):
    """One unscaled feature of WHOLE with these changes."""
    centre, scale = features.FEATURES[name]
    row = features.scaled(matrix([convert(WHOLE | changes)]))[0]
    return row[list(features.FEATURES).index(name)] * scale + centre


def refused(values):
    """Code and field with which these values are refused."""
    with pytest.raises(WireError) as caught:
        convert(values)
    return caught.value.code, caught.value.field


def test_corrected_qt_follows_bazett_and_fridericia():
    """At 60 /min RR is 1 s, so all agree; at 120 /min QT 300 is 424 by Bazett, 378 by Fridericia."""
    assert feature("qt_bazett_less_qtc") == pytest.approx(0)
    assert feature("qt_fridericia") == pytest.approx(400)
    faster = {"ECG_VENT_RATE": 120, "ECG_QT_INTERVAL": 300, "ECG_QTC_INTERVAL": 424.26}
    assert feature("qt_bazett_less_qtc", **faster) == pytest.approx(0, abs=0.01)
    assert feature("qt_fridericia", **faster) == pytest.approx(300 * 2 ** (1 / 3))
    assert feature("rate_of_qt", **faster) == pytest.approx(120, abs=0.01)


def test_a_direction_is_the_same_whichever_way_it_is_counted():
    """-120 degrees are 240; the angle between 170 and -170 is 20."""
    assert feature("r_axis", ECG_R_AXIS=-120) == pytest.approx(
        feature("r_axis", ECG_R_AXIS=240), abs=1e-9
    )
    assert feature("axes_apart", ECG_R_AXIS=170, ECG_T_AXIS=-170) == pytest.approx(20)


@st.composite
def people(draw):
    """Anybody within the limits, with any of the measurements absent."""
    row = [
        draw(st.none() | st.floats(one.low, one.high)) if one.name != "Gender" else 1.0
        for one in INPUTS
    ]
    return [math.nan if value is None else value for value in row]


@given(people())
def test_input_is_finite_whatever_is_absent_and_says_what_is(row):
    """0 for the unknown, a flag for each measurement, nothing beyond the cut."""
    values = np.array([row])
    found = features.rows(values)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= features.CUT
    assert (found[0, -COUNT:] == np.isfinite(row)).all()


def test_a_feature_is_unknown_when_one_of_its_measurements_is():
    """Without the rate no corrected QT, but the age stays."""
    names = list(features.FEATURES)
    values = matrix([convert({k: v for k, v in WHOLE.items() if k != "ECG_VENT_RATE"})])
    row = features.scaled(values)[0]
    assert np.isnan(row[names.index("qt_fridericia")])
    assert row[names.index("age")] == 0.0


@pytest.mark.parametrize("one", NUMBERS, ids=lambda one: one.name)
def test_both_limits_of_each_input_are_allowed_and_nothing_beyond(one):
    """The field is named."""
    alone = {name: WHOLE[name] for name in REQUIRED}
    for inside in (one.low, one.high):
        convert(alone | {one.name: inside})
    for outside in (one.low - 0.1, one.high + 0.1):
        assert refused(alone | {one.name: outside}) == ("out_of_range", one.name)


@pytest.mark.parametrize("name", REQUIRED)
def test_the_required_four_are_required(name):
    """Any of the others may be absent, or null."""
    assert refused({k: v for k, v in WHOLE.items() if k != name}) == ("missing_field", name)
    rest = {k: v for k, v in WHOLE.items() if k in REQUIRED} | {"ECG_QT_INTERVAL": None}
    assert missing(convert(rest)) == tuple(n for n in NAMES if n not in REQUIRED)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"Gender": "X"}, ("out_of_range", "Gender")),
        ({"Age": "old"}, ("wrong_type", "Age")),
        ({"age": 5}, ("unknown_field", "age")),
        ({"ECG_Q_OFFSET": 220}, ("mismatch", "ECG_Q_OFFSET")),
        ({"ECG_Q_OFFSET": None, "ECG_T_OFFSET": 200}, ("mismatch", "ECG_T_OFFSET")),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(change, problem):
    """Another sex, words, a misspelt name, a wave that ends before it begins."""
    assert refused(WHOLE | change) == problem


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"Age": NaN}', b"[" * 100_000])
def test_what_is_no_json_object_is_refused(body):
    """Whatever it is, it is a WireError."""
    with pytest.raises(WireError):
        decode(body)


def test_a_body_gives_the_same_row_as_its_values():
    """JSON and built-in values are one code path."""
    assert (
        matrix([decode(msgspec.json.encode(WHOLE))]).tolist() == matrix([convert(WHOLE)]).tolist()
    )
    assert decode(msgspec.json.encode(EXAMPLE))[:4] == (65, 1, 420.5, 98.2)


def game(values):
    """A model with an interaction, a dummy and gaps: 0.1 + 0.2 a + 0.3 b c, c and d alike in 0.05."""
    a, b, c, d = np.nan_to_num(values).T[:4]
    return 0.1 + 0.2 * a + 0.3 * b * c + 0.05 * d


def by_orders(row, classify):
    """Shapley values by their definition: the mean over all orders of becoming known."""
    given_ = [i for i in range(len(row)) if np.isfinite(row[i])]
    total = np.zeros(len(row))
    orders = list(permutations(given_))
    for order in orders:
        known = np.full(len(row), np.nan)
        before = classify(known[None])[0]
        for i in order:
            known[i] = row[i]
            after = classify(known[None])[0]
            total[i] += after - before
            before = after
    return total / len(orders)


def test_contributions_are_shapley_values_by_definition():
    """Against the mean over all orders; an interaction is shared, what has no effect gets nothing."""
    row = np.array([1.0, 2.0, 0.5, 3.0, 7.0, np.nan])
    base, each = contributions(game, row)
    assert base == pytest.approx(0.1)
    assert each[:5] == pytest.approx(by_orders(row, game)[:5])
    assert each[:5] == pytest.approx([0.2, 0.15, 0.15, 0.15, 0.0])
    assert np.isnan(each[5])
    assert base + np.nansum(each) == pytest.approx(game(row[None])[0])
