"""Limits on numbers: heart rate and PVC rate against what people have set for a patient.

Pure: vitals at 1 Hz and heart rates between them in, changes out; the state is one small struct
for each patient. People set these limits, so they may not live in a signal room. A limit is broken
at once (the heart rate is a mean already) and kept again only after CLEAR_SECONDS within it.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from ecg.conditions import Change, Edge
from ecg.types import Category

CLEAR_SECONDS: Final = 3.0
"""Time within a limit after which its alarm clears (ALARMS.md)."""

UNKNOWN_SECONDS: Final = 10.0
"""Time without a rate after which its alarms clear: nothing is held that nobody measures."""

EXTREME_ABOVE: Final = 20.0
EXTREME_HIGHEST: Final = 200.0
EXTREME_BELOW: Final = 10.0
EXTREME_LOWEST: Final = 30.0
"""EXTREME_TACHY at high limit + 20, at most 200; EXTREME_BRADY at low − 10, at least 30."""

DEFAULTS: Final = {
    Category.ADULT: (50.0, 120.0),
    Category.PAEDIATRIC: (75.0, 160.0),
    Category.NEONATAL: (100.0, 200.0),
}
"""Low and high heart rate per minute: ALARMS.md for adults, common monitor defaults for others."""

LETHAL: Final = frozenset(["EXTREME_TACHY", "EXTREME_BRADY"])
"""Limits that are judged in noise, too."""

JUDGED: Final = LETHAL | {"HR_HIGH", "HR_LOW", "PVC_RATE"}
"""All kinds that a limit makes: they are judged anew each second."""

PVC_LIMIT: Final = 10.0
"""V beats per minute (ALARMS.md)."""


class Violation(msgspec.Struct, array_like=True, gc=False):
    """A limit that is broken: since which sample, and where it was last seen broken or known."""

    onset: int
    broken: int
    known: int


class LimitState(msgspec.Struct, array_like=True):
    """Limits of one patient and what is broken now.

    Attributes:
        low: HR_LOW below this rate per minute.
        high: HR_HIGH above this rate per minute.
        pvc: PVC_RATE above so many V beats per minute.
        seen: last sample judged; what is not later is a replay and changes nothing.
        broken: by kind.
    """

    low: float = DEFAULTS[Category.ADULT][0]
    high: float = DEFAULTS[Category.ADULT][1]
    pvc: float = PVC_LIMIT
    seen: int = -1
    broken: dict[str, Violation] = {}


class Rule(msgspec.Struct, frozen=True, gc=False):
    """One limit, judged: is `value` beyond `limit`? `value` None: not known."""

    kind: str
    value: float | None
    limit: float
    beyond: bool


def judge(
    state: LimitState,
    sample: int,
    rate: float,
    heart_rate: float | None,
    pvcs: float | None,
    *,
    noisy: bool = False,
) -> list[Change]:
    """Judge one second's vitals.

    Args:
        state: is changed.
        sample: of the vitals; not later than the last one: nothing happens.
        rate: samples per second.
        heart_rate: per minute, None when unknown.
        pvcs: V beats in the last minute, None when unknown.
        noisy: in noise only the extremes may be set anew.
    """
    rules = [*_rate_rules(state, heart_rate), _pvc_rule(state, pvcs)]
    return _changes(state, rules, sample, rate, noisy=noisy)


def exceeds(state: LimitState, heart_rate: float) -> bool:
    """Whether a rate is beyond a limit."""
    return any(rule.beyond for rule in _rate_rules(state, heart_rate))


def judge_rate(
    state: LimitState, sample: int, rate: float, heart_rate: float, *, noisy: bool = False
) -> list[Change]:
    """Judge a heart rate between two seconds: a fast heart need not wait for the second to be over.

    What is broken, or is so still, counts; what is kept again is told in whole seconds. Arguments
    as in `judge`.
    """
    rules = [rule for rule in _rate_rules(state, heart_rate) if rule.beyond]
    return _changes(state, rules, sample, rate, noisy=noisy)


def set_limits(state: LimitState, low: float, high: float) -> None:
    """Set the limits of the heart rate; what is broken is judged by them from the next second.

    Raises:
        ValueError: low is not below high.
    """
    if not low < high:
        raise ValueError(f"low limit {low:g} /min is not below the high limit {high:g} /min")
    state.low, state.high = low, high


def restart(state: LimitState) -> None:
    """A new session: its samples count anew, and nothing is broken."""
    state.seen = -1
    state.broken = {}


def _rate_rules(state: LimitState, rate: float | None) -> Iterator[Rule]:
    """Limits of the heart rate, as ALARMS.md has them."""
    extreme_high = min(state.high + EXTREME_ABOVE, EXTREME_HIGHEST)
    extreme_low = max(state.low - EXTREME_BELOW, EXTREME_LOWEST)
    known = rate is not None
    hr = rate or 0.0
    yield Rule("EXTREME_TACHY", rate, extreme_high, known and hr >= extreme_high)
    yield Rule("EXTREME_BRADY", rate, extreme_low, known and hr <= extreme_low)
    yield Rule("HR_HIGH", rate, state.high, known and hr > state.high)
    yield Rule("HR_LOW", rate, state.low, known and hr < state.low)


def _pvc_rule(state: LimitState, pvcs: float | None) -> Rule:
    return Rule("PVC_RATE", pvcs, state.pvc, pvcs is not None and pvcs > state.pvc)


def _changes(
    state: LimitState, rules: Iterable[Rule], sample: int, rate: float, *, noisy: bool
) -> list[Change]:
    """What the rules that are asked at a sample set and clear; nothing if it was judged already."""
    if sample <= state.seen:
        return []
    state.seen = sample
    changes = (_judge(state, rule, sample, rate, noisy=noisy) for rule in rules)
    return [change for change in changes if change is not None]


def _judge(
    state: LimitState, rule: Rule, sample: int, rate: float, *, noisy: bool
) -> Change | None:
    violation = state.broken.get(rule.kind)
    if violation is None:
        if not rule.beyond or (noisy and rule.kind not in LETHAL):
            return None
        state.broken[rule.kind] = Violation(sample, sample, sample)
        return _change(rule, Edge.SET, sample, sample)
    if rule.value is not None:
        violation.known = sample
    if rule.beyond:
        violation.broken = sample
    kept = rule.value is not None and sample - violation.broken >= CLEAR_SECONDS * rate
    if kept or sample - violation.known >= UNKNOWN_SECONDS * rate:
        del state.broken[rule.kind]
        return _change(rule, Edge.CLEAR, violation.onset, sample)
    return None


def _change(rule: Rule, edge: Edge, onset: int, at: int) -> Change:
    return Change(rule.kind, edge, onset, at, rule.value, rule.limit, "/min")
