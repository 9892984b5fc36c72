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
from stream.engine.segment.templates import difference, width

__all__ = [
    "AFTER",
    "STATE",
    "add",
    "cut",
    "difference",
    "finish",
    "init",
    "ready",
    "restart",
    "step",
    "width",
]
