"""`beatwire serve`: what it starts, with which settings, and when it gives a role up."""

import argparse

import pytest

from stream.config import Settings
from stream.serve import DEATHS, HEALTHY_SECONDS, Lives, children, chosen, configure

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
