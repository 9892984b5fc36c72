"""Kafka's errors as the log's."""

from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from stream.log.base import LogError, LogReadOnly, LogUnavailable

FORBIDDEN = (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    TopicAuthorizationFailedError,
)
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


def typed(error: KafkaError) -> LogError:
    """Translate Kafka's error into the log's."""
    if isinstance(error, FORBIDDEN):
        return LogReadOnly(f"the cluster does not let us: {error}")
    if isinstance(error, TOO_LARGE):
        return LogError(f"an entry is too large: {error}")
    if isinstance(error, KafkaTimeoutError) or error.retriable:
        return LogUnavailable(f"the cluster does not answer: {error}")
    return LogError(f"Kafka: {error}")
