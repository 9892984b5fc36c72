"""The log that the settings choose: files in the folder, or topics of a Kafka cluster."""

from stream.config import DAY, Settings
from stream.log.base import Log, Retention, Topic
from stream.log.sqlite import GATEWAY_WRITES, WORKER_WRITES, SqliteLog


def open_log(settings: Settings, role: str) -> Log:
    """Make the log of a role, `gateway` or `worker`; it is opened by `async with`.

    Raises:
        ValueError: settings of Kafka that cannot be.
    """
    writes = GATEWAY_WRITES if role == "gateway" else WORKER_WRITES
    if not settings.kafka:
        return SqliteLog(settings.folder, writes, retention(settings))
    # aiokafka takes 0.2 s to import, and a house on files has no use for it.
    from stream.log.kafka import KafkaLog, connection_of  # noqa: PLC0415

    # Gateways tell one another what they find out by themselves: NOT_MONITORED, DELIVERY_FAIL.
    return KafkaLog(connection_of(settings), writes | {Topic.ALARMS})


def check(settings: Settings) -> None:
    """See that the settings name a log, before anything is started.

    Raises:
        ValueError: they cannot be.
    """
    if settings.kafka:
        from stream.log.kafka.connection import connection_of  # noqa: PLC0415 - as above

        connection_of(settings)


def retention(settings: Settings) -> dict[str, Retention]:
    """How long the log keeps what, of every topic; docs/kafka.md has the list for operators.

    What people asked and what was left out is little, so no setting bounds it.
    """
    return {
        Topic.SAMPLES: Retention(settings.keep_samples, settings.max_sample_bytes),
        Topic.COMMANDS: Retention(7 * DAY, 64_000_000),
        Topic.EVENTS: Retention(settings.keep_events, settings.max_event_bytes),
        Topic.ALARMS: Retention(settings.keep_alarms, settings.max_event_bytes),
        Topic.REJECTED: Retention(7 * DAY, 256_000_000),
    }
