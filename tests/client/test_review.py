"""The pure parts of the pages for review, disclosure, uploads and burden, run by Node."""

import json
from pathlib import Path

import pytest
from parts import run_node

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def made():
    """What the pages make of answers that are written in review.mjs."""
    return json.loads(run_node(HERE / "review.mjs", ROOT / "client" / "dashboard"))


def test_filters_are_those_of_the_address_and_times_are_of_this_browser(made):
    """Unknown and empty options are left out; what is no time restricts nothing."""
    review = made["review"]
    assert review["wanted"] == {"patient": "p-1", "priority": "2", "since": "2026-11-22T10:00"}
    assert (review["since"], review["priority"], review["strange"]) == (True, "2", "")


def test_an_alarm_has_the_newer_before_and_the_older_after_it(made):
    """The list has the newest first."""
    assert made["review"]["neighbours"] == {"newer": {"id": "3"}, "older": {"id": "1"}}


def test_filters_let_through_what_the_api_lists(made):
    """By equality, priority from below, onset from `since` on and before `until`."""
    assert made["newer"]["matched"] == [
        True,
        True,
        False,
        False,
        True,
        False,
        True,
        False,
        True,
        True,
    ]


def test_newer_alarms_are_those_that_the_list_has_not(made):
    """None while the list is on its way; each once; none that ended, where those are not listed."""
    assert made["newer"]["counts"] == [0, 0, 1, 1, 2, 2, 1, 1]
    assert made["newer"]["full"] == 1


def test_a_strip_is_placed_by_its_alarms_onset(made):
    """Sample 0 is 500 samples at 250 Hz before the onset; other sessions' beats are not on it."""
    review = made["review"]
    assert (review["time"], review["beats"]) == (998, 1)


def test_an_alarm_lasts_until_its_end(made):
    """By its times; by its samples where an older server gave no time; not at all while it holds."""
    assert made["review"]["lasted"] == [2, 3.5, None]


def test_the_newest_word_on_an_alarm_counts(made):
    """Feedback is listed newest first; note and name stand in its sentence."""
    assert made["review"]["last"] == "wrong"
    assert made["review"]["sentence"] == "False alarm · “artefact” · dr-2, t5"


def test_a_beat_is_right_when_the_class_is_the_one_that_was_found(made):
    """Any other class calls it wrong."""
    assert made["review"]["beat"] == ["right", "wrong"]


def test_what_is_not_stored_stays_a_gap(made):
    """Pieces of 1 s (its begin is before the window) and 0.3 s are placed by time, in microvolts."""
    values = made["disclosure"]["values"]
    assert values[:10] == [5] * 10
    assert values[40:43] == [10, 15, 20]
    assert [i for i, value in enumerate(values) if value is not None] == [*range(10), 40, 41, 42]
    assert (made["disclosure"]["stored"], made["disclosure"]["nothing"]) == (1.3, 0)


def test_a_piece_of_another_rate_is_counted_not_drawn(made):
    """Its samples do not fit the grid of the first."""
    assert made["disclosure"]["others"] == 1


def test_the_outline_of_an_hour_keeps_its_holes(made):
    """Columns of 1.2 s lie over those of 1 s that they touch; nothing else is filled."""
    assert made["disclosure"]["low"] == [-1, -2, -2, None, None, None, -9, -9, None, None]
    assert made["disclosure"]["share"] == 0.4


def test_the_alarm_before_and_after_is_not_the_one_that_is_open(made):
    """An address has whole seconds, an onset has not."""
    first, second = made["disclosure"]["around"]
    assert first == {"before": {"onset_time": 50}, "after": {"onset_time": 120.4}}
    assert second == {"before": {"onset_time": 100}}


def test_rows_fit_their_place_and_hold_the_whole_signal(made):
    """A row of 10 s takes 945 pixels at 25 mm/s and its margin; the last one may be shorter."""
    assert made["paper"]["widths"] == [10, 10, 6, 3]
    assert made["paper"]["cut"] == [[50, 60, 10], [60, 70, 10], [70, 75, 5]]
    assert made["paper"]["room"] == [4, 2]


def test_the_state_of_an_upload_in_words(made):
    """A share only where one is known."""
    running, queued = made["upload"]["states"]
    assert running == {"words": "Analysing, 42 %", "share": 0.416}
    assert queued == {"words": "Waiting, 2 before it", "share": None}
    assert made["upload"]["counts"] == [["N", 0.75], ["V", 0.25]]


def test_the_beats_of_a_minute_are_found_whatever_the_trend_counted(made):
    """A page that begins too late or ends too early is followed by another one."""
    assert made["upload"]["guess"] == [0, 650]
    assert made["upload"]["pages"] == [None, 200, 1200, None]
    assert made["upload"]["signal"] == [5, None, 15]


def test_the_classifiers_form_says_what_is_optional(made):
    """Sex is a choice; the largest contribution comes first."""
    fields = made["classifier"]["fields"]
    assert fields[0] == ["Age, years", True, 0]
    assert fields[1] == ["Sex", False, 2]
    assert fields[2] == ["Rate, /min (optional)", False, 0]
    assert made["classifier"]["verdict"]["words"] == "81.8 % abnormal"
    assert made["classifier"]["verdict"]["missing"] == ["Rate"]
    assert made["classifier"]["contributions"] == ["Sex", "Age"]


def test_the_burden_is_summed_by_day_and_by_bed(made):
    """Days are those of the asker's zone: at 23:30 UTC it is tomorrow an hour east."""
    burden = made["burden"]
    assert burden["name"] == "2026-11-22"
    assert burden["days"] == [["2026-11-21", "2026-11-22"], ["2026-11-22", "2026-11-23"]]
    assert burden["total"] == {"count": 16, "judged": 1, "false": 1}
    assert burden["perDay"] == [[0, [0, 0, 0, 0]], [2, [2, 0, 0, 0]], [14, [1, 0, 13, 0]]]
    assert burden["beds"][:2] == ["ICU 2", "ICU 1"]
    assert burden["beds"][2] == [["AFIB", 4, [[20780, 4]]], ["VTACH", 3, [[20779, 2], [20780, 1]]]]
