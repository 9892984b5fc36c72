"""Shared fixtures: where the real records lie, and hypothesis profiles."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from stream.version import keep_compiled_kernels

keep_compiled_kernels()

settings.register_profile(
    "beatwire", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("beatwire")

ROOT = Path(__file__).resolve().parent.parent


def missing(what: str) -> None:
    """Skip on a user's machine, fail in CI: a part that CI lacks must not pass unseen."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real ECG records (mitdb, svdb, …), from BEATWIRE_DATA."""
    path = Path(os.environ.get("BEATWIRE_DATA", ROOT.parent / "shared" / "data"))
    if not (path / "mitdb").is_dir():
        missing(f"no ECG records at {path}: set BEATWIRE_DATA")
    return path
