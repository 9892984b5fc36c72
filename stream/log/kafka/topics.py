"""The topics of a house on a Kafka cluster: what there is, and how what is missing is made.

All topics have as many partitions, so that one number says where a patient's samples, commands,
events and alarms lie. None is compacted: the key is the patient, and of a patient every record
counts, not the last one. All carry the broker's time (`LogAppendTime`): the engine's clock is the
time at which the log took a record, and a device's own may be anything.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code

from stream.log.base import LogError, LogUnavailable, Retention, Topic
from stream.log.kafka.connection import Connection
from stream.log.kafka.errors import typed
from stream.log.kafka.writer import MAX_RECORD_BYTES

PARTITIONS: Final = 12
"""Workers share a house by partitions: 12 go evenly to 1, 2, 3, 4, 6 or 12 of them."""
REPLICAS: Final = 3
"""With three, one broker may be away for maintenance and another one may fail."""
SEGMENTS: Final = 8
"""Whole segments go, so at most 1/8 more than allowed is kept."""
MAX_SEGMENT_BYTES: Final = 1 << 30
APPEAR_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 0.05


class State(msgspec.Struct, frozen=True):
    """A topic as it is on the cluster."""

    partitions: int
    replicas: int


class Made(msgspec.Struct, frozen=True):
    """What became of one topic: it was made, or it was there already, as `state` says."""

    topic: str
    state: State
    new: bool


async def found(connection: Connection) -> dict[str, State]:
    """The house's topics that are there, by their names in the house.

    Raises:
        LogUnavailable: no broker answers.
        LogError: we may not ask.
    """
    async with _admin(connection) as admin:
        return await _found(admin, connection)


async def create(
    connection: Connection,
    retention: Mapping[str, Retention],
    partitions: int = PARTITIONS,
    replicas: int | None = None,
) -> list[Made]:
    """Make the topics that are missing; those that are there stay as they are.

    Args:
        connection: where to.
        retention: of every topic of the house.
        partitions: of each topic; where some are there already, as many as these have.
        replicas: of each partition; None for `REPLICAS`, or as many as there are brokers.

    Raises:
        LogUnavailable: no broker answers.
        LogError: the cluster refused, or topics that are there differ in their partitions.
    """
    async with _admin(connection) as admin:
        there = await _found(admin, connection)
        count = _count(there) or partitions
        brokers = len((await admin.describe_cluster())["brokers"])
        state = State(count, replicas or min(REPLICAS, brokers))
        new = [
            NewTopic(
                connection.topic(topic),
                state.partitions,
                state.replicas,
                topic_configs=_settings(retention[topic], state),
            )
            for topic in Topic
            if topic not in there
        ]
        if new:
            _check(await admin.create_topics(new))
        now = await _all(admin, connection)
        _count(now)
        return [Made(t.value, now[t], new=t not in there) for t in Topic]


def _count(there: Mapping[str, State]) -> int:
    """How many partitions each topic has; 0 when there is none.

    Raises:
        LogError: one has more than another.
    """
    counts = {state.partitions for state in there.values()}
    if len(counts) > 1:
        listed = ", ".join(f"{topic} {s.partitions}" for topic, s in sorted(there.items()))
        raise LogError(f"topics differ in their partitions: {listed}")
    return max(counts, default=0)


async def _all(admin: AIOKafkaAdminClient, connection: Connection) -> dict[str, State]:
    """The topics, once every broker's metadata has them: that takes a moment.

    Raises:
        LogUnavailable: they do not appear.
    """
    try:
        async with asyncio.timeout(APPEAR_SECONDS):
            while True:
                there = await _found(admin, connection)
                if len(there) == len(Topic):
                    return there
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise LogUnavailable("the topics that were made do not appear") from None


def _settings(keep: Retention, state: State) -> dict[str, str]:
    """A topic's settings on the broker."""
    share = None if keep.max_bytes is None else max(1, keep.max_bytes // state.partitions)
    settings = {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(MAX_RECORD_BYTES),
        "min.insync.replicas": str(max(1, state.replicas - 1)),
        "retention.ms": "-1" if keep.max_age_s is None else str(round(keep.max_age_s * 1000)),
        "retention.bytes": "-1" if share is None else str(share),
        "segment.bytes": str(_segment(share)),
    }
    if state.replicas == 1:
        settings["flush.messages"] = "1"  # no other broker has it: on disk before it is confirmed
    return settings


def _segment(share: int | None) -> int:
    """Bytes of a segment of a partition that may have `share` bytes."""
    if share is None:
        return MAX_SEGMENT_BYTES
    return min(MAX_SEGMENT_BYTES, max(MAX_RECORD_BYTES, share // SEGMENTS))


def _check(response: Any) -> None:
    """Raise what the cluster refused; a topic that somebody else has just made is fine."""
    for name, code, *text in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise LogError(f"{name}: {error.__name__}: {text[0] if text else ''}")


async def _found(admin: AIOKafkaAdminClient, connection: Connection) -> dict[str, State]:
    names = {connection.topic(topic): topic.value for topic in Topic}
    return {
        names[topic["topic"]]: State(
            len(topic["partitions"]), len(topic["partitions"][0]["replicas"])
        )
        for topic in await admin.describe_topics()
        if topic["topic"] in names
    }


@asynccontextmanager
async def _admin(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection.options())
    try:
        await admin.start()
        yield admin
    except KafkaConnectionError:
        raise LogUnavailable(f"no Kafka broker answers at {connection.servers}") from None
    except KafkaError as error:
        raise typed(error) from error
    finally:
        await admin.close()
