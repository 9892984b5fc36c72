"""The catalogue of conditions: one row for each kind of alarm, physiological and technical.

Priorities follow IEC 60601-1-8; codes are ISO/IEEE 11073-10101 (partition 3 × 65536 + term). A
code that is not known is None, never invented; the two rate limits carry the generic high and low
codes, whose source is MDC_ECG_HEART_RATE (`HEART_RATE_CODE`). Thresholds belong to the rules
(stream/engine/rhythm.py); here stands what a kind *is*.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from ecg.types import Priority

HEART_RATE_CODE: Final = 147842
"""MDC_ECG_HEART_RATE, the source of the generic codes of HR_HIGH and HR_LOW."""

INFO, LOW, MEDIUM, HIGH = Priority


@dataclass(frozen=True, slots=True)
class Kind:
    """What a condition is, whoever has it.

    Attributes:
        name: stable upper-case name, used on the wire and in ids.
        priority: priority when it is first raised.
        text: what a display shows.
        code: MDC code, or None where the nomenclature has none that is known.
        latches: stays, marked, until acknowledged after the condition ended.
        technical: an INOP: about the equipment, not about the patient.
        raised_after: seconds after which an unresolved one becomes `raised_to`, or None.
        raised_to: the priority it then has.
    """

    name: str
    priority: Priority
    text: str
    code: int | None = None
    latches: bool = False
    technical: bool = False
    raised_after: float | None = None
    raised_to: Priority = MEDIUM


def _inop(name: str, priority: Priority, text: str, raised_after: float | None = None) -> Kind:
    return Kind(name, priority, text, technical=True, raised_after=raised_after)


CATALOGUE: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("ASYSTOLE", HIGH, "Asystole", 199684, latches=True),
        Kind("VFIB", HIGH, "Ventricular fibrillation", None, latches=True),
        Kind("VTACH", HIGH, "Ventricular tachycardia", 199832, latches=True),
        Kind("EXTREME_TACHY", HIGH, "Extreme tachycardia", 199730, latches=True),
        Kind("EXTREME_BRADY", HIGH, "Extreme bradycardia", 199694, latches=True),
        Kind("HR_HIGH", MEDIUM, "Heart rate high", 196648),
        Kind("HR_LOW", MEDIUM, "Heart rate low", 196670),
        Kind("NSVT", MEDIUM, "Non-sustained VT", 199834),
        Kind("VENT_RHYTHM", MEDIUM, "Ventricular rhythm", 199828),
        Kind("RUN_PVCS", MEDIUM, "Run of PVCs", 199820),
        Kind("PAUSE", MEDIUM, "Pause", 199716),
        Kind("SVT", MEDIUM, "Supraventricular tachycardia", 199800),
        Kind("MISSED_BEAT", LOW, "Missed beat", 199686),
        Kind("PAIR_PVCS", LOW, "Pair of PVCs", 199818),
        Kind("R_ON_T", LOW, "R on T", 199814),
        Kind("BIGEMINY", LOW, "Ventricular bigeminy", 199690),
        Kind("TRIGEMINY", LOW, "Ventricular trigeminy", 199844),
        Kind("PVC_RATE", LOW, "PVC rate high", 199860),
        Kind("AFIB", LOW, "Atrial fibrillation", 199736),
        Kind("IRREGULAR_HR", LOW, "Irregular heart rate", 199766),
        _inop("LEADS_OFF", LOW, "Leads off", raised_after=10.0),
        _inop("ARTIFACT", LOW, "Artifact"),
        _inop("CANNOT_ANALYZE", MEDIUM, "Cannot analyze ECG"),
        _inop("NO_DATA", LOW, "No data from device", raised_after=10.0),
        _inop("LEARNING", INFO, "Learning"),
        _inop("NOT_MONITORED", MEDIUM, "Not monitored"),
        _inop("ANALYSIS_LAG", MEDIUM, "Analysis delayed"),
        _inop("MODEL_FAIL", MEDIUM, "Beat classification failed"),
        _inop("ALARMS_PAUSED", INFO, "Alarms paused"),
        _inop("DELIVERY_FAIL", MEDIUM, "Alarm not delivered"),
    )
}
"""Every kind by its name, the most urgent of each group first."""


class Edge(StrEnum):
    """What became of a condition: `once` is one that has happened and clears by itself."""

    SET = "set"
    CLEAR = "clear"
    ONCE = "once"


class Change(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A condition was set, cleared or happened; samples are indices of the device's stream.

    Attributes:
        kind: name of a kind of CATALOGUE.
        edge: set, clear or once.
        onset: where the condition began; the same when it is set and when it is cleared.
        at: where it was decided; it never falls from one change of a kind to the next.
        value: the number that was judged, in units of `measure`, if there is one.
        limit: what it was judged against.
        measure: unit of value and limit, e.g. /min or s.
    """

    kind: str
    edge: Edge
    onset: int
    at: int
    value: float | None = None
    limit: float | None = None
    measure: str = ""


CHAINS: Final[tuple[tuple[frozenset[str], ...], ...]] = (
    tuple(
        frozenset(rank.split())
        for rank in (
            "VFIB",
            "VTACH",
            "NSVT",
            "VENT_RHYTHM",
            "RUN_PVCS",
            "PAIR_PVCS",
            "R_ON_T",
            "BIGEMINY TRIGEMINY PVC_RATE",
        )
    ),
    tuple(frozenset([name]) for name in ("ASYSTOLE", "PAUSE", "MISSED_BEAT")),
    (frozenset(["EXTREME_TACHY", "EXTREME_BRADY"]), frozenset(["HR_HIGH", "HR_LOW"])),
    (frozenset(["AFIB"]), frozenset(["IRREGULAR_HR"])),
)
"""Chains of suppression, highest rank first: a kind suppresses every kind of a later rank."""


def suppresses(higher: str, lower: str) -> bool:
    """Whether an active alarm of kind `higher` suppresses one of kind `lower`."""
    for chain in CHAINS:
        ranks = {name: rank for rank, names in enumerate(chain) for name in names}
        if higher in ranks and lower in ranks:
            return ranks[higher] < ranks[lower]
    return False
