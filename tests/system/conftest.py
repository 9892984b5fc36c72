"""Fixtures of the system tests: a running house for each test that asks for one, a browser for a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import browser
from house import House
from playwright.sync_api import Browser


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Gateway and worker on empty embedded files."""
    made = House(tmp_path / "data")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of the file."""
    with browser() as opened:
        yield opened
