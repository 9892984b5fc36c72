"""The shipped interval classifier: same bits alone and among many, its figures on unseen people."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ecg.errors import ModelError
from inference import bundle
from inference.intervals.classifier import BATCH, SHIPPED, IntervalClassifier, load
from inference.intervals.inputs import COUNT, INPUTS, REQUIRED
from inference.training.intervals.table import only, read

TARGET_AUC = 0.975
"""ROC-AUC of the issue on unseen people, all measurements given."""


@pytest.fixture(scope="module")
def classify():
    return IntervalClassifier(load())


@pytest.fixture(scope="module")
def unseen(people_table):
    """People whom the shipped model was never trained on."""
    table = read(people_table)
    return table.part(table.held_out)


def anybody(count, seed=0):
    """Measurements within their limits, some absent."""
    rng = np.random.default_rng(seed)
    low, high = ([getattr(one, side) for one in INPUTS] for side in ("low", "high"))
    values = rng.uniform(low, high, (count, COUNT))
    values[rng.random(values.shape) < 0.3] = np.nan
    return values


@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, BATCH + 1, 1000])
def test_a_person_gets_the_same_bits_alone_and_among_many(classify, count):
    """Whatever the number of rows and the place in a batch."""
    values = anybody(count)
    together = classify(values)
    alone = [classify(row[None])[0] for row in values]
    assert together.tolist() == alone
    assert ((together >= 0) & (together <= 1)).all()


def test_threads_share_one_classifier(classify):
    """Eight threads at once give what one gives."""
    parts = [anybody(200, seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(classify, parts))
    assert [f.tolist() for f in found] == [classify(p).tolist() for p in parts]


def area(abnormal, score):
    """ROC-AUC by counting pairs: a second implementation."""
    pairs = score[abnormal][:, None] - score[~abnormal][None]
    return float((pairs > 0).mean() + (pairs == 0).mean() / 2)


def test_the_cards_figures_are_found_on_unseen_people(classify, unseen):
    """ROC-AUC of the people held out, with all measurements and with the required four."""
    said = load().manifest.figures["unseen people"]
    whole = area(unseen.abnormal, classify(unseen.values))
    four = area(unseen.abnormal, classify(only(unseen.values, len(REQUIRED))))
    assert said["all measurements"]["roc_auc"] == pytest.approx(whole, abs=1e-3)
    assert said["required"]["roc_auc"] == pytest.approx(four, abs=1e-3)


def test_unseen_people_are_ranked_as_the_target_asks(classify, unseen):
    """Cross-validation reaches the target; so few people as are held out do not contradict it.

    Their ROC-AUC is lower, by less than two standard errors (Hanley and McNeil 1982).
    """
    said = load().manifest.figures
    assert said["cross-validation"]["all measurements"]["roc_auc"] >= TARGET_AUC
    whole = area(unseen.abnormal, classify(unseen.values))
    assert whole + 1.96 * said["unseen people"]["all measurements"]["roc_auc_error"] >= TARGET_AUC


def test_probabilities_are_calibrated_on_unseen_people(classify, unseen):
    """Expected calibration error below 3 points, and a Brier score far below that of the share."""
    p, y = classify(unseen.values), unseen.abnormal
    tenth = np.minimum((p * 10).astype(int), 9)
    gaps = [
        abs(p[tenth == k].mean() - y[tenth == k].mean()) * (tenth == k).mean() for k in set(tenth)
    ]
    assert sum(gaps) < 0.03
    assert ((p - y) ** 2).mean() < 0.6 * y.mean() * (1 - y.mean())


def test_the_pupil_keeps_the_teachers_auc():
    """Within 0.002 in cross-validation, or the trees themselves would have to be served."""
    for view in load().manifest.figures["cross-validation"].values():
        assert view["roc_auc"] >= view["roc_auc_teacher"] - 0.002


def test_a_bundle_for_another_input_is_refused(tmp_path):
    """The beat classifier's model and the interval classifier's do not pass for one another."""
    path = shutil.copytree(SHIPPED, tmp_path / "interval")
    with pytest.raises(ModelError) as caught:
        bundle.load(path)
    assert caught.value.code == "bundle_malformed"
    made = load(path)
    with pytest.raises(ModelError) as caught:
        IntervalClassifier(bundle.Bundle(path, made.manifest, bundle.load().model))
    assert caught.value.code == "model_shape"


def test_the_card_says_what_abnormal_means():
    """And that it is no medical device."""
    card = (SHIPPED / bundle.CARD).read_text(encoding="utf-8")
    assert "not sinus rhythm (SR) or who has any finding" in card
    assert "Not a medical device" in card
