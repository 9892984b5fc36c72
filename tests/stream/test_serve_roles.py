"""`beatwire serve`: what it starts, with which settings, and when it gives a role up."""

import argparse

import pytest

from stream.config import Settings
from stream.serve import children, chosen, configure

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
