"""`beatwire serve`: what it starts, with which settings, and when it gives a role up."""

import argparse
import socket
import sys

import pytest

from stream import address
from stream.cli import main
from stream.config import Settings
from stream.serve import DEATHS, HEALTHY_SECONDS, UNFIT, Child, Lives, children, chosen, configure

FLAGS = {
    "folder": "elsewhere",
    "store": "postgresql+psycopg://ward@db/beatwire",
    "host": "127.0.0.2",
    "port": "8123",
    "token": "secret",
    "model": "models:/beat@ward",
    "leads": "1",
    "kafka": "broker:9092",
    "member": "first",
}


@pytest.fixture
def parser():
    made = argparse.ArgumentParser()
    configure(made)
    return made


def test_every_flag_reaches_the_roles_that_serve_starts(parser):
    """Worker and gateway have the settings of the command line, whichever flag was given."""
    flags = vars(parser.parse_args([])).keys() - {"role", "simulate"}
    assert flags == FLAGS.keys()
    words = [word for name, value in FLAGS.items() for word in (f"--{name}", value)]
    settings = chosen(parser.parse_args(words))
    assert {name: str(getattr(settings, name)) for name in FLAGS} == FLAGS
    for child in children(settings, beds=1):
        assert Settings.load(child.environ) == settings


def deaths_until_given_up(*lifetimes: float) -> int:
    """After how many lives of these lengths, in seconds, the role is given up; 0 if it is not."""
    lives, now = Lives(), 1000.0
    for count, lifetime in enumerate(lifetimes, 1):
        lives.begin(now)
        now += lifetime
        if not lives.end(now):
            return count
    return 0


@pytest.mark.parametrize("lifetime", [0.0, 8.0, HEALTHY_SECONDS - 1.0])
def test_a_role_that_dies_again_and_again_is_given_up(lifetime):
    """However slowly: it is not started for ever."""
    assert deaths_until_given_up(*[lifetime] * 1000) == DEATHS


def test_a_role_that_works_between_its_deaths_is_started_again():
    """A healthy minute makes up for what was before."""
    assert deaths_until_given_up(*[HEALTHY_SECONDS] * 1000) == 0
    almost = [1.0] * (DEATHS - 1)
    assert deaths_until_given_up(*almost, HEALTHY_SECONDS, *almost[1:], HEALTHY_SECONDS) == 0
    assert deaths_until_given_up(*almost, HEALTHY_SECONDS, *almost) == 2 * DEATHS - 1


def listening() -> tuple[socket.socket, int]:
    """Somebody else's server, and its port."""
    other = socket.create_server(("127.0.0.1", 0))
    return other, other.getsockname()[1]


def test_a_port_that_is_taken_is_said_at_once_and_starts_nothing(tmp_path, monkeypatch, capsys):
    """Roles would die of it again and again, and simulated beds stream to the other server."""
    monkeypatch.setattr(address, "WAIT_SECONDS", 0.0)
    other, port = listening()
    with other:
        words = ["serve", "--simulate", "1", "--folder", str(tmp_path), "--port", str(port)]
        assert main(words) == UNFIT
    told = capsys.readouterr()
    assert told.err.startswith(
        f"beatwire serve: cannot listen on 127.0.0.1:{port}: Address already"
    )
    assert "--port" in told.err
    assert told.out == ""


def test_the_port_of_a_server_that_is_just_ending_is_waited_for(monkeypatch, capsys):
    """A supervisor that was killed is started again while its roles still end; that is said once."""
    other, port = listening()
    times = iter([None, None, other])

    def sleep(_):
        if (server := next(times)) is not None:
            server.close()

    monkeypatch.setattr(address.time, "sleep", sleep)
    assert address.is_free("127.0.0.1", port)
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_none_of_ours_is_not_waited_for(host, capsys):
    """Of a documentation network, or of no network."""
    assert not address.is_free(host, 8000)
    assert "waiting" not in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_said(tmp_path, capsys):
    """In one line."""
    (tmp_path / "file").touch()
    assert main(["serve", "--folder", str(tmp_path / "file" / "data")]) == UNFIT
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(("status", "again"), [(UNFIT, False), (1, True)])
def test_a_role_whose_settings_cannot_be_is_not_started_again(monkeypatch, status, again):
    """A model that is not there is not there the next time either; whatever else it dies of may be over."""
    child = Child("worker", [sys.executable, "-c", f"raise SystemExit({status})"], {})
    child.start(0.0)
    assert child.process is not None
    child.process.communicate()
    started = []
    monkeypatch.setattr(child, "start", started.append)
    assert child.revive(1.0) == again
    assert started == [1.0] * again
