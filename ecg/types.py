"""The words of the field: leads, beat classes, priorities, the internal sampling rate."""

from enum import IntEnum, StrEnum
from typing import Final

RATE: Final = 250
"""Sampling rate in Hz of everything behind the `clean` room, whatever the device's own rate."""

HOP: Final = 25
"""Samples (at RATE) that the pipeline advances at a time: 100 ms, aligned to the stream's index."""

BRIEF: Final = RATE
"""Samples (at RATE): over so short a hole what was seen before it still counts. One beat may hide in it, hardly one in
each of several, and a link that loses a little every few seconds must not hide an arrest."""

TACHYCARDIA: Final = 100.0
"""Beats per minute from which a rhythm is fast, of the sinus node or of the ventricles (ALARMS.md)."""

TACHYCARDIA_RR: Final = 60.0 / TACHYCARDIA
"""The same as an interval in seconds: what is longer is not fast."""


class Lead(StrEnum):
    """Standard lead names; `unknown` is allowed on the wire, a guess is not."""

    I = "I"  # noqa: E741 - the field's own name
    II = "II"
    III = "III"
    AVR = "aVR"
    AVL = "aVL"
    AVF = "aVF"
    V1 = "V1"
    V2 = "V2"
    V3 = "V3"
    V4 = "V4"
    V5 = "V5"
    V6 = "V6"
    MLII = "MLII"
    UNKNOWN = "unknown"


class BeatClass(StrEnum):
    """Beat classes of ANSI/AAMI EC57, table 3: the values are the WFDB symbols that we write."""

    N = "N"  # normal, bundle branch block, escape
    S = "S"  # supraventricular ectopic
    V = "V"  # ventricular ectopic
    F = "F"  # fusion of ventricular and normal
    Q = "Q"  # paced or unclassifiable


CLASSES: Final = tuple(BeatClass)
"""Order of the classifier's outputs and of every class index in the engine: N S V F Q."""


class Priority(IntEnum):
    """Alarm priority as in IEC 60601-1-8; a larger number is more urgent."""

    INFORMATION = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Paced(StrEnum):
    """Whether the patient has a pacemaker."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Category(StrEnum):
    """Patient category; the default limits depend on it."""

    ADULT = "adult"
    PAEDIATRIC = "paediatric"
    NEONATAL = "neonatal"
