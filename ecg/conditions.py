"""The catalogue of conditions: one row for each kind of alarm, physiological and technical.

Priorities follow IEC 60601-1-8; codes are ISO/IEEE 11073-10101 (partition 3 × 65536 + term). A
code that is not known is None, never invented; the two rate limits carry the generic high and low
codes, whose source is MDC_ECG_HEART_RATE (`HEART_RATE_CODE`). Thresholds belong to the rules
(stream/engine/rhythm/); here stands what a kind *is*.
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
        rule: when it is raised, in words, with the defaults; an alarm's evidence quotes it.
        code: MDC code, or None where the nomenclature has none that is known.
        latches: stays, marked, until acknowledged after the condition ended.
        technical: an INOP: about the equipment, not about the patient.
        raised_after: seconds after which an unresolved one becomes `raised_to`, or None.
        raised_to: the priority it then has.
    """

    name: str
    priority: Priority
    text: str
    rule: str = ""
    code: int | None = None
    latches: bool = False
    technical: bool = False
    raised_after: float | None = None
    raised_to: Priority = MEDIUM


def _inop(
    name: str, priority: Priority, text: str, rule: str, raised_after: float | None = None
) -> Kind:
    return Kind(name, priority, text, rule, technical=True, raised_after=raised_after)


CATALOGUE: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            "ASYSTOLE",
            HIGH,
            "Asystole",
            "no QRS for 4.0 s, signal valid, no fibrillation",
            199684,
            latches=True,
        ),
        Kind(
            "VFIB",
            HIGH,
            "Ventricular fibrillation",
            "fibrillatory waveform for 4 s",
            None,
            latches=True,
        ),
        Kind(
            "VTACH",
            HIGH,
            "Ventricular tachycardia",
            "5 or more V in a row at 100 /min or more",
            199832,
            latches=True,
        ),
        Kind(
            "EXTREME_TACHY",
            HIGH,
            "Extreme tachycardia",
            "heart rate 20 /min or more above the high limit, or 200 /min",
            199730,
            latches=True,
        ),
        Kind(
            "EXTREME_BRADY",
            HIGH,
            "Extreme bradycardia",
            "heart rate 10 /min or more below the low limit, or 30 /min",
            199694,
            latches=True,
        ),
        Kind("HR_HIGH", MEDIUM, "Heart rate high", "heart rate above the high limit", 196648),
        Kind("HR_LOW", MEDIUM, "Heart rate low", "heart rate below the low limit", 196670),
        Kind("NSVT", MEDIUM, "Non-sustained VT", "3 or 4 V in a row at 100 /min or more", 199834),
        Kind(
            "VENT_RHYTHM",
            MEDIUM,
            "Ventricular rhythm",
            "14 or more V in a row below 100 /min",
            199828,
        ),
        Kind("RUN_PVCS", MEDIUM, "Run of PVCs", "3 or more V in a row below 100 /min", 199820),
        Kind("PAUSE", MEDIUM, "Pause", "no QRS for 2.0 s", 199716),
        Kind(
            "SVT",
            MEDIUM,
            "Supraventricular tachycardia",
            "5 or more S or narrow beats in a row at 180 /min or more",
            199800,
        ),
        Kind(
            "MISSED_BEAT",
            LOW,
            "Missed beat",
            "RR over 1.75 times the average, the next one short, 3 N before",
            199686,
        ),
        Kind("PAIR_PVCS", LOW, "Pair of PVCs", "exactly 2 V between other beats", 199818),
        Kind(
            "R_ON_T", LOW, "R on T", "V closer than a third of the average RR, then a pause", 199814
        ),
        Kind("BIGEMINY", LOW, "Ventricular bigeminy", "3 cycles of N V", 199690),
        Kind("TRIGEMINY", LOW, "Ventricular trigeminy", "3 cycles of N N V", 199844),
        Kind("PVC_RATE", LOW, "PVC rate high", "more than 10 V in a minute", 199860),
        Kind("AFIB", LOW, "Atrial fibrillation", "irregular RR without P waves for 60 s", 199736),
        Kind(
            "IRREGULAR_HR",
            LOW,
            "Irregular heart rate",
            "irregular RR for 60 s, not atrial fibrillation",
            199766,
        ),
        _inop("LEADS_OFF", LOW, "Leads off", "the device reports the leads off", raised_after=10.0),
        _inop("LEAD_OFF", LOW, "Lead off", "the device reports one of two leads off"),
        _inop("ARTIFACT", LOW, "Artifact", "noise: only lethal arrhythmias are looked for"),
        _inop("CANNOT_ANALYZE", MEDIUM, "Cannot analyze ECG", "no reliable beat for 20 s"),
        _inop(
            "NO_DATA",
            LOW,
            "No data from device",
            "no samples from the device for 3 s",
            raised_after=10.0,
        ),
        _inop("LEARNING", INFO, "Learning", "the signal has just begun"),
        _inop("NOT_MONITORED", MEDIUM, "Not monitored", "samples arrive but nobody analyses them"),
        _inop("ANALYSIS_LAG", MEDIUM, "Analysis delayed", "the analysis is late"),
        _inop(
            "ANALYSIS_FAIL",
            MEDIUM,
            "Analysis failed",
            "the program failed on this signal: nothing of it is analysed until it begins anew",
        ),
        _inop(
            "MODEL_FAIL",
            MEDIUM,
            "Beat classification failed",
            "the beat model failed; rate and asystole go on",
        ),
        _inop("ALARMS_PAUSED", INFO, "Alarms paused", "someone paused the sound"),
        _inop("DELIVERY_FAIL", MEDIUM, "Alarm not delivered", "an alarm receiver did not confirm"),
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
