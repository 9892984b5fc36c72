"""Limits of heart rate and PVC rate: numbers of ALARMS.md, hysteresis, replay."""

import pytest

from ecg.conditions import Edge
from ecg.types import Category
from stream.engine.alarms.limits import (
    DEFAULTS,
    LimitState,
    exceeds,
    judge,
    judge_rate,
    restart,
    set_limits,
)

RATE = 250.0


def judged(rates, pvcs=0.0, state=None, start=0):
    """Vitals second by second: (second, kind, edge) of every change."""
    state = state or LimitState()
    return [
        (second, change.kind, change.edge)
        for second, rate in enumerate(rates, start)
        for change in judge(state, int(second * RATE), RATE, rate, pvcs)
    ]


@pytest.mark.parametrize(
    ("rate", "kinds"),
    [
        (50.0, []),
        (120.0, []),
        (120.5, ["HR_HIGH"]),
        (139.5, ["HR_HIGH"]),
        (140.0, ["EXTREME_TACHY", "HR_HIGH"]),
        (49.5, ["HR_LOW"]),
        (40.5, ["HR_LOW"]),
        (40.0, ["EXTREME_BRADY", "HR_LOW"]),
    ],
)
def test_adult_defaults(rate, kinds):
    """HR > 120, < 50; extreme at 120 + 20 and 50 − 10, the number itself included."""
    assert [kind for _, kind, _ in judged([rate])] == kinds


def test_extremes_are_bounded():
    """At most 200 and at least 30, whatever the limits."""
    state = LimitState()
    set_limits(state, 35, 190)
    assert [k for _, k, _ in judged([199.0], state=state)] == ["HR_HIGH"]
    assert ("EXTREME_TACHY", Edge.SET) in [c[1:] for c in judged([200.0], state=state, start=1)]
    state = LimitState()
    set_limits(state, 35, 190)
    assert [k for _, k, _ in judged([31.0], state=state)] == ["HR_LOW"]
    assert ("EXTREME_BRADY", Edge.SET) in [c[1:] for c in judged([30.0], state=state, start=1)]


def test_clears_after_3_s_within_the_limit():
    """Two seconds within it are not enough, and a relapse starts the 3 s anew."""
    rates = [130.0, 110.0, 110.0, 130.0, 110.0, 110.0, 110.0]
    assert judged(rates) == [(0, "HR_HIGH", Edge.SET), (6, "HR_HIGH", Edge.CLEAR)]


def test_unknown_rate_neither_breaks_nor_keeps_a_limit():
    """A lead-off of 5 s does not clear the alarm; of 10 s it does: nobody measures it."""
    assert judged([130.0] + [None] * 5 + [130.0]) == [(0, "HR_HIGH", Edge.SET)]
    assert judged([130.0] + [None] * 12)[-1] == (10, "HR_HIGH", Edge.CLEAR)
    assert judged([None] * 20) == []


def test_pvc_rate_above_10_until_at_or_below():
    """Ten a minute are allowed, eleven are not; it ends 3 s after it is allowed again."""
    state = LimitState()
    assert judged([80.0], 10.0, state) == []
    assert judged([80.0], 11.0, state, 1) == [(1, "PVC_RATE", Edge.SET)]
    assert judged([80.0] * 4, 10.0, state, 2) == [(4, "PVC_RATE", Edge.CLEAR)]


def test_changes_carry_value_limit_and_onset():
    """What was judged against what, and since when."""
    state = LimitState()
    (change,) = judge(state, 1000, RATE, 125.0, None)
    assert (change.value, change.limit, change.measure) == (125.0, 120.0, "/min")
    judge(state, 1250, RATE, 100.0, None)
    judge(state, 1500, RATE, 100.0, None)
    (cleared,) = judge(state, 1750, RATE, 100.0, None)
    assert (cleared.edge, cleared.onset, cleared.at) == (Edge.CLEAR, 1000, 1750)


def test_new_limits_are_judged_from_the_next_second():
    """Lowering the high limit raises, raising it clears."""
    state = LimitState()
    assert judged([110.0], state=state) == []
    set_limits(state, 60, 100)
    assert judged([110.0], state=state, start=1) == [(1, "HR_HIGH", Edge.SET)]
    set_limits(state, 60, 130)
    assert judged([110.0] * 4, state=state, start=2) == [(4, "HR_HIGH", Edge.CLEAR)]


def test_low_must_be_below_high():
    """The error says both values."""
    with pytest.raises(ValueError, match="low limit 100 /min is not below the high limit 100"):
        set_limits(LimitState(), 100, 100)


def test_in_noise_only_the_extremes_are_set_and_everything_may_clear():
    """ARTIFACT: HR_HIGH waits, EXTREME_TACHY does not."""
    state = LimitState()
    assert judge(state, 0, RATE, 130.0, 20.0, noisy=True) == []
    kinds = [c.kind for c in judge(state, 250, RATE, 150.0, 20.0, noisy=True)]
    assert kinds == ["EXTREME_TACHY"]
    assert [c.kind for c in judge(state, 500, RATE, 150.0, 20.0)] == ["HR_HIGH", "PVC_RATE"]
    cleared = judge(state, 500 + 750, RATE, 80.0, 0.0, noisy=True)
    assert {c.kind for c in cleared} == {"EXTREME_TACHY", "HR_HIGH", "PVC_RATE"}


def test_replay_changes_nothing_and_a_new_session_does():
    """What is not later than the last second was judged already."""
    state = LimitState()
    assert len(judged([130.0], state=state, start=5)) == 1
    assert judged([80.0] * 6, state=state) == []
    restart(state)
    assert len(judged([130.0], state=state)) == 1


def test_between_seconds_limits_are_only_broken():
    """At once, in noise the extremes alone; 3 s within the limit are counted from there."""
    state = LimitState()
    assert [c.kind for c in judge_rate(state, 300, RATE, 145.0, noisy=True)] == ["EXTREME_TACHY"]
    assert judge_rate(state, 325, RATE, 100.0) == []
    assert not exceeds(state, 100.0)
    assert exceeds(state, 121.0)
    assert [c.kind for c in judge_rate(state, 350, RATE, 121.0)] == ["HR_HIGH"]
    assert judged([100.0] * 3, state=state, start=2) == []
    cleared = [("EXTREME_TACHY", Edge.CLEAR), ("HR_HIGH", Edge.CLEAR)]
    assert judged([100.0], state=state, start=5) == [(5, *change) for change in cleared]


def test_a_limit_is_not_kept_again_while_beats_between_seconds_break_it():
    """Within the limit at each second, beyond it at each half: 3 s within it begin with the last of those."""
    state = LimitState()
    assert len(judged([130.0], state=state)) == 1
    for second in range(1, 7):
        assert judged([119.0], state=state, start=second) == []
        assert exceeds(state, 122.0)
        assert judge_rate(state, second * 250 + 125, RATE, 122.0) == []
    assert judged([119.0] * 4, state=state, start=7) == [(10, "HR_HIGH", Edge.CLEAR)]


def test_a_rate_that_was_judged_is_not_judged_again():
    """Seconds and what lies between them are one time."""
    state = LimitState()
    judge(state, 500, RATE, 80.0, 0.0)
    assert judge_rate(state, 500, RATE, 130.0) == []
    assert judge_rate(state, 400, RATE, 130.0) == []
    assert len(judge_rate(state, 525, RATE, 130.0)) == 1


def test_every_category_has_limits():
    """Adults as in ALARMS.md; low below high for all."""
    assert DEFAULTS[Category.ADULT] == (50.0, 120.0)
    assert set(DEFAULTS) == set(Category)
    assert all(low < high for low, high in DEFAULTS.values())
