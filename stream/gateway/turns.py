"""How long one task may keep the event loop to itself."""

import asyncio
import time
from typing import Final

SLICE_SECONDS: Final = 0.001
"""A fifth of the 5 ms that the gateway's loop may be blocked at most."""


class Turn:
    """One task's turn on the loop: ask `rest` between two pieces of work."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = time.perf_counter() + SLICE_SECONDS

    async def rest(self) -> None:
        """Let the others have theirs if ours has lasted long enough."""
        if time.perf_counter() > self._until:
            await asyncio.sleep(0)
            self._until = time.perf_counter() + SLICE_SECONDS
