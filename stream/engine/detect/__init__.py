"""Room `detect`: where the beats are."""

from stream.engine.detect.room import (
    STATE,
    conclude,
    init,
    restart,
    step,
)

__all__ = [
    "STATE",
    "conclude",
    "init",
    "restart",
    "step",
]
