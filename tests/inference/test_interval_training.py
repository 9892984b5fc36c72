"""Training of the interval classifier: verdicts, parts, figures, and a bundle made end to end."""

import argparse
import csv

import msgspec
import numpy as np
import pytest

from ecg.errors import ModelError
from inference import bundle
from inference.intervals.classifier import Calibration, IntervalClassifier, load
from inference.intervals.inputs import COUNT, INPUTS, REQUIRED
from inference.training import network
from inference.training.intervals import command, figures, pupil, teacher
from inference.training.intervals.table import (
    FILE,
    Table,
    folds,
    is_held_out,
    only,
    read,
    with_gaps,
)

HEAD = ["FileName", "Rhythm", "Beat", *(one.column for one in INPUTS)]


def write(path, people):
    """A table of these people."""
    path.parent.mkdir(parents=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEAD, *people])


def person(name, rhythm="SR", beat="NONE", rate=70):
    """Somebody whose only peculiarity is the rate."""
    rest = [40, 90, 38 * rate / 7, rate, rate, 380, 40, 40, rate // 6, 220, 265, 410]
    values = dict(zip([one.column for one in INPUTS], [rest[0], "MALE", rest[2], rest[1], *rest[3:]], strict=True))  # fmt: skip
    return [name, rhythm, beat, *(values[column] for column in HEAD[3:])]


def test_normal_is_sinus_rhythm_without_any_finding(tmp_path):
    """Everything else is abnormal, a sinus bradycardia or one early beat, too."""
    path = tmp_path / FILE
    write(
        path, [person("a"), person("b", "SB"), person("c", "SR", "APB"), person("d", "AFIB", "TWC")]
    )
    table = read(path)
    assert table.abnormal.tolist() == [False, True, True, True]
    assert table.values.shape == (4, COUNT)
    assert table.values[0, :2].tolist() == [40, 1]


def test_a_missing_table_or_column_is_named(tmp_path):
    """ModelError, in words."""
    with pytest.raises(ModelError, match="data_missing"):
        read(tmp_path / "nothing.csv")
    (tmp_path / "short.csv").write_text("FileName,Rhythm\na,SR\n")
    with pytest.raises(ModelError, match="lacks"):
        read(tmp_path / "short.csv")


def test_who_is_held_out_depends_on_the_name_alone():
    """15 % of many; the same person always."""
    share = np.mean([is_held_out(f"MUSE_{k}") for k in range(20_000)])
    assert share == pytest.approx(0.15, abs=0.01)


def test_folds_part_everybody_once_and_both_verdicts_evenly():
    """Sizes differ by two people at most."""
    abnormal = np.arange(103) % 8 > 0
    place = folds(abnormal, 5, seed=1)
    assert sorted(set(place)) == list(range(5))
    for verdict in (False, True):
        sizes = np.bincount(place[abnormal == verdict], minlength=5)
        assert sizes.max() - sizes.min() <= 1


def test_gaps_leave_every_kind_of_subset():
    """Whole rows, rows with the required alone, and others."""
    one = Table(np.ones((200, COUNT)), np.ones(200, bool), np.zeros(200, bool))
    known = np.isfinite(with_gaps(one, 5, seed=1).values)
    assert 0.3 < known.all(axis=1).mean() < 0.45
    assert (known == (np.arange(COUNT) < len(REQUIRED))).all(axis=1).mean() > 0.1
    assert len(np.unique(known, axis=0)) > 100
    assert np.isnan(only(one.values, 4)[:, 4:]).all()


def test_auc_counts_pairs_in_the_right_order():
    """Ties count half, against counting."""
    rng = np.random.default_rng(0)
    truth, score = rng.random(60) < 0.4, rng.integers(0, 8, 60) / 8
    pairs = [(score[i] > score[j]) + (score[i] == score[j]) / 2
             for i in np.flatnonzero(truth) for j in np.flatnonzero(~truth)]  # fmt: skip
    assert figures.auc(truth, score) == pytest.approx(np.mean(pairs))


def test_the_error_of_an_auc_is_hanley_and_mcneils():
    """Their example: 0.893 with 51 abnormal and 58 normal has a standard error of 0.032 or so."""
    truth = np.arange(109) < 51
    assert figures.auc_error(truth, 0.893) == pytest.approx(0.032, abs=0.002)


def test_calibration_finds_the_line_that_made_the_outcomes():
    """Outcomes drawn with log-odds 0.5 x + 0.3."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 2, 40_000)
    truth = rng.random(len(x)) < 1 / (1 + np.exp(-(0.5 * x + 0.3)))
    line = figures.calibrate(truth, 1 / (1 + np.exp(-x)))
    assert line.slope == pytest.approx(0.5, abs=0.03)
    assert line.offset == pytest.approx(0.3, abs=0.04)


def test_brier_and_reliability_of_a_known_case():
    """Two at 0.25, one of them abnormal; two at 0.75, both."""
    truth, p = np.array([False, True, True, True]), np.array([0.25, 0.25, 0.75, 0.75])
    assert figures.brier(truth, p) == pytest.approx((0.0625 + 0.5625 + 0.0625 + 0.0625) / 4)
    assert figures.reliability(truth, p) == [[0.25, 0.5, 2], [0.75, 1.0, 2]]


@pytest.fixture
def quick(monkeypatch):
    """The whole recipe, with less of everything."""
    monkeypatch.setattr(network, "BATCH", 32)
    monkeypatch.setattr(pupil, "PUPIL", pupil.PUPIL._replace(epochs=6))
    monkeypatch.setattr(pupil, "FELLOW", pupil.FELLOW._replace(epochs=1))
    monkeypatch.setattr(teacher, "ROUNDS", {"whole": 20, "gaps": 20})
    monkeypatch.setattr(teacher, "BAGS", 1)
    monkeypatch.setattr(command, "FOLDS", 2)
    monkeypatch.setattr(command, "COPIES", 2)


def by_rate(count, seed):
    """People of whom the rate alone tells; every other one is normal."""
    rng = np.random.default_rng(seed)
    rates = [rng.integers(61, 100) if k % 2 else rng.integers(40, 58) for k in range(count)]
    return [person(f"p{k}", "SR" if r > 60 else "SB", rate=int(r)) for k, r in enumerate(rates)]


def test_the_command_makes_a_bundle_that_serves(tmp_path, quick):
    """From a table of people whose rate tells: it learns that, and its card says how well."""
    write(tmp_path / FILE, by_rate(400, 3))
    output = tmp_path / "interval"
    args = argparse.Namespace(data=tmp_path, output=output, seeds=[1], folds=[1], track=False)
    assert command.run(args) == 0
    made = load(output)
    assert made.manifest.figures["unseen people"]["all measurements"]["roc_auc"] > 0.95
    table = read(tmp_path / FILE)
    assert figures.auc(table.abnormal, IntervalClassifier(made)(table.values)) > 0.95
    assert "beatwire train --model interval" in (output / "card.md").read_text()


def test_the_same_seed_gives_the_same_pupil_and_its_export_answers_alike(tmp_path, quick):
    """Keras twice bit for bit; TFLite is the second implementation, within the rounding of float16 weights."""
    write(tmp_path / FILE, by_rate(60, 4))
    network.prepare()
    table = read(tmp_path / FILE)
    answers = table.abnormal.astype(float)
    one, two = (pupil.train(table, answers, seed=5) for _ in range(2))
    asked = pupil.ask(one, table.values)
    assert asked.tolist() == pupil.ask(two, table.values).tolist()
    assert pupil.exported(one) == pupil.exported(two)
    shipped = load()
    neutral = msgspec.structs.replace(shipped.manifest, calibration=Calibration(1.0, 0.0))
    made = bundle.Bundle(tmp_path, neutral, pupil.exported(one))
    assert IntervalClassifier(made)(table.values) == pytest.approx(asked, abs=5e-3)
