"""What holds for every sequence of beats, gaps and verdicts in the room `rhythm` (hypothesis)."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rhythm_script import CLASSES, Beats, Player

from ecg.types import RATE
from stream.engine import rhythm

beat = st.tuples(st.sampled_from(CLASSES), st.sampled_from([0.22, 0.3, 0.45, 0.6, 0.8, 1.3, 2.2]))
stretch = st.tuples(
    st.lists(beat, max_size=25),
    st.sampled_from(["none", "invalid", "gap", "silence", "fibrillation", "noise", "failed"]),
    st.sampled_from([0.5, 2.0, 6.0, 70.0]),
)
story = st.lists(stretch, min_size=1, max_size=5)


def play(player, chapter):
    """Beats, and then something for some seconds."""
    beats, event, seconds = chapter
    start = player.horizon / RATE
    said = Beats(start)
    for label, rr in beats:
        said.say(label, rr)
    player.confidence = 0.0 if event == "failed" else 0.9
    player.quality = 0.1 if event == "noise" else 0.9
    player.play(said, np.ceil(said.now * 10 + 1) / 10)
    end = player.horizon / RATE + (0.0 if event in {"none", "noise", "failed"} else seconds)
    if event == "gap":
        player.gap(player.horizon / RATE + 0.2, end)
    player.play(Beats(), end, valid=event != "invalid", fibrillation=event == "fibrillation")


@given(story)
def test_every_condition_is_set_before_it_is_cleared_and_never_twice(chapters):
    """Set and clear alternate for each kind, `at` never falls, onset is the same in both."""
    player = Player()
    for chapter in chapters:
        play(player, chapter)
    onset: dict[str, float] = {}
    last = 0.0
    for told in player.told:
        assert told.at >= last
        assert 0.0 <= told.onset <= told.at
        last = told.at
        if told.edge == "set":
            assert told.kind not in onset
            onset[told.kind] = told.onset
        elif told.edge == "clear":
            assert onset.pop(told.kind) == told.onset
    active = {rhythm.KINDS[k] for k in np.flatnonzero(player.state["active"])}
    assert active == set(onset)


@given(story)
def test_a_normal_rhythm_ends_everything(chapters):
    """Whatever came before: after three minutes of sinus rhythm nothing is set, and the rate is known."""
    player = Player()
    for chapter in chapters:
        play(player, chapter)
    player.confidence = player.quality = 0.9
    calm = Beats(player.horizon / RATE).say("N" * 240, 0.8)
    player.play(calm, np.ceil(calm.now))
    assert not player.state["active"].any()
    assert abs(player.vitals()["heart_rate"] - 75) < 1
    assert player.vitals()["rhythm"] == "sinus"


@given(story, st.integers(0, 4))
def test_restored_from_its_bytes_it_goes_on_the_same(chapters, place):
    """A row is its bytes: saved and restored anywhere, it says the same."""
    steady, moved = Player(), Player()
    for index, chapter in enumerate(chapters):
        if index == place:
            moved.bank = np.frombuffer(moved.bank.tobytes(), rhythm.STATE).copy()
            moved.state = moved.bank[0]
        play(steady, chapter)
        play(moved, chapter)
    assert moved.told == steady.told
    assert moved.bank.tobytes() == steady.bank.tobytes()


@given(story, st.integers(0, 2**32 - 1))
def test_recovers_from_a_wrong_state(chapters, seed):
    """Forced nonsense (any chapter, then a wild beat history) is forgotten within three minutes."""
    player = Player()
    play(player, chapters[0])
    rng = np.random.default_rng(seed)
    for ring in ("rr", "nn"):
        player.state[ring][:] = rng.uniform(0.0, 5.0, len(player.state[ring]))
    player.state["run"] = rng.integers(0, 50)
    player.state["since_v"] = rng.integers(0, 50)
    player.state["irregular"] = 1
    player.confidence = player.quality = 0.9
    calm = Beats(player.horizon / RATE).say("N" * 240, 0.8)
    player.play(calm, np.ceil(calm.now))
    assert not player.state["active"].any()
    assert abs(player.vitals()["heart_rate"] - 75) < 1


def test_state_is_small_and_without_padding():
    """All rooms together aim at 4 to 6 KiB a patient; equal states are equal bytes."""
    fields = rhythm.STATE.fields.values()
    assert sum(dtype.itemsize for dtype, *_ in fields) == rhythm.STATE.itemsize <= 1536
