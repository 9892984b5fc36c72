"""Tasks without which a gateway looks alive and tells nobody anything: it ends with any of them.

Whoever supervises it starts it again, and its peers come back by themselves.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger("beatwire.gateway")


def vital(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start work that only a cancellation may end; if it fails, the process ends in order."""
    task = asyncio.create_task(work)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("the gateway ends: a part of it has failed", exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)
