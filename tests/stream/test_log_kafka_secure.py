"""Credentials and TLS of a Kafka cluster: passed through, checked, and never shown."""

import logging
import re
import uuid
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest
from broker import PASSWORD, ROLES, USER, Broker

from stream.config import Settings
from stream.log import Entry, LogReadOnly, LogUnavailable, Topic
from stream.log.chosen import open_log, retention
from stream.log.kafka import Connection, Group, KafkaLog, connection_of, topics
from stream.worker.role import GROUP

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
    await topics.create(connection_of(settings), retention(Settings()), partitions=1)
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


# ── What each role may do ─────────────────────────────────────────────────────────────────────

GUIDE = Path(__file__).parents[2] / "docs" / "kafka.md"
OF_TOPIC, OF_GROUP, READ, WRITE = 2, 3, 3, 4
"""Kafka's numbers of resources and operations."""


def documented(role: str) -> list[tuple[int, str, int]]:
    """The ACLs that the guide gives a role: resource, name, operation."""
    (line,) = re.findall(rf"^\| {role} \|.*$", GUIDE.read_text(), re.MULTILINE)
    writes, reads, groups = (re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[2:5])
    if "every topic" in line:
        reads = [topic.value for topic in Topic]
    return [
        *((OF_TOPIC, name, WRITE) for name in writes),
        *((OF_TOPIC, name, READ) for name in reads),
        *((OF_GROUP, name, READ) for name in groups),
    ]


async def let(broker: Broker, prefix: str) -> None:
    """Give every role what the guide says, and nothing else."""
    literal, allow = 3, 3
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    for role in ROLES:
        for resource, name, operation in documented(role):
            rule = (resource, prefix + name, literal, f"User:{role}", "*", operation, allow)
            done = await admin._send_request(CreateAclsRequest(*rule))
            assert [code for code, _ in done.creation_responses] == [0]
    await admin.close()


@pytest.fixture
async def ruled(broker: Broker):
    """Settings of each role in a house with the documented ACLs."""
    prefix = f"{uuid.uuid4().hex}."
    everything = sasl(broker) | {"BEATWIRE_KAFKA_PREFIX": prefix}
    await topics.create(
        connection_of(Settings.load(everything)), retention(Settings()), partitions=1
    )
    await let(broker, prefix)
    return {role: Settings.load(everything | {"BEATWIRE_KAFKA_USERNAME": role}) for role in ROLES}


async def test_every_role_works_with_the_acls_of_the_guide(ruled):
    """It writes and reads each topic that it has to, and the workers form their group."""
    async with (
        open_log(ruled["gateway"], "gateway") as gate,
        open_log(ruled["worker"], "worker") as work,
    ):
        for log in (gate, work):
            for topic in log._writes:
                await log.append(topic, [Entry("p", b"allowed")])
        for log, read in ((gate, tuple(Topic)), (work, (Topic.SAMPLES, Topic.COMMANDS))):
            for topic in read:
                assert await log.reader(topic).poll(1, 30)
    async with Group(connection_of(ruled["worker"]), GROUP, Topic.SAMPLES, 8.0) as group:
        while not (mine := await group.partitions(0.1)):
            pass
        assert await group.report(dict.fromkeys(mine, 0))
    connection = connection_of(ruled["device"])
    async with AIOKafkaProducer(**connection.options(), enable_idempotence=True) as device:
        await device.send_and_wait(connection.topic(Topic.SAMPLES), b"allowed", key=b"p")


async def test_a_role_may_do_no_more_than_the_guide_says(ruled):
    """A gateway cannot write what workers say of a patient."""
    async with KafkaLog(connection_of(ruled["gateway"]), {Topic.EVENTS}) as log:
        with pytest.raises(LogReadOnly):
            await log.append(Topic.EVENTS, [Entry("p", b"forged")])
