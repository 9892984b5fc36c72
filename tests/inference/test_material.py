"""Training material: what a record, a strip and their played rhythms become; a training repeats."""

import numpy as np
import pytest

from inference import beat_input
from inference.training import beats, material, network, teacher
from inference.training.records import normal, read, strips

TINY = network.Recipe(hidden=(8,), epochs=2, dropout=0.1, l2=0.0, decay=0.0)


def test_a_record_in_every_rhythm(data_dir, monkeypatch):
    """Four sets of rows under the record's name: AF without S, twice S, sinus rhythm without."""
    monkeypatch.setattr(material, "LONG", 60.0)
    af = [np.random.default_rng(0).uniform(0.4, 1.2, 40)]
    made = material.retimed(read(data_dir / "mitdb" / "119"), af)
    assert [one.name for one in made] == ["119"] * 4
    assert {one.group for one in made} == {beats.RETIMED}
    assert [bool((one.labels == 1).any()) for one in made] == [False, True, True, False]
    assert all((one.labels == 2).any() for one in made)
    again = material.retimed(read(data_dir / "mitdb" / "119"), af)
    assert all(a.inputs.tobytes() == b.inputs.tobytes() for a, b in zip(made, again, strict=True))


def test_a_normal_strip_in_one_rhythm(data_dir):
    """The strip at place 1 is played with S beats; what it was, is N."""
    path = normal(data_dir / "cinc2017")[1]
    (made,) = material.retimed_strip(path, 1, [])
    assert made.group == beats.RETIMED
    assert set(made.labels) == {0, 1}


def test_second_leads_are_patients_of_the_same_name(data_dir):
    """119's V beats are found and named in its second lead as well; the signal is another one."""
    path = data_dir / "mitdb" / "119"
    made = material.second_lead(path)
    assert (made.name, made.group) == ("119", beats.SECOND)
    assert 400 < (made.labels == 2).sum() <= 444
    assert not np.array_equal(read(path).signal, read(path, lead=1).signal)


def test_played_strips_are_not_the_plain_ones(data_dir):
    """No strip is trained on both as it is and in another rhythm."""
    plain = {path for path, _ in strips(data_dir / "cinc2017")}
    assert not plain & set(normal(data_dir / "cinc2017"))


def patients(seed=0, count=6, beats_each=200):
    """Patients, a strip and retimed beats whose first two features tell V and S."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        labels = rng.choice(3, beats_each, p=(0.7, 0.15, 0.15)).astype(np.int8)
        inputs = rng.normal(0, 1, (beats_each, beat_input.INPUT)).astype(np.float32)
        inputs[:, 0] += 4 * (labels == 2)
        inputs[:, 1] += 4 * (labels == 1)
        group = ("a", "b", beats.STRIPS, beats.RETIMED)[k % 4]
        extra = inputs[:40] if group == beats.STRIPS else inputs[:0]
        yield beats.Patient(str(k), group, inputs, labels, extra)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_the_same_seed_makes_the_same_model(monkeypatch):
    """Teachers and pupil on a tiny set, twice: the same weights bit for bit; another seed, others."""
    pytest.importorskip("tensorflow", reason="the train extra is not installed")
    pytest.importorskip("lightgbm", reason="the train extra is not installed")
    network.prepare()
    monkeypatch.setattr(teacher, "PUPIL", TINY)
    monkeypatch.setattr(teacher, "FELLOW", TINY)
    monkeypatch.setattr(teacher, "ROUNDS", 5)
    pupils = [beats.train(list(patients()), seed).pupil for seed in (1, 1, 2)]
    weights = [b"".join(w.tobytes() for w in pupil.get_weights()) for pupil in pupils]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]
