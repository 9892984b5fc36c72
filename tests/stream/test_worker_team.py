"""The workers of one process in a cluster: who is hired, let go, fenced, and tried again."""

import asyncio
from collections import Counter
from typing import Self

import pytest

from stream.log import LogUnavailable, Topic
from stream.store import Fenced
from stream.worker import team as team_of
from stream.worker.team import Team

pytestmark = pytest.mark.anyio


class Group:
    """What the consumer group says, as the test tells it."""

    def __init__(self, *partitions: int) -> None:
        self.ours = frozenset(partitions)
        self.confirms = True
        self.asked: list[dict[int, int]] = []
        self.looked = asyncio.Event()

    async def partitions(self, _timeout_s: float) -> frozenset[int]:
        self.looked.set()
        await asyncio.sleep(0.001)
        return self.ours

    async def report(self, offsets) -> bool:
        self.asked.append(dict(offsets))
        return self.confirms


class Hand:
    """A worker that works until it is stopped, or fails when told to."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.written = {Topic.SAMPLES.value: 7}
        self.failure: Exception | None = None
        self.left = False
        self._over = asyncio.Event()

    def stop(self) -> None:
        self._over.set()

    def fail(self, failure: Exception) -> None:
        self.failure = failure
        self._over.set()

    async def run(self) -> None:
        await self._over.wait()
        if self.failure is not None:
            raise self.failure
        self.left = True


class Office:
    """A team at work, and everybody it ever hired."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self.hired: list[Hand] = []
        self.team = Team(group, self._hire)

    def _hire(self, partition: int) -> Hand:
        self.hired.append(Hand(partition))
        return self.hired[-1]

    def at(self, partition: int) -> Hand:
        return [hand for hand in self.hired if hand.partition == partition][-1]

    @property
    def counts(self) -> Counter[int]:
        return Counter(hand.partition for hand in self.hired)

    async def until(self, true) -> None:
        """The group turns with the team: its every look is a chance to see something new."""
        async with asyncio.timeout(10):
            while not true():
                await self._group.looked.wait()
                self._group.looked.clear()

    async def __aenter__(self) -> Self:
        self.running = asyncio.create_task(self.team.run())
        return self

    async def __aexit__(self, *_) -> None:
        self.team.stop()
        await self.running


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Nobody waits for a second attempt."""
    monkeypatch.setattr(team_of, "RETRY_SECONDS", 0.0)


async def test_a_partition_that_stays_keeps_its_worker():
    """What comes is hired for, what goes is let go in order, what stays is not touched."""
    group = Group(0, 1)
    async with Office(group) as office:
        await office.until(lambda: office.counts == {0: 1, 1: 1})
        group.ours = frozenset({1, 2})
        await office.until(lambda: office.counts == {0: 1, 1: 1, 2: 1} and office.at(0).left)
        assert not office.at(1).left
    assert all(hand.left for hand in office.hired)


async def test_a_partition_that_comes_back_is_taken_over_anew():
    """Its last worker has ended first."""
    group = Group(0)
    async with Office(group) as office:
        await office.until(lambda: office.counts == {0: 1})
        group.ours = frozenset()
        await office.until(lambda: office.at(0).left)
        group.ours = frozenset({0})
        await office.until(lambda: office.counts == {0: 2})


async def test_who_was_fenced_asks_the_group_first():
    """While the group does not confirm it, the partition is another's; then it is ours again."""
    group = Group(0)
    async with Office(group) as office:
        await office.until(lambda: office.counts == {0: 1})
        group.confirms, group.asked = False, []
        office.at(0).fail(Fenced("partition 0: epoch is 2, not 1"))
        await office.until(lambda: len(group.asked) >= 3)
        assert office.counts == {0: 1}
        assert group.asked[0] == {0: 7}
        group.confirms = True
        await office.until(lambda: office.counts == {0: 2})


async def test_one_partition_in_trouble_costs_no_other():
    """When its log is away, it is taken over again, and the others have noticed nothing."""
    group = Group(0, 1)
    async with Office(group) as office:
        await office.until(lambda: office.counts == {0: 1, 1: 1})
        office.at(0).fail(LogUnavailable("no broker"))
        await office.until(lambda: office.counts == {0: 2, 1: 1})


async def test_a_failure_of_the_program_ends_the_process():
    """What nobody expected is not tried again; the others leave in order."""
    group = Group(0, 1)
    office = Office(group)
    running = asyncio.create_task(office.team.run())
    await office.until(lambda: office.counts == {0: 1, 1: 1})
    office.at(0).fail(KeyError("nobody expected this"))
    with pytest.raises(KeyError):
        await running
    assert office.at(1).left


async def test_a_worker_that_cannot_end_is_cut_off(monkeypatch):
    """One that waits for a broker that is gone does not keep the process."""
    monkeypatch.setattr(team_of, "LEAVE_SECONDS", 0.01)
    async with Office(Group(0)) as office:
        await office.until(lambda: office.counts == {0: 1})
        office.at(0).stop = lambda: None
    assert not office.at(0).left


async def test_the_group_is_told_how_far_the_commits_are(monkeypatch):
    """Its tools show the lag of what was analysed, not of what was read."""
    monkeypatch.setattr(team_of, "REPORT_SECONDS", 0.0)
    group = Group(3)
    async with Office(group) as office:
        await office.until(lambda: {3: 7} in group.asked)
