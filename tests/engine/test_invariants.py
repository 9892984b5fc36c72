"""The invariants of the engine: what no input and no circumstance may change.

The classifier here is a rule on the window (wide or narrow), so that every condition can arise.
"""

import functools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthesis import RHYTHMS, Spell, beats, blocks, signal

from ecg.errors import ModelError
from ecg.messages import Beat, Block, Goodbye, Vitals
from ecg.types import BeatClass
from stream.engine.outcome import Changed, HeartRate, Outcome
from stream.engine.pipeline import Pipeline


class Width:
    """A classifier by width: V when the QRS is wider than 40 ms at half its height."""

    model_id = "width"

    def __call__(self, windows, contexts):
        shape = np.abs(windows[:, :96] - np.median(windows[:, :96], axis=1, keepdims=True))
        near = shape[:, 40:61]
        wide = (near > 0.5 * near.max(axis=1, keepdims=True)).sum(axis=1) > 5
        labels = np.where(wide, 2, 0).astype(np.int8)
        return labels, np.eye(5, dtype=np.float32)[labels]


def timeless(outcomes: list[Outcome], patient: str = "p") -> list[Outcome]:
    """One patient's outcomes without their wall-clock times."""
    kept = []
    for outcome in outcomes:
        if outcome.patient != patient:
            continue
        names = {"time", "onset_time", "at_time", "rate"} & set(outcome.__struct_fields__)
        kept.append(msgspec.structs.replace(outcome, **dict.fromkeys(names, 0.0)))
    return kept


def play(pipeline: Pipeline, stream: list[Block], group: int = 1) -> list[Outcome]:
    """Push blocks, `group` at a time."""
    return [
        outcome
        for k in range(0, len(stream), group)
        for outcome in pipeline.push([(b, b.end / b.rate) for b in stream[k : k + group]])
    ]


@functools.cache
def samples(name: str, rate: float = 250.0) -> np.ndarray:
    return signal(RHYTHMS[name], rate)


@functools.cache
def reference(name: str, rate: float = 250.0) -> list[Outcome]:
    """What an undisturbed run in blocks of 100 ms gives."""
    stream = list(blocks(samples(name, rate), [int(rate / 10)], rate=rate))
    return timeless(play(Pipeline(Width()), stream))


def changes(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(o.change.kind, o.change.edge.value) for o in outcomes if isinstance(o, Changed)]


def test_synthesis_gives_every_beat_where_it_is():
    """The ground of the other tests: known beats are found, at their place, of their kind."""
    for name in ("sinus", "VT", "bradycardia"):
        found = [o for o in reference(name) if isinstance(o, Beat) and o.sample > 1000]
        truth = [(at, kind) for at, kind in beats(RHYTHMS[name]) if at > 4.05]
        truth = truth[: len(found)]
        assert len(found) >= len([t for t in truth if t[0] < 39])
        for beat, (at, kind) in zip(found, truth, strict=False):
            assert abs(beat.sample / 250 - at) < 0.05
            assert beat.label == BeatClass(kind)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("sinus", set()),
        ("AF", {"AFIB"}),
        ("VT", {"VTACH", "NSVT"}),
        ("bradycardia", set()),
        ("asystole", {"PAUSE", "ASYSTOLE"}),
    ],
)
def test_rhythms_give_their_conditions_and_no_other(name, kinds):
    """Each synthetic rhythm sets what it is."""
    assert {kind for kind, edge in changes(reference(name)) if edge == "set"} == kinds


@settings(max_examples=25)
@given(
    name=st.sampled_from(sorted(RHYTHMS)),
    sizes=st.lists(st.integers(5, 700), min_size=1, max_size=8),
    group=st.integers(1, 6),
)
def test_chunk_invariance(name, sizes, group):
    """Whatever the sizes of blocks and batches, the same samples give the same outcomes."""
    stream = list(blocks(samples(name), sizes))
    assert timeless(play(Pipeline(Width()), stream, group)) == reference(name)


@pytest.mark.parametrize("rate", [125.0, 128.3, 360.0, 500.0, 1000.0])
def test_chunk_invariance_at_every_rate(rate):
    """The same holds for devices of other sampling rates, whole or not."""
    stream = list(blocks(samples("VT", rate), [int(rate / 40), int(rate), 31], rate=rate))
    assert timeless(play(Pipeline(Width()), stream)) == reference("VT", rate)


@settings(max_examples=10)
@given(
    names=st.lists(st.sampled_from(sorted(RHYTHMS)), min_size=2, max_size=40),
    seed=st.integers(0, 2**16),
)
def test_row_independence(names, seed):
    """Alone or among others, in whatever order their blocks come: the same, bit for bit."""
    random = np.random.default_rng(seed)
    streams = {
        f"p{k}": list(blocks(samples(name), [int(random.integers(20, 800))], patient=f"p{k}"))
        for k, name in enumerate(names)
    }
    pipeline, outcomes = Pipeline(Width()), []
    while streams:
        batch = []
        for patient in list(streams):
            take = int(random.integers(0, 4))
            batch += [streams[patient].pop(0) for _ in range(min(take, len(streams[patient])))]
            if not streams[patient]:
                del streams[patient]
        outcomes += pipeline.push([(b, 0.0) for b in batch])
    for k, name in enumerate(names):
        alone = [msgspec.structs.replace(o, patient=f"p{k}") for o in reference(name)]
        assert timeless(outcomes, f"p{k}") == alone


@settings(max_examples=25)
@given(name=st.sampled_from(sorted(RHYTHMS)), cut=st.integers(250, 9900))
def test_causality(name, cut):
    """What was said by a sample does not depend on the samples after it."""
    rest = np.random.default_rng(cut).integers(-3000, 3000, 2000).astype(np.int16)
    whole = samples(name)[:cut]
    other = np.concatenate([whole, rest])
    said = timeless(play(Pipeline(Width()), list(blocks(whole, [50]))))
    assert timeless(play(Pipeline(Width()), list(blocks(other, [50]))))[: len(said)] == said


@settings(max_examples=25)
@given(name=st.sampled_from(sorted(RHYTHMS)), cut=st.integers(1, 9900), second=st.integers(1, 3000))
def test_checkpoint_exactness(name, cut, second):
    """Saved anywhere, restored in another engine, in another row, it goes on bit for bit."""
    stream = list(blocks(samples(name), [25]))
    first, later = min(cut // 25, len(stream)), min((cut + second) // 25, len(stream))
    engines = [Pipeline(Width()) for _ in range(3)]
    for count, engine in enumerate(engines):
        for k in range(count):
            engine.push([(next(blocks(samples("sinus"), [500], patient=f"other{k}")), 0.0)])
    outcomes = play(engines[0], stream[:first])
    if first:
        engines[1].restore(engines[0].save("p"))
    outcomes += play(engines[1], stream[first:later])
    if later:
        engines[2].restore(engines[1].save("p"))
    outcomes += play(engines[2], stream[later:])
    assert timeless(outcomes) == reference(name)


@settings(max_examples=10)
@given(cut=st.integers(1, 79))
def test_checkpoint_across_a_new_session(cut):
    """A checkpoint near the change from one session to the next is exact too."""
    half = samples("VT")[:5000]
    stream = [*blocks(half, [125]), *blocks(half, [125], session="s2")]
    whole = timeless(play(Pipeline(Width()), stream))
    one, two = Pipeline(Width()), Pipeline(Width())
    outcomes = play(one, stream[:cut])
    two.restore(one.save("p"))
    assert timeless(outcomes + play(two, stream[cut:])) == whole


@pytest.mark.parametrize("nonsense", ["noise", "gain", "tiny", "inverted", "rails"])
def test_recovery_from_forced_nonsense(nonsense):
    """After 8 s of nonsense every beat is found again within 6 s."""
    good = signal((Spell(60, 75),))
    before, after = good[:5000], good[5000:]
    random = np.random.default_rng(3)
    wrong = {
        "noise": random.integers(-32768, 32767, 2000).astype(np.int16),
        "gain": (good[3000:5000] * 20).astype(np.int16),
        "tiny": (good[3000:5000] // 20).astype(np.int16),
        "inverted": (-2 * good[3000:5000]).astype(np.int16),
        "rails": np.where(np.arange(2000) % 400 < 200, 32767, -32768).astype(np.int16),
    }[nonsense]
    stream = np.concatenate([before, wrong, after])
    outcomes = play(Pipeline(Width()), list(blocks(stream, [250])))
    found = np.array([o.sample / 250 for o in outcomes if isinstance(o, Beat)])
    truth = np.array([at + 8 for at, _ in beats((Spell(60, 75),)) if 26 < at < 59])
    missed = [at for at in truth if np.abs(found - at).min() > 0.05]
    extra = [at for at in found[(found > 34.2) & (found < 67)] if np.abs(truth - at).min() > 0.05]
    assert (missed, extra) == ([], [])


def test_a_device_gone_silent_is_no_asystole():
    """Data that stop, or that are missing, set neither PAUSE nor ASYSTOLE."""
    whole = samples("sinus")
    stream = list(blocks(whole, [125]))
    gone = stream[:20] + stream[60:]
    outcomes = play(Pipeline(Width()), gone)
    assert changes(outcomes) == []
    assert [type(o).__name__ for o in outcomes].count("Gap") == 1


def test_flat_line_with_the_lead_on_is_asystole_within_five_seconds():
    """Silence in the signal itself is judged by the sample index, at most 5 s after the last R."""
    line = np.concatenate([samples("sinus")[:5000], np.zeros(2500, np.int16)])
    outcomes = play(Pipeline(Width()), list(blocks(line, [25])))
    last = max(o.sample for o in outcomes if isinstance(o, Beat))
    at = [o.change.at for o in outcomes if isinstance(o, Changed) and o.change.kind == "ASYSTOLE"]
    assert len(at) == 1
    assert at[0] - last <= 5 * 250 - 113


def test_late_blocks_of_a_replaced_session_are_not_live():
    """Once a newer session has come, the older one's blocks change nothing."""
    old = list(blocks(samples("sinus"), [250]))
    new = list(blocks(samples("sinus"), [250], session="s2"))
    pipeline = Pipeline(Width())
    play(pipeline, [*old[:10], *new[:10]])
    assert play(pipeline, old[10:20]) == []
    assert pipeline.stream("p").session == "s2"


def test_vitals_come_once_a_second_and_start_unknown():
    """1 Hz from the first second on; no rate before there is one."""
    vitals = [o for o in reference("sinus") if isinstance(o, Vitals)]
    assert [v.sample for v in vitals] == list(range(250, 10001, 250))
    assert vitals[0].heart_rate is None
    assert vitals[-1].heart_rate == pytest.approx(70, abs=0.5)


def test_the_heart_rate_between_seconds_is_that_of_the_beats():
    """Told once for each beat at most, with the hop in which it is known, as ALARMS.md has it."""
    rates = [o for o in reference("VT") if isinstance(o, HeartRate)]
    truth = np.array([at for at, _ in beats(RHYTHMS["VT"])])
    assert len(rates) > 30
    for told in rates:
        assert told.sample % 25 == 0
        assert told.sample % 250 != 0
        known = truth[truth <= told.sample / 250 - 0.45][-13:]
        if len(known) == 13:
            assert told.heart_rate == pytest.approx(60 / np.diff(known).mean(), abs=1.0)


def test_goodbye_gives_the_last_beats():
    """The beats that still wait for their window when the device says goodbye are not lost."""
    stream = list(blocks(samples("sinus")[:5000], [125]))
    pipeline = Pipeline(Width())
    outcomes = play(pipeline, stream)
    outcomes += pipeline.push([(Goodbye(patient="p", session="s", end=5000), 20.0)])
    found = [o.sample / 250 for o in outcomes if isinstance(o, Beat)]
    truth = [at for at, _ in beats(RHYTHMS["sinus"]) if at < 19.55]
    assert abs(found[-1] - truth[-1]) < 0.05


def test_a_row_is_cheap_to_keep():
    """A patient's checkpoint stays within 10 KiB, whatever it has seen."""
    pipeline = Pipeline(Width())
    play(pipeline, list(blocks(samples("AF"), [250])))
    assert len(pipeline.save("p")) < 10240


def test_a_beat_that_the_model_refuses_costs_no_other_patient():
    """Where the model cannot answer for one patient, the others' beats keep their class."""

    class Picky(Width):
        """Refuses windows that are higher than any of the others' beats."""

        def __call__(self, windows, contexts):
            if np.abs(windows).max() > 5000:
                raise ModelError("output_not_finite", "a test")
            return super().__call__(windows, contexts)

    loud = (samples("sinus") * 8).astype(np.int16)
    pipeline, outcomes = Pipeline(Picky()), []
    pairs = zip(blocks(samples("VT"), [250]), blocks(loud, [250], patient="loud"), strict=False)
    for pair in pairs:
        outcomes += pipeline.push([(b, 0.0) for b in pair])
    assert timeless(outcomes) == reference("VT")
    named = {b.label for b in outcomes if isinstance(b, Beat) and b.patient == "loud"}
    assert named == {BeatClass.Q}


@pytest.mark.parametrize("name", ["VT", "asystole", "bradycardia"])
def test_a_stream_met_in_the_middle_says_what_one_that_begins_there_says(name):
    """Only its samples are those of its session; the last bits of an interval depend on them."""
    first = 10 * 250
    late = samples(name)[first:]
    joined = timeless(play(Pipeline(Width()), list(blocks(late, [25], first=first))))
    begun = timeless(play(Pipeline(Width()), list(blocks(late, [25]))))
    assert [later(o, 0) for o in joined] == [later(o, first) for o in begun]
    assert len([o for o in joined if isinstance(o, Beat)]) > 15


def later(outcome: Outcome, samples: int) -> Outcome:
    """The same outcome, that many samples later, its interval in nanoseconds."""
    if isinstance(outcome, Changed):
        moved = msgspec.structs.replace(
            outcome.change,
            onset=outcome.change.onset + samples,
            at=outcome.change.at + samples,
        )
        return msgspec.structs.replace(outcome, change=moved)
    if isinstance(outcome, Beat):
        rr = None if outcome.rr is None else round(outcome.rr, 9)
        return msgspec.structs.replace(outcome, sample=outcome.sample + samples, rr=rr)
    if isinstance(outcome, Vitals):
        return msgspec.structs.replace(outcome, sample=outcome.sample + samples)
    if isinstance(outcome, HeartRate):
        rate = round(outcome.heart_rate, 6)
        return msgspec.structs.replace(outcome, sample=outcome.sample + samples, heart_rate=rate)
    return outcome


@pytest.mark.parametrize("rate", [125.0, 360.0, 1000.0])
def test_beats_of_a_stream_met_in_the_middle_are_where_they_are(rate):
    """By the synthesis, at any rate, wherever in its session a device is met."""
    stream = list(blocks(samples("sinus", rate), [int(rate / 10)], rate=rate))
    found = [
        o.sample / rate
        for o in play(Pipeline(Width()), stream[113:])
        if isinstance(o, Beat) and o.sample > 14 * rate
    ]
    truth = [at for at, _ in beats(RHYTHMS["sinus"]) if at * rate > 14 * rate][: len(found)]
    assert len(found) > 20
    np.testing.assert_allclose(found, truth, atol=0.05)
