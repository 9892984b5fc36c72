"""Shared fixtures: where the real records lie, a Kafka broker, PostgreSQL, and hypothesis profiles."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker import Broker
from hypothesis import HealthCheck, settings
from parts import missing, running_broker
from postgres import NoServerError, Postgres, running

from stream.version import keep_compiled_kernels

keep_compiled_kernels()

settings.register_profile(
    "beatwire", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("beatwire")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Tests that are coroutines run on asyncio, as the house does."""
    return "asyncio"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real ECG records (mitdb, svdb, …), from BEATWIRE_DATA."""
    path = Path(os.environ.get("BEATWIRE_DATA", ROOT.parent / "shared" / "data"))
    if not (path / "mitdb").is_dir():
        missing(f"no ECG records at {path}: set BEATWIRE_DATA")
    return path


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Kafka broker that the tests of this process share: leave it running."""
    yield from running_broker(tmp_path_factory.mktemp("broker"))


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A Kafka broker for one test, which may stop and start it."""
    yield from running_broker(tmp_path / "broker")


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> str:
    """host:port of a broker to share, the one of BEATWIRE_TEST_KAFKA or our own."""
    given = os.environ.get("BEATWIRE_TEST_KAFKA")
    return given or str(request.getfixturevalue("broker").address)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that the tests of this process share; each makes its own databases."""
    try:
        with running() as server:
            yield server
    except NoServerError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def people_table(data_dir: Path) -> Path:
    """The table of diagnostics of the Chapman-Shaoxing database."""
    path = data_dir / "chapman" / "diagnostics.csv"
    if not path.is_file():
        missing(f"no table of people at {path}")
    return path
