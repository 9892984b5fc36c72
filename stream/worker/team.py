"""The workers of one process in a cluster: one for each partition that the group gives it.

A hand-over is of a whole partition, with a ward of its own. Partitions that a rebalance takes and
gives back go on without notice. One that leaves is committed and let go; one that comes is taken over
by its worker (`take_over`), while the others go on. Whoever claimed a partition last owns it, by its
epoch in the store: a worker that was stopped for so long that its partition was given away finds
itself fenced at its next commit, and is dropped. Whether it may take the partition over again is the
group's word, not its own belief, or two who both believe would fence each other for ever.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from stream.log import LogError, Topic
from stream.store import Fenced, StoreError
from stream.worker.worker import Worker

LOOK_SECONDS: Final = 0.1
"""How often the assignment is compared with the workers at hand."""
REPORT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 1.0
"""After log or store failed, or the partition was lost to another, until it is tried again."""
LEAVE_SECONDS: Final = 8.0
"""How long the workers may take for their last turn."""

_log = logging.getLogger("beatwire.worker")


class Group(Protocol):
    """Who works on which partition."""

    async def partitions(self, timeout_s: float) -> frozenset[int]:
        """Take part for a while; which partitions are ours then."""
        ...

    async def report(self, offsets: Mapping[int, int]) -> bool:
        """Tell how far we are; False when these partitions are not ours."""
        ...


@dataclass
class Post:
    """A partition of ours: who works on it, or when it is tried again."""

    partition: int
    worker: Worker | None = None
    task: asyncio.Task[None] | None = None
    again: float = 0.0
    fenced: bool = False
    """Lost to another owner: the group is to be asked before it is taken over again."""

    @property
    def offset(self) -> int:
        """Next offset of the samples as committed, as far as we know; 0 if we do not."""
        return self.worker.written.get(Topic.SAMPLES, 0) if self.worker else 0


@dataclass
class Team:
    """Works until it is told to stop.

    Args:
        group: a member of it, joined.
        hire: makes a fresh worker for a partition; called in a thread.
    """

    group: Group
    hire: Callable[[int], Worker]
    _posts: dict[int, Post] = field(default_factory=dict)
    _stopping: bool = False
    _reported: float = 0.0

    def stop(self) -> None:
        """End after the present turns."""
        self._stopping = True

    async def run(self) -> None:
        """Work on whatever the group assigns.

        Raises:
            LogError: the group does not take us.
            Exception: a worker failed for a reason that is neither log nor store.
        """
        try:
            while not self._stopping:
                ours = await self.group.partitions(LOOK_SECONDS)
                for partition in ours - self._posts.keys():
                    self._posts[partition] = Post(partition)
                for post in list(self._posts.values()):
                    await self._see_to(post, ours=post.partition in ours)
                await self._report()
        finally:
            await self._leave()

    async def _see_to(self, post: Post, *, ours: bool) -> None:
        """Let one partition's worker begin, end, or begin anew."""
        if post.task is not None and post.task.done():
            self._ended(post)
        if not ours:
            if post.worker is not None:
                post.worker.stop()
            if post.task is None:
                del self._posts[post.partition]
        elif post.task is None and time.monotonic() >= post.again and await self._may(post):
            post.task = asyncio.create_task(self._work(post))

    async def _may(self, post: Post) -> bool:
        """Whether nobody else is known to have the partition."""
        if post.fenced and not await self.group.report({post.partition: post.offset}):
            post.again = time.monotonic() + RETRY_SECONDS
            return False
        post.fenced = False
        return True

    async def _work(self, post: Post) -> None:
        worker = await asyncio.to_thread(self.hire, post.partition)
        post.worker = worker
        await worker.run()

    def _ended(self, post: Post) -> None:
        """A worker has ended: because it was told to, or why."""
        assert post.task is not None
        failure = post.task.exception()
        post.task = None
        post.again = time.monotonic() + RETRY_SECONDS if failure else 0.0
        if failure is None:
            _log.info("partition %d was left in order", post.partition)
        elif isinstance(failure, Fenced):
            post.fenced = True
            _log.warning("%s: another worker has taken it", failure)
        elif isinstance(failure, LogError | StoreError):
            _log.error("partition %d: %s; to be taken over again", post.partition, failure)
        else:
            raise failure

    async def _report(self) -> None:
        """Tell the group how far the commits are, for its tools; nothing depends on it."""
        now = time.monotonic()
        if now < self._reported + REPORT_SECONDS:
            return
        self._reported = now
        offsets = {p: post.offset for p, post in self._posts.items() if post.offset}
        if offsets:
            await self.group.report(offsets)

    async def _leave(self) -> None:
        """Let every worker end its turn; cut off those that cannot."""
        for post in self._posts.values():
            if post.worker is not None:
                post.worker.stop()
        tasks = [post.task for post in self._posts.values() if post.task is not None]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=LEAVE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
