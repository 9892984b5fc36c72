"""Room `quality`: what may be believed of the signal."""

from stream.engine.quality.repeats import beat
from stream.engine.quality.room import STATE, init, step
from stream.engine.quality.still import QUIET

__all__ = [
    "QUIET",
    "STATE",
    "beat",
    "init",
    "step",
]
