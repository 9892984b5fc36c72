"""The central station's pure parts, run by Node: sounds by the standard, addresses, order, trends."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from parts import run_node

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def parts():
    """What the modules gave."""
    return json.loads(run_node(HERE / "dashboard_parts.mjs", ROOT / "client" / "dashboard"))


@pytest.mark.parametrize(
    ("priority", "pulses", "length", "spacing"),
    [(1, 2, (0.125, 0.25), (0.125, 0.25)), (2, 3, (0.125, 0.25), (0.125, 0.25)), (3, 10, (0.075, 0.2), (0.05, 0.125))],
)  # fmt: skip
def test_a_burst_has_the_pulses_of_its_priority(parts, priority, pulses, length, spacing):
    """IEC 60601-1-8, tables 3 and 4: number and length of pulses, space between them."""
    burst = parts["bursts"][priority - 1]
    assert len(burst) == pulses
    assert all(length[0] <= pulse["length"] <= length[1] for pulse in burst)
    spaces = [late["at"] - early["at"] - early["length"] for early, late in pairwise(burst)]
    regular = [space for n, space in enumerate(spaces) if priority < 3 or n % 5 in {0, 1, 3}]
    assert all(spacing[0] - 1e-9 <= space <= spacing[1] + 1e-9 for space in regular)
    if priority == 3:
        assert 2 * spaces[0] + burst[0]["length"] == pytest.approx(spaces[2])
        assert 0.35 <= spaces[4] <= 1.3


def test_bursts_are_apart_and_pulses_have_harmonics_as_the_standard_says(parts):
    """High 2.5–15 s, medium 2.5–30 s, low over 15 s; four harmonics in 300–4000 Hz within 15 dB."""
    _, low, medium, high = parts["pauses"]
    assert low > 15
    assert 2.5 <= medium <= 30
    assert 2.5 <= high <= 15
    for pulse in [pulse for burst in parts["bursts"] for pulse in burst]:
        assert 150 <= pulse["hertz"] <= 1000
        found = [
            share
            for n, share in enumerate(parts["harmonics"][1:], 2)
            if 300 <= n * pulse["hertz"] <= 4000
        ]
        assert len(found) >= 4
        assert min(found) >= 10 ** (-15 / 20)


def test_what_is_heard_is_what_the_banner_shows(parts):
    """A latched high alarm that nobody has seen sounds; what is silenced or seen does not."""
    assert parts["loudest"] == [3, 0, 0, 0]
    assert parts["banner"] == ["latched", "active", "active"]


def test_a_realarm_sounds_and_is_read_out_again(parts):
    """As it was at first, and it says so; in between it was silent."""
    news = "high priority: VT, ICU 3"
    assert parts["realarm"] == [
        [3, news, "*** VT"],
        [0, "", "*** VT (acknowledged)"],
        [3, news, "*** VT (again)"],
    ]


def test_acknowledging_all_says_which_alarms_were_seen_and_as_what(parts):
    """Those in the list that somebody can acknowledge; what comes after the press is none of them."""
    assert parts["seen"] == [{"alarm": "a", "update_no": 3}, {"alarm": "e", "update_no": 7}]


def test_addresses_come_back_as_they_went(parts):
    """With spaces and slashes; empty options are left out; broken ones lead nowhere, not astray."""
    assert parts["route"] == {"page": "beds", "id": "p 1/x", "options": {"speed": "50"}}
    assert (parts["broken"], parts["root"]) == ("%E0%A4", "")


def test_beds_stand_by_unit_and_number_in_as_many_columns_as_there_is_room_for(parts):
    """Bed 10 after bed 9; a phone has one column, a wall four."""
    assert parts["beds"] == ["A9", "A10", "B1"]
    assert parts["columns"] == [1, 2, 4, 1]


def test_blocks_join_to_leads_in_any_order_with_their_holes(parts):
    """Each lead with its own gain, in microvolts; samples nobody stored are absent."""
    assert parts["leads"] == [
        ["II", 10, None, None, None, 25, 30],
        ["V1", 8, None, None, None, 14, 16],
    ]


def test_a_missing_minute_is_a_hole_in_the_trend(parts):
    """Rates are per analysed minute; a minute without analysis has none."""
    assert parts["trend"] == [[0.05, 4, False], [0.15, None, True], [0.35, 4, False]]
    assert parts["range"] == [40, 160]


def test_spans_and_ages_are_written_for_people(parts):
    """Never negative; hours only when there are some."""
    assert parts["times"] == ["0:00", "1:05", "1:02:05", "8 s", "5 min", "25 h"]
    assert parts["pause"] == [90, 0]


def test_old_data_are_never_live(parts):
    """A trace after two seconds, numbers after three."""
    fresh, old = parts["live"]
    assert (fresh["live"], fresh["numbers"]) == (True, True)
    assert (old["live"], old["numbers"]) == (False, False)


def test_an_admission_says_who_it_is_only_where_that_was_changed(parts):
    """What the form showed may be older than what is known; what was emptied is not known."""
    assert parts["admission"] == [
        {"unit": "", "bed": "7"},
        {"unit": "ICU", "bed": "7", "birth_year": 1950, "sex": None, "paced": "no"},
    ]
