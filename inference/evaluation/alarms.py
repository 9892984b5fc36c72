"""Alarms against truth: sensitivity, positive predictivity and delay by kind, alarms per day."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from inference.evaluation.episodes import Episode, Stretch, Truth
from inference.evaluation.events import Raised

_RUNS: Final = frozenset({"VTACH", "NSVT", "VENT_RHYTHM", "RUN_PVCS"})


@dataclass(frozen=True)
class Rule:
    """How one kind of truth is judged.

    Attributes:
        truth: name of the truth.
        finds: kinds of which one finds an episode (a higher one of the chain silences the lower).
        judged: kinds that must be right.
        late: seconds after a stretch in which an alarm still belongs to it.
        lasting: an alarm that is still active finds the next episode too.
    """

    truth: str
    finds: frozenset[str]
    judged: frozenset[str]
    late: float
    lasting: bool = False


def _rule(truth: str, *higher: str, late: float, lasting: bool = False) -> Rule:
    return Rule(truth, frozenset({truth, *higher}), frozenset({truth}), late, lasting)


RULES: Final = (
    _rule("ASYSTOLE", late=1.5),
    _rule("VFIB", "VTACH", late=5.0),
    _rule("VTACH", "VFIB", late=2.0),
    _rule("EXTREME_TACHY", late=5.0),
    _rule("EXTREME_BRADY", late=5.0),
    _rule("HR_HIGH", "EXTREME_TACHY", late=5.0, lasting=True),
    _rule("HR_LOW", "EXTREME_BRADY", late=5.0, lasting=True),
    _rule("PAUSE", "ASYSTOLE", late=1.5),
    _rule("NSVT", "VTACH", "VFIB", late=2.0),
    Rule("V_RUN", _RUNS | {"VFIB"}, _RUNS, late=2.0),
    _rule("SVT", late=3.0),
    _rule("PAIR_PVCS", late=3.0),
    _rule("BIGEMINY", late=5.0, lasting=True),
    _rule("TRIGEMINY", late=5.0, lasting=True),
    _rule("PVC_RATE", late=5.0, lasting=True),
    _rule("AFIB", late=10.0, lasting=True),
)
"""Lateness: a beat is decided at most 0.45 s after R, and a run ends with the beat after it; rates
clear 3 s after the limit."""

EARLY_S: Final = 1.0
"""An alarm this much before an episode belongs to it: annotators mark a rhythm at its first beat."""


@dataclass
class Score:
    """What one rule found, over records.

    Attributes:
        episodes: episodes that must be found.
        found: those that were.
        alarms: alarms of the judged kinds.
        right: those that were.
        delays: seconds from onset to alarm of the episodes found by an alarm of their own.
        false: (record, kind, time) of each alarm that was not right.
        missed: (record, time) of each episode that was not found.
    """

    episodes: int = 0
    found: int = 0
    alarms: int = 0
    right: int = 0
    delays: list[float] = field(default_factory=list)
    false: list[tuple[str, str, float]] = field(default_factory=list)
    missed: list[tuple[str, float]] = field(default_factory=list)

    def add(self, record: str, rule: Rule, truth: Truth, alarms: Sequence[Raised]) -> None:
        """Judge one record."""
        for episode in truth.must:
            self._judge_episode(record, rule, truth, episode, alarms)
        for alarm in alarms:
            # The same run raises NSVT and escalates to VTACH: one alarm, counted once.
            if alarm.kind in rule.judged and not (rule.truth == "V_RUN" and alarm.escalated):
                self._judge_alarm(alarm, rule, truth)

    def _judge_episode(
        self, record: str, rule: Rule, truth: Truth, episode: Episode, alarms: Sequence[Raised]
    ) -> None:
        self.episodes += 1
        wanted = [alarm for alarm in alarms if alarm.kind in rule.finds]
        low, high = _reach(episode, truth.may, rule.late)
        own = [alarm.start for alarm in wanted if low <= alarm.start <= high]
        held = rule.lasting and any(a.start < low and a.end >= episode.start for a in wanted)
        if own:
            self.delays.append(max(0.0, min(own) - episode.onset))
        if own or held:
            self.found += 1
        else:
            self.missed.append((record, episode.start))

    def _judge_alarm(self, alarm: Raised, rule: Rule, truth: Truth) -> None:
        self.alarms += 1
        if any(a - EARLY_S <= alarm.start <= b + rule.late for a, b in truth.may):
            self.right += 1
        else:
            self.false.append((alarm.record, alarm.kind, alarm.start))


def _reach(episode: Episode, may: Sequence[Stretch], late: float) -> Stretch:
    """When an alarm must start to find the episode: from where it may already be right."""
    around = [a for a, b in may if a <= episode.start <= b]
    return min([episode.start, *around]) - EARLY_S, episode.end + late


def judge(truths: dict[str, dict[str, Truth]], alarms: dict[str, list[Raised]]) -> dict[str, Score]:
    """Score of each rule over records.

    Args:
        truths: by record, then by name of the truth.
        alarms: by record.
    """
    scores = {rule.truth: Score() for rule in RULES}
    for record, truth in truths.items():
        for rule in RULES:
            scores[rule.truth].add(record, rule, truth[rule.truth], alarms.get(record, []))
    return scores


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed; NaN for none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan
