"""Fixtures of the system tests: a running house for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Gateway and worker on empty embedded files."""
    made = House(tmp_path / "data")
    made.start()
    yield made
    made.stop()
