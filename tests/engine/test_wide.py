"""The room `wide`: chains of beats that are wide and unlike the usual ones, in one lead."""

import numpy as np
import pytest

from ecg.types import RATE
from stream.engine import wide

OWN = (0.8, 0.98, 0.98, 0.03, 0.0, False)
"""A sinus beat: seconds since the last one, how alike that, how usual, unlike, wider (ms), towers."""

FIRST = (0.8, 0.1, 0.6, 0.3, 20.0, False)
"""The first beat of a tachycardia, no earlier than a sinus beat."""

NEXT = (0.4, 0.95, 0.6, 0.3, 20.0, False)
"""The beats after it, alike."""


def follow(*beats):
    """Feed beats; the room's record and the place of the last beat."""
    state = np.zeros(1, wide.STATE)[0]
    at = 1000.0
    for seconds, *looks in beats:
        at += seconds * RATE
        wide.follow(state, at, seconds, *looks)
    return state, at


def rate(*beats, later=0.45):
    """Beats per minute of the chain that is on `later` seconds after the last beat."""
    state, at = follow(*beats)
    return wide.rate(state, round(at + later * RATE))


def test_five_strange_fast_beats_that_are_alike_are_a_chain():
    """On with the fifth, from the first; four of them are none."""
    beats = [*4 * [OWN], FIRST, *4 * [NEXT]]
    assert rate(*beats) == pytest.approx(150.0)
    state, at = follow(*beats)
    assert state["first"] == pytest.approx(at - 4 * 0.4 * RATE)
    assert rate(*beats[:-1]) == 0.0


@pytest.mark.parametrize(
    ("name", "beat"),
    [
        ("each unlike the one before, as in noise", (0.4, 0.2, 0.6, 0.5, 20.0, False)),
        (
            "hardly alike: electrode motion between and upon sinus beats",
            (0.4, 0.87, 0.6, 0.3, 20.0, False),
        ),
        ("hardly unlike the usual: aberrant or sinus", (0.4, 0.95, 0.9, 0.12, 0.0, False)),
        ("unlike the usual but narrow: sinus among wide beats", (0.4, 0.95, 0.6, 0.3, 0.0, False)),
        ("at 92 /min", (0.65, 0.95, 0.1, 0.5, 20.0, False)),
        ("four times as high as the usual: electrode motion", (0.4, 0.95, 0.6, 0.3, 20.0, True)),
    ],
)
def test_strange_beats_that_are_no_chain(name, beat):
    """A chain must be strange, even and fast."""
    assert rate(*4 * [OWN], FIRST, *12 * [beat]) == 0.0, name


def test_one_link_of_four_may_fail():
    """A tachycardia may change its shape once, and its rhythm: 0.65 s once in a mean of 0.46."""
    assert rate(FIRST, NEXT, (0.65, 0.2, 0.6, 0.4, 20.0, False), NEXT, NEXT) > 100.0


def test_a_polymorphic_tachycardia_is_a_chain():
    """Five fast beats that are foreign to the patient's shape, each unlike the one before."""
    foreign = (0.4, -0.4, 0.1, 0.5, 20.0, False)
    assert rate(*4 * [OWN], (0.8, 0.1, 0.1, 0.5, 20.0, False), *4 * [foreign]) == pytest.approx(
        150.0
    )


def test_a_usual_beat_ends_a_chain():
    """And so do silence and a gap: each link needs the beat before it."""
    chain = [FIRST, *6 * [NEXT]]
    assert rate(*chain, OWN) == 0.0
    assert rate(*chain, later=1.4) > 0.0
    assert rate(*chain, later=1.6) == 0.0
    state, at = follow(*chain)
    wide.restart(state)
    assert wide.rate(state, round(at)) == 0.0


def test_own_beats_are_counted_while_they_are_plainly_usual():
    """Of the last ones in a row: what speaks against a tachycardia in the other lead."""
    assert follow(FIRST, OWN, OWN, OWN)[0]["own"] == 3
    assert follow(OWN, OWN, NEXT)[0]["own"] == 0
    assert follow(OWN, OWN, (0.8, 0.9, 0.85, 0.1, 0.0, False))[0]["own"] == 0
