"""The files that deploy a cluster say what the program understands."""

import argparse
import re
from dataclasses import fields
from typing import Any

import pytest
import yaml
from house import ROOT

from stream import serve
from stream.cli import COMMANDS
from stream.config import Settings

COMPOSE = ROOT / "deploy" / "compose.yaml"
SETTINGS = {f"BEATWIRE_{field.name.upper()}" for field in fields(Settings)}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services, with what they share merged in."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def beatwires(services: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in services.items() if one.get("image") == "beatwire"}


def test_the_cluster_is_whole(services):
    """Kafka, PostgreSQL, two gateways, three workers, each with a name of its own."""
    assert {"kafka", "postgres", "topics", "proxy"} <= services.keys()
    roles = [one["command"][-1] for one in beatwires(services).values()]
    assert (roles.count("gateway"), roles.count("worker")) == (2, 3)
    members = [one["environment"].get("BEATWIRE_MEMBER") for one in beatwires(services).values()]
    named = [member for member in members if member]
    assert len(named) == len(set(named)) == 3


def test_every_variable_is_a_setting(services):
    """What the containers are told, in the file or in the image, is read by somebody."""
    told = {key for one in beatwires(services).values() for key in one["environment"]}
    told |= set(re.findall(r"BEATWIRE_\w+", (ROOT / "Dockerfile").read_text()))
    assert told <= SETTINGS


def test_every_command_is_one(services):
    """Subcommands exist, and `serve` takes their arguments."""
    for one in beatwires(services).values():
        program, command, *words = one["command"]
        assert program == "beatwire"
        assert command in COMMANDS
        if command == "serve":
            parser = argparse.ArgumentParser(exit_on_error=False)
            serve.configure(parser)
            assert parser.parse_args(words).role in serve.ROLES


def test_what_services_wait_for_exists(services):
    """Dependencies, volumes and mounted files are there; no secret has a default."""
    whole = yaml.safe_load(COMPOSE.read_text())
    for one in services.values():
        assert set(one.get("depends_on", ())) <= services.keys()
        for volume in one.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in whole["volumes"] or (COMPOSE.parent / source).exists()
    for secret in ("POSTGRES_PASSWORD", "BEATWIRE_TOKEN"):
        assert set(re.findall(rf"\$\{{{secret}(.*?)\}}", COMPOSE.read_text())) == {":?choose one"}


def test_the_image_is_small_and_runs_as_nobody_special():
    """Two stages, locked requirements, a user, a health check; every copied path exists."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    assert sum(word[0] == "FROM" for word in words) == 2
    assert ["USER", "beatwire"] in words
    assert any(word[0] == "HEALTHCHECK" for word in words)
    assert any("--require-hashes" in word for word in words)
    for word in words:
        if word[0] == "COPY" and not word[1].startswith("--from"):
            assert all((ROOT / path).exists() for path in word[1:-1])
