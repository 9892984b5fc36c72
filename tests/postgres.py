"""A real PostgreSQL for tests: Debian's, as an ordinary user, on a socket in a folder of its own.

With BEATWIRE_TEST_POSTGRES=url the tests make their stores on a server that runs already.
"""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

PROGRAMS: Final = "/usr/lib/postgresql/*/bin"
SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
}
START_SECONDS: Final = 60.0
ORDINARY: Final = "nobody"
"""The server refuses to run as root; then it runs as this user."""


class NoServerError(Exception):
    """No PostgreSQL can be had on this machine; the text says why."""


class Postgres:
    """A server on which stores can be made."""

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        self._admin = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    def place(self) -> str:
        """The URL of a new, empty place for a store: a schema of its own."""
        name = f"beatwire_{uuid.uuid4().hex}"
        with self._admin.connect() as conn:
            conn.exec_driver_sql(f"CREATE SCHEMA {name}")
        url = self._url.update_query_dict({"options": f"-c search_path={name}"})
        return url.render_as_string(hide_password=False)

    def database(self, encoding: str) -> str:
        """The URL of a new, empty database in an encoding."""
        name = f"beatwire_{uuid.uuid4().hex}"
        with self._admin.connect() as conn:
            conn.exec_driver_sql(
                f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
            )
        return self._url.set(database=name).render_as_string(hide_password=False)


@contextmanager
def running() -> Iterator[Postgres]:
    """A server, for as long as this lasts.

    Raises:
        NoServerError: there is none.
    """
    given = os.environ.get("BEATWIRE_TEST_POSTGRES")
    if given:
        yield Postgres(sa.make_url(given).set(drivername="postgresql+psycopg"))
        return
    found = sorted(Path("/").glob(PROGRAMS.lstrip("/")))
    if not found:
        raise NoServerError(f"no PostgreSQL in {PROGRAMS}, and BEATWIRE_TEST_POSTGRES is not set")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = getpass.getuser()
    if os.geteuid() == 0:
        user = ORDINARY
        shutil.chown(folder, user)
    try:
        with _server(found[-1], folder, user):
            query = {"host": str(folder), "user": user}
            yield Postgres(sa.URL.create("postgresql+psycopg", database="postgres", query=query))
    finally:
        shutil.rmtree(folder)


@contextmanager
def _server(programs: Path, folder: Path, user: str) -> Iterator[None]:
    as_user: dict[str, Any] = {"cwd": folder}
    if os.geteuid() == 0:
        as_user |= {"user": user, "group": "nogroup", "extra_groups": []}
    data = folder / "data"
    initdb = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        user,
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
    ]
    subprocess.run([*initdb, "--locale=C"], check=True, capture_output=True, **as_user)
    options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    command = [programs / "postgres", "-D", data, "-k", folder, *options]
    with Path(tempfile.gettempdir(), f"{folder.name}.log").open("w+") as log:
        server = subprocess.Popen(command, stderr=log, **as_user)
        try:
            _await_answer(programs / "pg_isready", folder, server)
            yield
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown: nobody is waited for
            server.wait(30)
            Path(log.name).unlink()


def _await_answer(isready: Path, folder: Path, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while subprocess.run([isready, "-q", "-h", folder], check=False).returncode:
        if server.poll() is not None or time.monotonic() > end:
            raise NoServerError("PostgreSQL does not start")
        time.sleep(0.02)  # between two looks at another process
