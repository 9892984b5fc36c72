"""Room `detect`: where the beats are."""

from stream.engine.detect.room import (
    STATE,
    init,
    restart,
    step,
)

__all__ = [
    "STATE",
    "init",
    "restart",
    "step",
]
