"""Every physiological row of ALARMS.md, from its beats to the sentences that the alarm book says.

The moments at which an alarm must come and go follow from the beats alone, which the rows spell out.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
from alarm_script import RATE, START, Ward
from rhythm_script import Beats, Player
from test_rhythm_intervals import irregular

from ecg.conditions import CATALOGUE, Change, Edge
from ecg.types import Priority

TABLE = {
    "ASYSTOLE": ("high", True, 199684),
    "VFIB": ("high", True, None),
    "VTACH": ("high", True, 199832),
    "EXTREME_TACHY": ("high", True, 199730),
    "EXTREME_BRADY": ("high", True, 199694),
    "HR_HIGH": ("medium", False, 196648),
    "HR_LOW": ("medium", False, 196670),
    "NSVT": ("medium", False, 199834),
    "VENT_RHYTHM": ("medium", False, 199828),
    "RUN_PVCS": ("medium", False, 199820),
    "PAUSE": ("medium", False, 199716),
    "SVT": ("medium", False, 199800),
    "MISSED_BEAT": ("low", False, 199686),
    "PAIR_PVCS": ("low", False, 199818),
    "R_ON_T": ("low", False, 199814),
    "BIGEMINY": ("low", False, 199690),
    "TRIGEMINY": ("low", False, 199844),
    "PVC_RATE": ("low", False, 199860),
    "AFIB": ("low", False, 199736),
    "IRREGULAR_HR": ("low", False, 199766),
}
"""Priority, whether it latches, code: columns of ALARMS.md."""

TECHNICAL = {
    "LEADS_OFF": ("low", 10.0),
    "LEAD_OFF": ("low", None),  # ours: one of two leads; the table knows only all
    "ARTIFACT": ("low", None),
    "CANNOT_ANALYZE": ("medium", None),
    "NO_DATA": ("low", 10.0),
    "LEARNING": ("information", None),
    "NOT_MONITORED": ("medium", None),
    "ANALYSIS_LAG": ("medium", None),
    "ANALYSIS_FAIL": ("medium", None),  # ours: of MODEL_FAIL the table says that rates go on
    "MODEL_FAIL": ("medium", None),
    "ALARMS_PAUSED": ("information", None),
    "DELIVERY_FAIL": ("medium", None),
}
"""Priority, and seconds after which it is medium."""

HOP = 0.12
"""Seconds by which the rooms may be late: they look each 100 ms."""
SECOND = 1.0 + HOP
"""Numbers are judged each second."""
KEPT = 2.0
"""Three numbers in a row within a limit: the third one comes 2 s after the first."""
SHOWN = 6.0


class Bedside(Player):
    """The room's changes, and the numbers of each second, told to an alarm book as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.ward = Ward(learned=False)
        self.heard: list[tuple[float, str]] = []

    def _hop(self, valid, fibrillation) -> None:
        before = len(self.told)
        super()._hop(valid, fibrillation)
        book, context, now = self.ward.book, self.ward.context(), START + self.horizon / RATE
        out = []
        for told in self.told[before:]:
            onset, at = round(told.onset * RATE), round(told.at * RATE)
            change = Change(told.kind, Edge(told.edge), onset, at, told.value)
            out += book.change(context, change, now)
        if self.horizon % RATE == 0:
            vitals = self.vitals()
            rate = None if math.isnan(vitals["heart_rate"]) else vitals["heart_rate"]
            out += book.vitals(context, self.horizon, rate, vitals["v_per_minute"], now)
        out += book.tick(now)
        self.heard += [(now - START, words) for words in self.ward.heard(out)]

    def about(self, kind: str) -> list[tuple[float, str]]:
        """What was said of alarms of this kind, suppression and strips aside."""
        return [
            (at, words)
            for at, words in self.heard
            if words.split()[0] == kind and " update active" not in words
        ]


class Row(NamedTuple):
    """What is played, when the alarm is due, when its end is, and how late each may be, in seconds."""

    play: Callable[[Bedside], object]
    raised: float
    ended: float
    late: float = HOP
    end_late: float = HOP
    first: str = "start"


LEAD = 12 * 0.8
"""Twelve beats at 75 /min; the last one falls here."""


def lead_in() -> Beats:
    return Beats().say("N" * 12)


def sentence_of(beats: Beats, after: float = 12.0) -> Callable[[Bedside], object]:
    """Play these beats, and sinus rhythm after them."""
    end = beats.now
    beats.say("N" * round(after / 0.8))
    return lambda bed: bed.play(beats, end + after)


def fibrillates(bed: Bedside) -> None:
    """The verdict (which takes 4 s by itself) from 12 to 20 s, sinus rhythm from then on."""
    beats = lead_in()
    bed.play(beats, 12.0).play(beats, 20.0, fibrillation=True)
    beats.now = 20.0
    bed.play(beats.say("N" * 12), 28.0)


def irregularly(p_evidence: float) -> Callable[[Bedside], object]:
    """Two minutes at random with or without P waves, then two minutes at 75 /min."""

    def play(bed: Bedside) -> None:
        bed.p_evidence = p_evidence
        bed.play(irregular(120.0).say("N" * 150), 240.0)

    return play


def run(count: int, rr: float) -> Beats:
    return lead_in().say("V" * count, rr)


ROWS = {
    # 4 s after the last QRS; the second of two beats within 3 s ends it
    "ASYSTOLE": Row(sentence_of(lead_in().say("N", 7.0)), LEAD + 4.0, LEAD + 7.8),
    "VFIB": Row(fibrillates, 12.0, 21.6, HOP, 0.2),
    # the fifth V; the third beat that is none
    "VTACH": Row(
        sentence_of(run(7, 0.4)), LEAD + 5 * 0.4, LEAD + 7 * 0.4 + 3 * 0.8, first="escalate"
    ),
    # 12 RR of 0.4 s after 0.8 s: a mean of 140 /min and more with the twelfth; within it with the
    # first slow one, for three numbers
    "EXTREME_TACHY": Row(
        sentence_of(lead_in().say("N" * 20, 0.4)),
        LEAD + 4.8,
        LEAD + 8.0 + 0.8 + KEPT,
        SECOND,
        SECOND,
    ),
    # the mean of the last four RR of 1.6 s, of twelve when three in a row are no longer above 1.2 s
    "EXTREME_BRADY": Row(
        sentence_of(lead_in().say("N" * 8, 1.6)), LEAD + 6.4, LEAD + 12.8 + 0.8 + KEPT, SECOND, 3.0
    ),
    # eleven RR of 60 / 130 s: a mean above 120 /min
    "HR_HIGH": Row(
        sentence_of(lead_in().say("N" * 20, 60 / 130)),
        LEAD + 11 * 60 / 130,
        LEAD + 20 * 60 / 130 + 2 * 0.8 + KEPT,
        SECOND,
        SECOND,
    ),
    # four RR of 60 / 45 s
    "HR_LOW": Row(
        sentence_of(lead_in().say("N" * 8, 60 / 45)),
        LEAD + 4 * 60 / 45,
        LEAD + 8 * 60 / 45 + 0.8 + KEPT,
        SECOND,
        3.0,
    ),
    # the third V; over with the next beat, shown for 6 s
    "NSVT": Row(sentence_of(run(3, 0.4)), LEAD + 1.2, LEAD + 1.2 + SHOWN),
    "VENT_RHYTHM": Row(sentence_of(run(22, 0.8)), LEAD + 14 * 0.8, LEAD + 25 * 0.8),
    "RUN_PVCS": Row(sentence_of(run(4, 0.8)), LEAD + 3 * 0.8, LEAD + 3 * 0.8 + SHOWN),
    "PAUSE": Row(sentence_of(lead_in().say("N", 3.0)), LEAD + 2.0, LEAD + 2.0 + SHOWN),
    # the fifth beat at 200 /min; the third slower RR
    "SVT": Row(
        sentence_of(lead_in().say("N" * 30, 0.3)), LEAD + 4 * 0.3, LEAD + 9.0 + 2.4, 0.3 + HOP
    ),
    # decided by the beat after the long RR
    "MISSED_BEAT": Row(
        sentence_of(lead_in().say("NN", [1.52, 0.8])), LEAD + 2.32, LEAD + 2.32 + SHOWN
    ),
    # two V, and a beat that is none
    "PAIR_PVCS": Row(sentence_of(run(2, 0.5).say("N", 0.8)), LEAD + 1.8, LEAD + 1.8 + SHOWN),
    # 66 /min; a coupling of 0.28 s, then 1.3 s
    "R_ON_T": Row(
        sentence_of(Beats().say("N" * 12, 0.9).say("VN", [0.28, 1.3])),
        12 * 0.9 + 1.58,
        12 * 0.9 + 1.58 + SHOWN,
    ),
    # the third cycle's V; four beats in a row that are N
    "BIGEMINY": Row(
        sentence_of(lead_in().say("VNVNVNVNVNV")), LEAD + 5 * 0.8, LEAD + 15 * 0.8, HOP, 0.8
    ),
    "TRIGEMINY": Row(
        sentence_of(lead_in().say("VNNVNNVNNVNNV")), LEAD + 7 * 0.8, LEAD + 19 * 0.8, HOP, 1.7
    ),
    # the eleventh V; the third number after the first one is a minute old (counted by seconds)
    "PVC_RATE": Row(
        sentence_of(lead_in().say("VNNN" * 11), 70.0),
        LEAD + 41 * 0.8,
        LEAD + 0.8 + 59.0 + KEPT,
        SECOND,
        1.0 + SECOND,
    ),
    # a minute after its onset, which is soon after the first beats; its end once it is regular
    "AFIB": Row(irregularly(0.0), 60.0, 120.0, 15.0, 60.0),
    "IRREGULAR_HR": Row(irregularly(0.9), 60.0, 180.0, 15.0, 15.0),
}


@pytest.mark.parametrize("kind", TABLE)
def test_row_from_its_beats_to_its_alarm(kind):
    """Raised when the row says, ended when it says, or latched if it latches; once."""
    row, bed = ROWS[kind], Bedside()
    row.play(bed)
    (start, first), (end, last) = bed.about(kind)
    state = "update latched" if CATALOGUE[kind].latches else "end ended"
    assert (first.split(" by ")[0], last.split(" by ")[0]) == (
        f"{kind} {row.first} active",
        f"{kind} {state}",
    )
    assert 0.0 <= start - row.raised + 0.01 <= row.late
    assert 0.0 <= end - row.ended + 0.01 <= row.end_late


def test_the_catalogue_is_the_table():
    """Priority, latching, code and escalation of every kind, and no kind besides."""
    found = {
        kind.name: (kind.priority.name.lower(), kind.latches, kind.code)
        for kind in CATALOGUE.values()
        if not kind.technical
    }
    assert found == TABLE
    technical = [kind for kind in CATALOGUE.values() if kind.technical]
    assert {k.name: (k.priority.name.lower(), k.raised_after) for k in technical} == TECHNICAL
    assert all(k.code is None and not k.latches for k in technical)
    assert all(k.raised_to == Priority.MEDIUM for k in technical if k.raised_after)
