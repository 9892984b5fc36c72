"""The image as it is run: as nobody special, healthy, a device streams through it, it ends in order.

Building it takes minutes, so this is asked of one that was built: BEATWIRE_TEST_IMAGE names it.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import START_SECONDS, House, Watcher, free_port

from client.records import Record, open_record
from client.replay import Options, replay

pytestmark = pytest.mark.timeout(300)

ENGINES = ("docker", "podman")


def engine() -> str:
    """The program that runs containers here."""
    found = next(filter(shutil.which, ENGINES), "")
    return os.environ.get("BEATWIRE_TEST_ENGINE", found)


def run(*words: object) -> str:
    """What the engine prints."""
    command = [engine(), *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Boxed(House):
    """A house in a container."""

    def __init__(self, image: str) -> None:
        super().__init__(Path())
        self.port = free_port()
        self.name = f"beatwire-test-{self.port}"
        where = f"127.0.0.1:{self.port}:8000"
        run("run", "--detach", "--name", self.name, "--publish", where, image)

    def end(self) -> None:
        """Leave nothing behind."""
        run("rm", "--force", "--volumes", self.name)


@pytest.fixture
def boxed() -> Iterator[Boxed]:
    """A container of the image."""
    image = os.environ.get("BEATWIRE_TEST_IMAGE")
    if not image:
        pytest.skip("BEATWIRE_TEST_IMAGE names no image: docker build -t beatwire .")
    made = Boxed(image)
    yield made
    made.end()


def test_the_image_serves_a_device_and_ends_in_order(boxed: Boxed, data_dir: Path):
    """By its own health check, in its own folder, as a user who may write nothing else."""
    boxed.wait_ready()
    _, *check = json.loads(
        run("inspect", "--format", "{{json .Config.Healthcheck.Test}}", boxed.name)
    )
    run("exec", boxed.name, *check)
    assert run("exec", boxed.name, "id", "-u") != "0"
    with pytest.raises(subprocess.CalledProcessError):
        run("exec", boxed.name, "touch", "/venv/anything")
    record = open_record(data_dir / "mitdb" / "208")
    asyncio.run(told(boxed, record))
    run("stop", boxed.name)
    assert run("inspect", "--format", "{{.State.ExitCode}}", boxed.name) == "0"


async def told(boxed: Boxed, record: Record) -> None:
    """Stream half a minute until its beats come back."""
    async with Watcher(boxed.url) as watcher:
        await replay([record], boxed.url, Options(stop=30.0, speed=10.0), patient="p")
        await watcher.until(lambda: len(watcher.beats("p")) > 30, START_SECONDS)
