"""What an operator may set, and what is refused."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from stream.config import DAY, Settings
from stream.log import Retention
from stream.log.chosen import retention


def test_the_realarm_is_a_setting():
    """Three minutes by default, as on bedside monitors; 0 turns it off."""
    assert Settings.load({}).realarm_seconds == 180.0
    assert Settings.load({"BEATWIRE_REALARM_SECONDS": "0"}).realarm_seconds == 0.0


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "soon"])
def test_a_realarm_that_is_no_time_is_refused(text):
    """By name: it must not be lost in a typing error."""
    with pytest.raises(ValueError, match=r"(?i)realarm_seconds"):
        Settings.load({"BEATWIRE_REALARM_SECONDS": text})


def test_the_documentation_says_how_long_the_log_keeps_what():
    """The list of docs/kafka.md is what holds, of every topic, in days and in bytes."""
    said = (Path(__file__).parents[2] / "docs" / "kafka.md").read_text()
    found = re.findall(r"^\| `(ecg\.\w+)` .* \| (\d+) days, (\d+) (MB|GB) \|$", said, re.MULTILINE)
    listed = {
        topic: Retention(int(days) * DAY, int(size) * {"MB": 10**6, "GB": 10**9}[unit])
        for topic, days, size, unit in found
    }
    assert listed == retention(Settings())


def test_two_leads_are_analysed_unless_one_is_wanted():
    """The room that chooses knows two."""
    assert Settings.load({}).leads == 2
    assert Settings.load({"BEATWIRE_LEADS": "1"}).leads == 1


@pytest.mark.parametrize("text", ["0", "3", "II"])
def test_another_number_of_leads_is_refused(text):
    """By name."""
    with pytest.raises(ValueError, match=r"(?i)leads"):
        Settings.load({"BEATWIRE_LEADS": text})


def test_the_bound_on_held_acknowledgements_is_a_setting():
    """Five seconds by default; 0 turns it off."""
    assert Settings.load({}).hold_seconds == 5.0
    assert Settings.load({"BEATWIRE_HOLD_SECONDS": "0"}).hold_seconds == 0.0


@pytest.mark.parametrize("text", ["-0.1", "30.1", "nan", "inf", "long"])
def test_a_bound_that_rings_do_not_outlast_is_refused(text):
    """By name."""
    with pytest.raises(ValueError, match=r"(?i)hold_seconds"):
        Settings.load({"BEATWIRE_HOLD_SECONDS": text})


@pytest.mark.parametrize(
    ("name", "text"), [("PORT", "-1"), ("PORT", "65536"), ("PORT", "http"), ("LOG_LEVEL", "loud")]
)
def test_a_port_or_level_that_there_is_not_is_refused(name, text):
    """By name."""
    with pytest.raises(ValueError, match=f"(?i){name}"):
        Settings.load({f"BEATWIRE_{name}": text})


def test_what_a_process_is_given_by_its_environment_are_the_same_settings():
    """Of any type, also where they are not the defaults."""
    changed = {
        setting.name: type(value)(f"{value}5" if isinstance(value, int | float) else f"{value}x")
        for setting in fields(Settings)
        if setting.name not in {"leads", "hold_seconds", "cors_origins", "port", "log_level"}
        for value in [getattr(Settings(), setting.name)]
    }
    settings = Settings(
        **changed,
        leads=1,
        hold_seconds=0.1,
        cors_origins="https://ward.example",
        port=9000,
        log_level="debug",
    )
    assert Settings.load(settings.variables()) == settings
