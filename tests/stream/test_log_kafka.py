"""What is Kafka's own about the log on it: partitions, other people's clients, what brokers refuse.

The contract that it shares with SQLite is in test_log.py.
"""

import asyncio
import uuid
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from log_storages import KafkaStorage

from stream.config import Settings
from stream.log import (
    Entry,
    LogCorrupt,
    LogError,
    LogUnavailable,
    OffsetExpired,
    Topic,
)
from stream.log.chosen import retention
from stream.log.kafka import Connection, KafkaLog, topics
from stream.log.kafka.log import place

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("kafka")]
EVENTS = Topic.EVENTS
LONG_S = 30.0

JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
"""Hashes of Kafka's Java client, from its own UtilsTest.testMurmur2."""


@pytest.fixture
def storage(kafka: str) -> KafkaStorage:
    """Topics of four partitions."""
    return KafkaStorage(kafka, partitions=4)


async def admin(address: str, act: Any) -> Any:
    """Do something as the cluster's operator."""
    client = AIOKafkaAdminClient(bootstrap_servers=address)
    await client.start()
    try:
        return await act(client)
    finally:
        await client.close()


async def house(address: str, topic: Topic, **settings: str) -> Connection:
    """A house of which somebody else made one topic, with these settings (dots as underscores)."""
    configs = {name.replace("_", "."): value for name, value in settings.items()}
    connection = await begun(address, {topic: 4}, configs)
    await topics.create(connection, retention(Settings()))
    return connection


async def begun(
    address: str, sizes: dict[Topic, int], configs: dict[str, str] | None = None
) -> Connection:
    """A house of which somebody else made some topics, with so many partitions."""
    connection = Connection(address, prefix=f"{uuid.uuid4().hex}.")
    made = [NewTopic(connection.topic(t), n, 1, topic_configs=configs) for t, n in sizes.items()]
    await admin(address, lambda a: a.create_topics(made))
    async with asyncio.timeout(LONG_S):
        while len(await topics.found(connection)) < len(sizes):
            pass  # brokers learn of topics one after the other
    return connection


@pytest.mark.parametrize("partitions", [1, 4, 12, 50])
def test_a_key_lies_where_the_java_client_puts_it(partitions: int):
    """Any producer with the same key meets the same partition."""
    wanted = {key: (value & 0x7FFFFFFF) % partitions for key, value in JAVA.items()}
    assert {key: place(key.decode(), partitions) for key in JAVA} == wanted


async def test_another_producer_meets_the_same_partition(storage: KafkaStorage):
    """A plain client, with nothing but the key, writes beside the log's own records."""
    keys = [f"patient-{i}" for i in range(20)]
    name = storage.connection.topic(EVENTS)
    async with storage.log() as log:
        await log.append(EVENTS, [Entry(key, b"ours") for key in keys])
        async with AIOKafkaProducer(bootstrap_servers=storage.address) as plain:
            theirs = [await plain.send_and_wait(name, b"theirs", key=k.encode()) for k in keys]
        assert [sent.partition for sent in theirs] == [log.partition_of(EVENTS, k) for k in keys]
        for key in keys:
            found = await log.by_key(EVENTS, key, 0, 9)
            assert [record.value for record in found] == [b"ours", b"theirs"]


async def test_each_key_keeps_its_order_over_partitions(storage: KafkaStorage):
    """A reader of all partitions gets every record, each key's in the order of the appends."""
    keys = [f"p{i}" for i in range(7)]
    async with storage.log() as log:
        appends = [log.append(EVENTS, [Entry(key, b"%d" % i) for key in keys]) for i in range(200)]
        ends = await asyncio.gather(*appends)
        reader, found = log.reader(EVENTS, dict.fromkeys(range(4), 0)), {k: [] for k in keys}
        while records := await reader.poll(100, 0):
            for record in records:
                assert record.partition == log.partition_of(EVENTS, record.key)
                found[record.key].append(int(record.value))
        assert found == {key: list(range(200)) for key in keys}
        last = log.partition_of(EVENTS, keys[-1])
        assert max(ends) == await log.end(EVENTS, last) - 1
        assert await log.partitions(EVENTS) == [0, 1, 2, 3]


async def test_a_reader_reads_what_it_was_given(storage: KafkaStorage):
    """Manual assignment: two partitions of four, and no other."""
    async with storage.log() as log:
        await log.append(EVENTS, [Entry(f"p{i}", b"") for i in range(40)])
        reader = log.reader(EVENTS, {1: 0, 3: await log.end(EVENTS, 3)})
        got = await reader.poll(99, LONG_S)
        assert {record.partition for record in got} == {1}
        assert len(got) == await log.end(EVENTS, 1)
        with pytest.raises(ValueError, match="partition 2"):
            reader.seek(0, 2)


async def test_what_retention_dropped_is_told(storage: KafkaStorage):
    """A reader that was overtaken learns what it lost, and goes on where it is told to."""
    async with storage.log() as log:
        await log.append(EVENTS, [Entry("p", b"%d" % i) for i in range(9)])
        partition = log.partition_of(EVENTS, "p")
        at = TopicPartition(storage.connection.topic(EVENTS), partition)
        await admin(
            storage.address, lambda a: a.delete_records({at: RecordsToDelete(before_offset=6)})
        )
        reader = log.reader(EVENTS, {partition: 2})
        with pytest.raises(OffsetExpired) as caught:
            await reader.poll(9, LONG_S)
        error = caught.value
        assert (error.partition, error.position, error.begin, error.end) == (partition, 2, 6, 9)
        reader.seek(error.begin, error.partition)
        assert [r.value for r in await reader.poll(9, LONG_S)] == [b"6", b"7", b"8"]
        assert [r.offset for r in await log.by_key(EVENTS, "p", 0, 99)] == [6, 7, 8]


async def test_transactions_of_others_are_honoured(storage: KafkaStorage):
    """What was aborted is not there; a transaction's marks hold no reader up."""
    name, config = storage.connection.topic(Topic.SAMPLES), {"bootstrap_servers": storage.address}
    async with storage.log() as log:
        partition = log.partition_of(Topic.SAMPLES, "p")
        async with AIOKafkaProducer(transactional_id=name, **config) as producer:
            async with producer.transaction():
                await producer.send_and_wait(name, b"kept", key=b"p")
            await producer.begin_transaction()
            await producer.send_and_wait(name, b"aborted", key=b"p")
            await producer.abort_transaction()
        found = await log.by_key(Topic.SAMPLES, "p", 0, 99)
        assert [record.value for record in found] == [b"kept"]
        reader = log.reader(Topic.SAMPLES, {partition: 0})
        assert [r.value for r in await reader.poll(9, LONG_S)] == [b"kept"]
        assert await reader.poll(9, 0.5) == []
        assert reader.position(partition) == await log.end(Topic.SAMPLES, partition) == 4


async def test_records_without_key_or_value_are_records(storage: KafkaStorage):
    """Whatever others write can be read; what it is worth is the consumer's business."""
    name = storage.connection.topic(Topic.SAMPLES)
    async with storage.log() as log:
        async with AIOKafkaProducer(bootstrap_servers=storage.address) as plain:
            await plain.send_and_wait(name, None, key=b"\xff", partition=0)
            await plain.send_and_wait(name, b"x", partition=0)
        got = await log.reader(Topic.SAMPLES).poll(9, LONG_S)
        assert [(r.key, r.value) for r in got] == [("\N{REPLACEMENT CHARACTER}", b""), ("", b"x")]


async def test_plain_consumers_read_keys_and_values(storage: KafkaStorage):
    """What we append is a plain record: the patient's name is the key, the message the value."""
    async with storage.log() as log:
        await log.append(EVENTS, [Entry("bed-1", b"message", "an id")])
    settings = {"bootstrap_servers": storage.address, "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(storage.connection.topic(EVENTS), **settings) as consumer:
        record = await consumer.getone()
    assert (record.key, record.value, record.headers) == (b"bed-1", b"message", ())


async def test_a_refused_batch_does_not_stop_the_next(kafka: str):
    """What brokers refuse for good is told; appends after it go through, in order."""
    settings = {"max_message_bytes": "2000", "message_timestamp_type": "LogAppendTime"}
    connection = await house(kafka, EVENTS, **settings)
    async with KafkaLog(connection, frozenset({EVENTS, Topic.ALARMS})) as log:
        await log.append(EVENTS, [Entry("p", b"1")])
        with pytest.raises(LogError, match="too large"):
            await log.append(EVENTS, [Entry("p", bytes(5000))])
        with pytest.raises(LogError, match="too large"):
            await log.append(Topic.ALARMS, [Entry("p", bytes(3 << 20))])
        await asyncio.gather(*(log.append(EVENTS, [Entry("p", b"%d" % i)]) for i in range(2, 9)))
        values = [record.value for record in await log.by_key(EVENTS, "p", 0, 99)]
        assert values == [b"%d" % i for i in range(1, 9)]


async def test_a_topic_with_its_writers_clocks_is_refused(kafka: str):
    """The engine's clock is the log's; devices' own clocks must not pass for it."""
    connection = await house(kafka, Topic.SAMPLES, message_timestamp_type="CreateTime")
    async with KafkaLog(connection, frozenset(Topic)) as log:
        await log.append(Topic.SAMPLES, [Entry("p", b"x")])
        with pytest.raises(LogCorrupt, match="LogAppendTime"):
            await log.by_key(Topic.SAMPLES, "p", 0, 9)


async def test_missing_topics_are_named(kafka: str):
    """A house that was not prepared says what to do."""
    log = KafkaLog(Connection(kafka, prefix="nobody."), frozenset())
    with pytest.raises(LogError, match=r"ecg\.samples.*beatwire topics create"):
        async with log:
            pass


async def test_no_broker_is_told_in_time():
    """An address where nobody listens."""
    with pytest.raises(LogUnavailable, match="no Kafka broker answers"):
        async with KafkaLog(Connection("127.0.0.1:1"), frozenset(), patience_s=0):
            pass


async def test_topics_are_made_once_and_as_they_should_be(storage: KafkaStorage):
    """What is there stays; retention, time and durability are those that the house relies on."""
    made = await topics.create(storage.connection, retention(Settings()), partitions=9)
    assert [(each.topic, each.new, each.state.partitions) for each in made] == [
        (topic.value, False, 4) for topic in Topic
    ]
    name = storage.connection.topic(Topic.SAMPLES)
    asked = ConfigResource(ConfigResourceType.TOPIC, name)
    (answer,) = await admin(storage.address, lambda a: a.describe_configs([asked]))
    settings = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    keep = retention(Settings())[Topic.SAMPLES]
    assert settings["message.timestamp.type"] == "LogAppendTime"
    assert settings["cleanup.policy"] == "delete"
    assert int(settings["retention.ms"]) == keep.max_age_s * 1000
    assert int(settings["retention.bytes"]) * 4 <= keep.max_bytes
    assert int(settings["max.message.bytes"]) >= 1 << 20
    assert settings["flush.messages"] == "1"


async def test_topics_that_differ_are_not_mended_in_silence(kafka: str):
    """One number says where a patient's records lie in every topic, so all need as many."""
    sizes = {Topic.ALARMS: 5, Topic.EVENTS: 6}
    connection = await begun(kafka, sizes)
    with pytest.raises(LogError, match=r"ecg\.alarms 5, ecg\.events 6"):
        await topics.create(connection, retention(Settings()))
    assert set(await topics.found(connection)) == set(sizes)
