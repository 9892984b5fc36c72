"""Two leads of one patient: what fails in one is found in the other, and no beat is lost or doubled.

The second lead shows the same beats as the first, 12 ms later, turned over, and three quarters as high.
"""

import functools
import itertools
from collections.abc import Iterable

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthesis import RHYTHMS, Spell, beats, blocks, signal
from test_invariants import Width, changes, play, timeless

from ecg.messages import Alarm, Beat, Block, LeadOff, Vitals
from stream.engine import choose
from stream.engine.outcome import Changed, Outcome
from stream.engine.pipeline import Pipeline
from stream.engine.ward import Ward

RAIL = 6000
FAILURES = ("flat", "rail", "noise", "off")


@functools.cache
def both(name: str, rate: float = 250.0) -> np.ndarray:
    """A rhythm in two leads, int16 (n, 2)."""
    first = signal(RHYTHMS[name], rate)
    second = np.roll(-0.75 * signal(RHYTHMS[name], rate), round(0.012 * rate))
    return np.stack([first, np.round(second).astype(np.int16)], axis=1)


def failing(samples: np.ndarray, how: str, start: int, end: int, lead: int = 0) -> np.ndarray:
    """The same, with one lead failing in a stretch; "off" leaves noise without a sign of a heart."""
    wrong = samples.copy()
    random = np.random.default_rng(start)
    size = len(wrong[start:end])
    wrong[start:end, lead] = {
        "flat": np.full(size, wrong[start, lead]),
        "rail": np.full(size, RAIL),
        "noise": random.normal(0, 60, size),
        "off": random.normal(0, 200, size),
    }[how]
    return wrong


def marked(stream: Iterable[Block], *marks: LeadOff) -> list[Block]:
    """Blocks with the marks that belong to them."""
    return [
        msgspec.structs.replace(b, lead_off=tuple(m for m in marks if b.first <= m.at < b.end))
        for b in stream
    ]


def cut(samples: np.ndarray, how: str, start: int, end: int, sizes: Iterable[int]) -> list[Block]:
    """Blocks of a record whose first lead fails."""
    marks = [LeadOff(start, (True, False)), LeadOff(end, (False, False))] if how == "off" else []
    return marked(blocks(failing(samples, how, start, end), list(sizes)), *marks)


def found(outcomes: list[Outcome]) -> list[Beat]:
    return [o for o in outcomes if isinstance(o, Beat)]


def once_each(said: list[Beat], spells: Iterable[Spell], start: float, end: float) -> None:
    """Assert that the beats of a stretch (s) are the known ones, each once, in order."""
    truth = [at for at, _ in beats(list(spells)) if start < at < end]
    ours = [beat.sample / 250 for beat in said if start - 0.1 < beat.sample / 250 < end + 0.1]
    assert len(ours) == len(truth)
    np.testing.assert_allclose(ours, truth, atol=0.1)


# ── Which lead is heard ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", sorted(RHYTHMS))
def test_with_a_good_first_lead_the_second_changes_nothing(name):
    """Bit for bit what one lead gives, whatever stands in the second; its name apart."""
    alone = timeless(play(Pipeline(Width()), list(blocks(both(name)[:, 0], [125]))))
    for samples in (both(name), failing(both(name), "noise", 2000, 9000, lead=1)):
        assert timeless(play(Pipeline(Width()), list(blocks(samples, [125])))) == alone


def test_one_lead_is_analysed_when_so_told():
    """With `leads=1` a second lead is not looked at, even when the first fails."""
    samples = failing(both("sinus"), "flat", 4000, 9000)
    alone = timeless(play(Pipeline(Width()), list(blocks(samples[:, 0], [125]))))
    assert timeless(play(Pipeline(Width(), leads=1), list(blocks(samples, [125])))) == alone
    with pytest.raises(ValueError, match="leads"):
        Pipeline(Width(), leads=3)


@settings(max_examples=40)
@given(
    how=st.sampled_from(("flat", "off")),
    start=st.integers(1500, 4000),
    seconds=st.integers(2, 15),
)
def test_a_change_over_loses_and_doubles_no_beat(how, start, seconds):
    """Wherever in a beat the first lead fails, and comes back: every beat once, and no alarm."""
    spells = (Spell(40, 75),)
    one = signal(spells)
    second = np.round(np.roll(-0.75 * one, 3)).astype(np.int16)
    samples = np.stack([one, second], axis=1)
    end = start + 250 * seconds
    outcomes = play(Pipeline(Width()), cut(samples, how, start, end, [125]))
    once_each(found(outcomes), spells, 4.5, 39)
    assert [kind for kind, _ in changes(outcomes) if kind != "LEAD_OFF"] == []


def test_beats_and_vitals_name_the_lead_and_go_home():
    """The second lead is heard while the first one fails, and until that has been good for 10 s."""
    samples = failing(both("sinus"), "rail", 3000, 5000)
    outcomes = play(Pipeline(Width()), list(blocks(samples, [25])))
    said = [(o.sample / 250, o.lead) for o in outcomes if isinstance(o, Vitals)]
    assert {lead for at, lead in said if at <= 12} == {"II"}
    assert {lead for at, lead in said if 14 <= at <= 30} == {"V1"}
    assert {lead for at, lead in said if at > 36} == {"II"}
    assert {b.lead for b in found(outcomes) if 14 < b.sample / 250 < 30} == {"V1"}


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16), length=st.integers(20, 200))
def test_whatever_the_leads_do_a_choice_stands_for_two_seconds(seed, length):
    """No flapping: two changes are STAY apart, unless the lead that was heard went off."""
    random = np.random.default_rng(seed)
    samples = both("sinus").copy()
    for k in range(0, 10_000, length):
        how = random.choice(["flat", "rail", "noise", "fine"])
        if how != "fine":
            samples = failing(samples, how, k, k + length, int(random.integers(0, 2)))
    outcomes = play(Pipeline(Width()), list(blocks(samples, [250])))
    said = [(o.sample, o.lead) for o in outcomes if isinstance(o, Vitals)]
    turned = [now for (_, before), (now, lead) in itertools.pairwise(said) if lead != before]
    # Vitals come each second, so two changes of lead 2 s apart show 1 s apart at the nearest.
    assert all(b - a >= choose.STAY - 250 for a, b in itertools.pairwise(turned))


# ── What is said meanwhile ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", FAILURES)
def test_a_lead_that_fails_is_no_arrest(how):
    """Neither pause nor asystole, and a heart rate in every second.

    A step to the rail may be one beat too many among the twelve of the heart rate.
    """
    outcomes = play(Pipeline(Width()), cut(both("sinus"), how, 4000, 9000, [25]))
    assert not {kind for kind, _ in changes(outcomes)} & {"PAUSE", "ASYSTOLE", "ARTIFACT"}
    rates = [o.heart_rate for o in outcomes if isinstance(o, Vitals) and o.sample > 2000]
    assert all(rate is not None for rate in rates)
    np.testing.assert_allclose(rates, 70, atol=8)


@pytest.mark.parametrize("lead", [0, 1])
def test_an_arrest_in_both_leads_is_told(lead):
    """Flat everywhere is an asystole, though a lead is at its rail, too, or changed before."""
    samples = failing(both("asystole"), "rail", 2000, 3000, lead)
    outcomes = play(Pipeline(Width()), list(blocks(samples, [25])))
    at = [o.change.at for o in outcomes if isinstance(o, Changed) and o.change.kind == "ASYSTOLE"]
    last = max(b.sample for b in found(outcomes) if b.sample < 15 * 250)
    assert at[0] - last <= 5 * 250


def test_a_small_beat_that_the_other_lead_shows_is_no_arrest():
    """A pacemaker fails; the first of the small beats that are left shows in the other lead only.

    So there is a pause of 3.3 s, and then a slow heart; the lead that was heard shows none for 5 s.
    """
    spells = (Spell(20, 75), Spell(2.5, 0), Spell(15, 35))
    samples = np.stack([signal(spells), signal(spells)], axis=1)
    small = next(round(at * 250) for at, _ in beats(spells) if at > 20)
    samples[5000:, 1] //= 3
    samples[small - 60 : small + 110, 0] //= 12
    outcomes = play(Pipeline(Width()), list(blocks(samples, [25])))
    once_each(found(outcomes), spells, 4.5, 35)
    kinds = {kind for kind, _ in changes(outcomes)}
    assert "PAUSE" in kinds
    assert "ASYSTOLE" not in kinds


def test_an_artefact_in_the_other_lead_is_no_end_of_an_arrest():
    """A spike 3 s into an arrest, in one lead, of no shape that the patient's beats have.

    The lead that is heard moves a little, so it has not come off.
    """
    samples = both("asystole").copy()
    samples[:, 0] += np.random.default_rng(1).normal(0, 6, len(samples)).astype(np.int16)
    samples[18 * 250 : 18 * 250 + 6, 1] += np.array([60, 120, -90, -150, 100, 50], np.int16)
    outcomes = play(Pipeline(Width()), list(blocks(samples, [25])))
    at = [o.change.at for o in outcomes if isinstance(o, Changed) and o.change.kind == "ASYSTOLE"]
    last = max(b.sample for b in found(outcomes) if b.sample < 15 * 250)
    assert at[0] - last <= 4.2 * 250


def test_a_tachycardia_is_told_by_the_other_lead():
    """VT while the first lead is noise: VTACH, and it names the lead in which it was seen."""
    samples = failing(both("VT"), "noise", 3000, 9000)
    ward = Ward(Width())
    events = [e for b in blocks(samples, [25]) for e in ward.push([(b, b.end / 250)])]
    raised = [e for e in events if isinstance(e, Alarm) and e.kind == "VTACH"]
    assert raised[0].lead == "V1"
    assert 14.8 <= raised[0].onset_sample / 250 <= 16


def of_two(first: str, second: str) -> set[str]:
    """Kinds of what is told when eight seconds at 110 /min look so in one lead and so in the other."""
    leads = [signal((Spell(20, 95), Spell(8, 110, kind), Spell(12, 95))) for kind in first + second]
    outcomes = play(Pipeline(Width()), list(blocks(np.stack(leads, axis=1), [25])))
    return {kind for kind, _ in changes(outcomes)}


def test_a_tachycardia_that_is_wide_in_the_other_lead_only_is_told():
    """The lead that is heard shows narrow beats, of another shape than the usual ones."""
    assert "VTACH" in of_two("D", "V")
    assert "VTACH" not in of_two("D", "D")


def test_wide_beats_in_one_lead_are_no_tachycardia_while_the_other_shows_the_usual_ones():
    """A ventricular beat is one in every lead: what one alone shows is an artefact."""
    assert "VTACH" not in of_two("A", "V")


def test_a_beat_just_before_all_leads_go_off_is_told():
    """0.15 s after R the signal is gone: the beat is in what has arrived."""
    at = next(r for r, _ in beats(RHYTHMS["sinus"]) if r > 20)
    end = round((at + 0.15) * 250)
    marks = (LeadOff(end, (True, True)), LeadOff(end + 1000, (False, False)))
    outcomes = play(Pipeline(Width()), marked(blocks(both("sinus"), [25]), *marks))
    assert any(abs(beat.sample / 250 - at) < 0.1 for beat in found(outcomes))


def test_leads_that_go_off_are_told_by_name():
    """One: LEAD_OFF with its name, analysis goes on. Both: LEADS_OFF, and nothing is known."""
    marks = (
        LeadOff(4000, (True, False)),
        LeadOff(6000, (True, True)),
        LeadOff(7000, (False, True)),
        LeadOff(8000, (False, False)),
    )
    outcomes = play(Pipeline(Width()), marked(blocks(both("sinus"), [75]), *marks))
    told = [
        (o.change.at, o.change.kind, o.change.edge.value, o.lead)
        for o in outcomes
        if isinstance(o, Changed)
    ]
    assert told == [
        (4000, "LEAD_OFF", "set", "II"),
        (6000, "LEAD_OFF", "clear", "II"),
        (6000, "LEADS_OFF", "set", "II V1"),
        (7000, "LEADS_OFF", "clear", "II V1"),
        (7000, "LEAD_OFF", "set", "V1"),
        (8000, "LEAD_OFF", "clear", "V1"),
    ]
    blank = {o.sample for o in outcomes if isinstance(o, Vitals) and o.heart_rate is None}
    assert {at for at in blank if 4000 < at < 6000} == set()
    assert set(range(6250, 7000, 250)) <= blank


# ── Invariants ────────────────────────────────────────────────────────────────────────────────


@functools.cache
def reference(name: str, how: str) -> list[Outcome]:
    """What an undisturbed run in blocks of 100 ms gives, the first lead failing for 12 s."""
    return timeless(play(Pipeline(Width()), cut(both(name), how, 3000, 6000, [25])))


@settings(max_examples=25)
@given(
    name=st.sampled_from(sorted(RHYTHMS)),
    how=st.sampled_from(FAILURES),
    sizes=st.lists(st.integers(5, 700), min_size=1, max_size=8),
    group=st.integers(1, 6),
)
def test_chunk_invariance_of_two_leads(name, how, sizes, group):
    """Whatever the sizes of blocks and batches: the same changes of lead, the same outcomes."""
    stream = cut(both(name), how, 3000, 6000, sizes)
    assert timeless(play(Pipeline(Width()), stream, group)) == reference(name, how)


@settings(max_examples=10)
@given(
    cases=st.lists(
        st.tuples(st.sampled_from(sorted(RHYTHMS)), st.sampled_from(FAILURES)),
        min_size=2,
        max_size=12,
    ),
    seed=st.integers(0, 2**16),
)
def test_row_independence_of_two_leads(cases, seed):
    """Alone or among others with one lead or two: the same, bit for bit."""
    random = np.random.default_rng(seed)
    streams = {}
    for k, (name, how) in enumerate(cases):
        sizes = [int(random.integers(20, 800))]
        streams[f"p{k}"] = [
            msgspec.structs.replace(b, patient=f"p{k}")
            for b in cut(both(name), how, 3000, 6000, sizes)
        ]
        streams[f"one{k}"] = list(blocks(both(name)[:, 1], sizes, patient=f"one{k}"))
    pipeline, outcomes = Pipeline(Width()), []
    while any(streams.values()):
        batch = [s.pop(0) for s in streams.values() if s and random.random() < 0.7]
        outcomes += pipeline.push([(b, 0.0) for b in batch])
    for k, (name, how) in enumerate(cases):
        alone = [msgspec.structs.replace(o, patient=f"p{k}") for o in reference(name, how)]
        assert timeless(outcomes, f"p{k}") == alone


@settings(max_examples=20)
@given(name=st.sampled_from(sorted(RHYTHMS)), how=st.sampled_from(FAILURES), at=st.integers(1, 380))
def test_checkpoint_exactness_of_two_leads(name, how, at):
    """Saved anywhere, beats that wait included, restored in another row, it goes on bit for bit."""
    stream = cut(both(name), how, 3000, 6000, [25])
    one, two = Pipeline(Width()), Pipeline(Width())
    two.push([(next(blocks(both("sinus"), [500], patient="other")), 0.0)])
    outcomes = play(one, stream[:at])
    two.restore(one.save("p"))
    assert timeless(outcomes + play(two, stream[at:])) == reference(name, how)


def test_a_state_of_another_number_of_leads_is_refused():
    """Typed, and no row is lost."""
    pipeline = Pipeline(Width())
    play(pipeline, list(blocks(both("sinus")[:500], [125])))
    stream, state = msgspec.msgpack.decode(pipeline.save("p"))
    with pytest.raises(ValueError, match="leads"):
        Pipeline(Width()).restore(msgspec.msgpack.encode((stream, state[:-1])))


@settings(max_examples=15)
@given(how=st.sampled_from(FAILURES), end=st.integers(3000, 7000))
def test_causality_of_two_leads(how, end):
    """What was said by a sample does not depend on the samples after it."""
    whole = failing(both("VT"), how, 3000, 6000)[:end]
    rest = np.random.default_rng(end).integers(-3000, 3000, (2000, 2)).astype(np.int16)
    said = timeless(play(Pipeline(Width()), list(blocks(whole, [50]))))
    other = np.concatenate([whole, rest])
    assert timeless(play(Pipeline(Width()), list(blocks(other, [50]))))[: len(said)] == said
