"""The live page's pure parts, run by Node: what is shown of which messages."""

import json
from pathlib import Path

import pytest
from parts import run_node

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def page():
    """What the page makes of the golden messages."""
    golden = ROOT / "tests" / "ecg" / "golden.json"
    return json.loads(run_node(HERE / "dashboard.mjs", ROOT / "client" / "dashboard", golden))


def test_the_newest_update_of_an_alarm_is_shown_whichever_came_last(page):
    """A replayed older update changes nothing."""
    assert page["stale"] == ["*** Ventricular tachycardia"]


def test_alarms_have_marks_in_words_and_the_active_and_urgent_come_first(page):
    """Latched ones say so; a suppressed one is covered by the higher one."""
    assert page["several"] == ["!! Leads off", "* AF", "*** Ventricular tachycardia (latched)"]


def test_the_cursor_is_that_of_the_last_event_which_had_one(page):
    """And of the snapshot before any."""
    assert (page["started"], page["cursor"]) == ("kwGBAIEA", "c5")


def test_a_snapshot_replaces_the_alarms(page):
    """What is not in it has ended."""
    assert page["cleared"] == 0


def test_what_is_not_known_is_two_dashes(page):
    """The last value is never held."""
    assert page["numbers"] == ["--", "72"]


def test_a_gap_is_kept_as_a_gap(page):
    """Fifty samples are missing: fifty holes, nothing interpolated; no sample is drawn early."""
    assert page["holes"] == [50, 50]
    assert page["ahead"]
    assert page["end"] == 150
