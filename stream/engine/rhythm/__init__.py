"""Room `rhythm`: conditions and vital signs from beats and time."""

from stream.engine.rhythm.room import MEASURES, advance, beat, gap, init, look, noise, wide
from stream.engine.rhythm.state import CHANGE, CLEAR, KINDS, MAX_CHANGES, ONCE, SET, STATE
from stream.engine.rhythm.vitals import RHYTHMS, STEADY, VITALS, rate_changes, vitals

__all__ = [
    "CHANGE",
    "CLEAR",
    "KINDS",
    "MAX_CHANGES",
    "MEASURES",
    "ONCE",
    "RHYTHMS",
    "SET",
    "STATE",
    "STEADY",
    "VITALS",
    "advance",
    "beat",
    "gap",
    "init",
    "look",
    "noise",
    "rate_changes",
    "vitals",
    "wide",
]
