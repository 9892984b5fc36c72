"""Membership of a consumer group: which partitions of a topic this process is to work on.

Only the membership: records are read elsewhere, by readers that stand where the store says. So every
partition is paused here, and nothing that happens to the group interrupts who works on a partition
that stays: rebalancing is eager in aiokafka, it takes all partitions and gives most of them back.
While it lasts, the last assignment counts; a member that is no longer one is refused by the epoch in
the store, whatever it believes.
"""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError

from stream.log.kafka.connection import Connection
from stream.log.kafka.errors import typed

BEATS: Final = 10
"""Heartbeats within a session's time-out; by a heartbeat a member learns of a rebalance too."""
REPORT_SECONDS: Final = 2.0
"""aiokafka waits for a coordinator without end, and whoever reports looks after all partitions."""


class Group:
    """A member of a consumer group, as an async context manager."""

    def __init__(
        self, connection: Connection, name: str, topic: str, session_s: float, member: str = ""
    ) -> None:
        """Prepare.

        Args:
            connection: where the cluster is.
            name: of the group.
            topic: whose partitions are shared out.
            session_s: a member of whom nothing was heard for so long has left.
            member: name of a static member, which may go and come back within a session's time-out
                without that anything changes hands; empty for one that leaves when it goes.
        """
        self._topic = connection.topic(topic)
        session_ms = round(session_s * 1000)
        self._consumer = AIOKafkaConsumer(
            **connection.options(),
            group_id=connection.topic(name),
            group_instance_id=member or None,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // BEATS,
            rebalance_timeout_ms=session_ms,
            partition_assignment_strategy=(StickyPartitionAssignor,),
            enable_auto_commit=False,
        )
        self._notes = _Notes(self._consumer)

    async def __aenter__(self) -> Self:
        """Join.

        Raises:
            LogUnavailable: no broker answers.
        """
        self._consumer.subscribe([self._topic], listener=self._notes)
        try:
            await self._consumer.start()
        except KafkaError as error:
            await self._consumer.stop()
            raise typed(error) from error
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave; the others take over at once, unless we are a static member."""
        await self._consumer.stop()

    async def partitions(self, timeout_s: float) -> frozenset[int]:
        """Take part for a while; which partitions are ours then.

        Raises:
            LogError: the cluster does not let us, or another static member has our name.
        """
        try:
            await self._consumer.getmany(timeout_ms=round(timeout_s * 1000))
        except KafkaError as error:
            raise typed(error) from error
        return self._notes.assigned

    async def report(self, offsets: Mapping[int, int]) -> bool:
        """Tell the group how far we are, as its tools show it.

        Returns:
            Whether the group counts us as a member who has these partitions; not if nobody answers.
        """
        places = {TopicPartition(self._topic, p): offset for p, offset in offsets.items()}
        try:
            async with asyncio.timeout(REPORT_SECONDS):
                await self._consumer.commit(places)
        except (KafkaError, IllegalStateError, TimeoutError):
            return False
        return True


class _Notes(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Only notes what came: aiokafka swallows what a listener raises."""

    def __init__(self, consumer: Any) -> None:
        self.assigned: frozenset[int] = frozenset()
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """A rebalance begins; what we lose by it comes out at its end."""

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """A rebalance has ended."""
        self._consumer.pause(*assigned)
        self.assigned = frozenset(place.partition for place in assigned)
