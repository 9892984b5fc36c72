"""Fixtures of the tests of gateway, worker, log and store."""

from collections.abc import Iterator

import pytest

from stream.worker import worker


@pytest.fixture(scope="module")
def eager() -> Iterator[pytest.MonkeyPatch]:
    """The worker does not wait for records that do not come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "POLL_SECONDS", 0.0)
        yield patch


@pytest.fixture(scope="module")
def read_later(eager: pytest.MonkeyPatch) -> None:
    """The log is read long after it was written, and that is no lag."""
    eager.setattr(worker, "LAG_SECONDS", 1e9)
