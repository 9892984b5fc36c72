"""Room `segment`: a window and a context for each beat."""

from stream.engine.segment.room import (
    AFTER,
    STATE,
    add,
    cut,
    finish,
    init,
    ready,
    restart,
    step,
)

__all__ = [
    "AFTER",
    "STATE",
    "add",
    "cut",
    "finish",
    "init",
    "ready",
    "restart",
    "step",
]
