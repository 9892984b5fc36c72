"""Credentials and TLS of a Kafka cluster: passed through, checked, and never shown."""

import logging
import uuid

import pytest
from aiokafka import AIOKafkaConsumer
from broker import PASSWORD, USER, Broker

from stream.config import Settings
from stream.log import RETENTION, Entry, LogUnavailable, Topic
from stream.log.chosen import open_log
from stream.log.kafka import Connection, KafkaLog, connection_of, topics

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("kafka")]
WRONG = "wrong-but-secret"


def sasl(broker: Broker, password: str = PASSWORD) -> dict[str, str]:
    """Settings for SASL/PLAIN."""
    return {
        "BEATWIRE_KAFKA": broker.sasl,
        "BEATWIRE_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "BEATWIRE_KAFKA_USERNAME": USER,
        "BEATWIRE_KAFKA_PASSWORD": password,
    }


def tls(broker: Broker) -> dict[str, str]:
    """Settings for the same over TLS."""
    return sasl(broker) | {
        "BEATWIRE_KAFKA": broker.tls,
        "BEATWIRE_KAFKA_SECURITY": "SASL_SSL",
        "BEATWIRE_KAFKA_CA": str(broker.certificate),
    }


@pytest.mark.parametrize("secured", [sasl, tls])
async def test_a_house_works_through_a_secured_listener(broker: Broker, secured):
    """From the variables that an operator sets to a record that came back."""
    prefix = f"{uuid.uuid4().hex}."
    settings = Settings.load(secured(broker) | {"BEATWIRE_KAFKA_PREFIX": prefix})
    await topics.create(connection_of(settings), RETENTION, partitions=1)
    async with open_log(settings, "gateway") as log:
        await log.append(Topic.SAMPLES, [Entry("p", b"sealed")])
        (record,) = await log.reader(Topic.SAMPLES).poll(9, 30)
    assert record.value == b"sealed"
    async with AIOKafkaConsumer(
        prefix + "ecg.samples", bootstrap_servers=broker.address, auto_offset_reset="earliest"
    ) as plain:
        assert (await plain.getone()).value == b"sealed"


@pytest.mark.parametrize(
    "change",
    [
        {"BEATWIRE_KAFKA_PASSWORD": WRONG},
        {"BEATWIRE_KAFKA_USERNAME": "nobody"},
        {"BEATWIRE_KAFKA_CA": ""},
        {"BEATWIRE_KAFKA_SECURITY": "SASL_PLAINTEXT"},
    ],
    ids=["password", "user", "authority", "protocol"],
)
async def test_who_is_not_let_in_is_told_and_no_secret_is(broker: Broker, change, caplog):
    """A wrong credential, an authority that is not trusted, a listener of another kind."""
    caplog.set_level(logging.DEBUG)
    connection = connection_of(Settings.load(tls(broker) | change))
    with pytest.raises(LogUnavailable) as caught:
        async with KafkaLog(connection, frozenset(), patience_s=0):
            pass
    shown = f"{caught.value!r} {caught.value.__cause__!r} {caplog.text}"
    assert PASSWORD not in shown
    assert WRONG not in shown


def test_no_representation_shows_a_secret(broker: Broker):
    """Settings and connection, as they may come into a log or a traceback."""
    settings = Settings.load(sasl(broker))
    connection = connection_of(settings)
    assert connection.password == PASSWORD
    assert PASSWORD not in f"{settings} {settings!r} {connection} {connection!r}"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"servers": ""}, "--kafka"),
        ({"protocol": "TLS"}, "SASL_SSL"),
        ({"mechanism": "GSSAPI"}, "SCRAM-SHA-512"),
        ({"protocol": "SASL_SSL", "username": "x"}, "password"),
        ({"certificate": "mine.pem"}, "key"),
    ],
)
def test_settings_that_cannot_be_are_refused(given, text):
    """Before anything is connected, and with what would be right."""
    with pytest.raises(ValueError, match=text):
        Connection(**{"servers": "127.0.0.1:9092", **given})


async def test_files_that_are_not_there_are_told(broker: Broker, tmp_path):
    """A path mistyped is an error of the file, not of the broker."""
    settings = tls(broker) | {"BEATWIRE_KAFKA_CA": str(tmp_path / "no.pem")}
    with pytest.raises(FileNotFoundError):
        await topics.found(connection_of(Settings.load(settings)))
