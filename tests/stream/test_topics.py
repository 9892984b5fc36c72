"""`beatwire topics`: what an operator types, against a real broker."""

import subprocess
import sys
import uuid

import pytest

from stream.cli import main
from stream.log import Topic

pytestmark = pytest.mark.xdist_group("kafka")


@pytest.fixture(autouse=True)
def prefix(monkeypatch: pytest.MonkeyPatch) -> str:
    """A house of its own."""
    name = f"{uuid.uuid4().hex}."
    monkeypatch.setenv("BEATWIRE_KAFKA_PREFIX", name)
    return name


def test_topics_are_created_once_and_listed(kafka: str, capsys: pytest.CaptureFixture[str]):
    """Missing, created, unchanged, listed: each run says what it found and did."""
    assert main(["topics", "list", "--kafka", kafka]) == 1
    assert capsys.readouterr().out.splitlines() == [f"{topic}: missing" for topic in Topic]
    assert main(["topics", "create", "--kafka", kafka, "--partitions", "3"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{topic}: created (3 partitions, 1 replicas)" for topic in Topic
    ]
    assert main(["topics", "create", "--kafka", kafka]) == 0
    assert capsys.readouterr().out.count("was there, unchanged (3 partitions, 1 replicas)") == 5
    assert main(["topics", "list", "--kafka", kafka]) == 0
    assert capsys.readouterr().out.count("is there (3 partitions, 1 replicas)") == 5


def test_more_replicas_than_brokers_are_refused(kafka: str, capsys: pytest.CaptureFixture[str]):
    """With the broker's own words, and nothing is made."""
    assert main(["topics", "create", "--kafka", kafka, "--replicas", "5"]) == 2
    assert "eplication factor" in capsys.readouterr().err
    assert main(["topics", "list", "--kafka", kafka]) == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["create"], "name Kafka's brokers"),
        (["list", "--kafka", "127.0.0.1:1"], "no Kafka broker answers at 127.0.0.1:1"),
    ],
)
def test_without_a_broker_it_says_so(words, text, monkeypatch, capsys):
    """In a line, with status 2."""
    monkeypatch.delenv("BEATWIRE_KAFKA", raising=False)
    assert main(["topics", *words]) == 2
    assert text in capsys.readouterr().err


def test_serve_refuses_settings_of_kafka_that_cannot_be(tmp_path, monkeypatch, capsys):
    """Before any process is started."""
    monkeypatch.setenv("BEATWIRE_KAFKA_SECURITY", "TLS")
    words = ["serve", "--kafka", "127.0.0.1:9092", "--folder", str(tmp_path)]
    assert main(words) == 2
    assert "SASL_SSL" in capsys.readouterr().err


def test_a_house_on_files_does_not_load_kafkas_client():
    """It has no use for it, and starts sooner."""
    code = (
        "import sys, stream.serve, stream.gateway.app, stream.worker.role, client.replay\n"
        "assert 'aiokafka' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
