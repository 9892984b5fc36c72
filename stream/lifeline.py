"""A child process ends when its parent dies: its standard input is a pipe that then closes."""

import os
import signal
import sys
import threading
from typing import Final

SUPERVISED: Final = "BEATWIRE_SUPERVISED"
"""Set in a child's environment; its standard input is the lifeline."""


def follow_parent() -> None:
    """If this is a supervised child, end in order when the parent is gone."""
    if SUPERVISED in os.environ:
        threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    while os.read(sys.stdin.fileno(), 1):  # unbuffered: no lock is held when the process ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)
