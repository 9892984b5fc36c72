"""Training: labels by matching, folds by patient, thresholds, reproducible networks that export."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from ecg import shape, types, window
from inference import beat_input, features
from inference.evaluation.annotations import Beats, spans
from inference.evaluation.ec57 import match
from inference.training import beats, card, command, network, teacher
from inference.training.harvest import harvest
from inference.training.records import HELD_OUT, LEFT_OUT, Record, label, read, strips
from inference.training.strips import loop, patient


@pytest.mark.parametrize(
    "module", [harvest, label, Beats, match, features, beat_input, shape, types, window, network]
)
def test_what_decides_the_rows_is_in_the_code_version(module):
    """Signal rooms, windows, features, and the matching that gives each beat its class."""
    place = inspect.getsourcefile(module)
    assert place is not None
    assert Path(place) in command.sources()


def record(samples, classes, vf=()):
    """A silent record at 250 Hz with these reference beats."""
    truth = Beats(np.array(samples), np.array(classes, np.int8), spans(list(vf)), spans([]))
    return Record("x", 250.0, np.zeros(5000), truth)


def test_labels_come_from_the_nearest_annotation_within_150_ms():
    """37 samples are within 150 ms at 250 Hz, 38 are not: such a detection is nobody's beat, N."""
    one = record([500, 1000, 1500], [2, 1, 2])
    assert label(np.array([537.0, 1000.0, 1538.0]), one).tolist() == [2, 1, 0]


def test_fusion_paced_and_flutter_are_left_out():
    """F, Q and whatever is found inside flutter do not train."""
    one = record([500, 1000, 2000], [3, 4, 0], vf=[(2900, 3100)])
    found = label(np.array([500.0, 1000.0, 2000.0, 3000.0]), one)
    assert found.tolist() == [LEFT_OUT, LEFT_OUT, 0, LEFT_OUT]


def patients(count=8, n=120, seed=0):
    """Patients whose first feature tells V and whose second tells S."""
    rng = np.random.default_rng(seed)
    out = []
    for k in range(count):
        labels = rng.choice(3, n, p=(0.7, 0.15, 0.15)).astype(np.int8)
        inputs = rng.normal(0, 1, (n, beat_input.INPUT)).astype(np.float32)
        inputs[:, 0] += 4 * (labels == 2)
        inputs[:, 1] += 4 * (labels == 1)
        out.append(beats.Patient(str(k), "ab"[k % 2], inputs, labels))
    return out


def test_no_patient_is_in_two_folds():
    """Every patient is held out once; each database is spread over the folds."""
    many = patients(10, 1)
    folds = beats.folds(many, 5, seed=3)
    assert sorted(i for fold in folds for i in fold) == list(range(10))
    assert all({many[i].group for i in fold} == {"a", "b"} for fold in folds)


def test_rows_weigh_patients_by_the_root_of_their_beats():
    """Four times the beats give twice the weight; what is left out has none."""
    few, many = patients(1, 100)[0], patients(1, 400)[0]
    many.labels[:4] = LEFT_OUT
    inputs, targets, weights = beats.rows([few, many])
    assert len(inputs) == len(targets) == 496
    assert weights[100:].sum() / weights[:100].sum() == pytest.approx(2, rel=0.02)


def test_decide_takes_the_largest_multiple_of_a_threshold():
    """Below both thresholds N; above both, the relatively larger."""
    p = np.array([[0.8, 0.1, 0.1], [0.4, 0.35, 0.25], [0.2, 0.35, 0.45]], np.float32)
    assert beats.decide(p, {"S": 0.3, "V": 0.5}).tolist() == [0, 1, 1]
    assert beats.decide(p, {"S": 0.4, "V": 0.2}).tolist() == [0, 2, 2]


def test_thresholds_find_the_best_mean_f1():
    """V needs 0.7 here: every V lies above, every N below."""
    one = beats.Patient("x", "a", np.zeros((4, 1), np.float32), np.array([0, 0, 2, 1], np.int8))
    p = np.array([[0.35, 0, 0.65], [0.4, 0.2, 0.4], [0.25, 0, 0.75], [0.5, 0.5, 0]], np.float32)
    found = beats.thresholds([one], [p])
    assert beats.decide(p, found).tolist() == one.labels.tolist()


def test_nested_thresholds_do_not_know_the_judged_fold():
    """Of two patients in two folds each is decided by the threshold that suits the other one."""
    truth = np.array([0, 0, 2, 2], np.int8)
    many = [beats.Patient(k, "a", np.zeros((4, 1), np.float32), truth) for k in "xy"]
    low, high = (np.array([a, a, b, b], np.float32) for a, b in ((0.05, 0.42), (0.47, 0.92)))
    answers = [np.stack([1 - v, np.zeros(4, np.float32), v], axis=1) for v in (low, high)]
    classes = beats.nested(many, answers, seed=0, count=2)
    assert classes[0].tolist() == [0, 0, 0, 0]
    assert classes[1].tolist() == [2, 2, 2, 2]


def test_v_is_learned_apart_from_n_and_s():
    """V of one teacher, the rest of the probability shared as N and S of the other one."""
    one = np.array([[0.5, 0.3, 0.2], [0, 0, 1]], np.float32)
    two = np.array([[0.2, 0.2, 0.6], [0, 0, 1]], np.float32)
    made = teacher.compose(one, two)
    np.testing.assert_allclose(made[0], [0.4, 0.4, 0.2], rtol=1e-6)
    np.testing.assert_allclose(made.sum(axis=1), 1.0, rtol=1e-6)
    assert made[1, 2] == 1.0


def test_f1():
    """2 TP / (2 TP + FP + FN)."""
    truth, found = np.array([2, 2, 0, 0], np.int8), np.array([2, 0, 2, 0], np.int8)
    assert beats.f1(truth, found, 2) == 0.5
    assert beats.f1(truth, found, 1) == 0.0


def test_patients_unseen_by_the_detector_are_svdb_ones():
    """13 patients, each once."""
    assert len(set(HELD_OUT)) == 13
    assert all(800 <= int(name) < 900 for name in HELD_OUT)


def test_card_states_figures_and_seeds():
    """Blanks are filled; a figure appears under its records' name."""
    facts = {
        "name": "beat",
        "version": "9",
        "architecture": "A net.",
        "folds": "1",
        "method": "M.",
        "compared": "trees 1, network 2",
        "variants": "float32, int8",
        "seeds": "1 2",
        "feedback": "",
        "thresholds": {"S": 0.4, "V": 0.5},
        "code_version": "c",
        "data_sha256": "d",
    }
    keys = ("v_f1", "v_se", "v_ppv", "s_f1", "s_se", "s_ppv", "accuracy")
    text = card.write(facts, {"somewhere": dict.fromkeys(keys, 12.34)}, "spread")
    assert "| somewhere | 12.3 (12.3 / 12.3) |" in text
    assert "{" not in text


def test_harvest_finds_the_annotated_beats(data_dir):
    """Our own beats on a normal record (101): nearly all annotated ones, inputs finite."""
    one = read(data_dir / "mitdb" / "101")
    found = harvest(one.signal, one.rate)
    assert abs(len(found.at) - len(one.truth)) < 20
    assert np.isfinite(features.transform(found.windows, found.context)).all()
    nearest = np.abs(found.at[:, None] - one.truth.samples[None, 5:60]).min(axis=0)
    assert np.median(nearest) / one.rate < 0.02


def test_looped_strip_keeps_its_rhythm_at_the_joints():
    """A strip of regular beats, looped: the beats stay regular and the level never steps."""
    rate, rr = 300.0, 0.9
    t = np.arange(int(20 * rate)) / rate
    times = np.arange(0.5, 19.5, rr)
    signal = sum(1000 * np.exp(-0.5 * ((t - at) / 0.012) ** 2) for at in times) + 10 * t
    looped = loop(signal, rate, times * rate)
    peaks = np.flatnonzero((looped[1:-1] > looped[:-2]) & (looped[1:-1] >= looped[2:])) + 1
    peaks = peaks[looped[peaks] - np.interp(peaks, np.arange(len(looped)), looped) > -1]
    peaks = peaks[looped[peaks] > 700]
    assert np.abs(np.diff(peaks) / rate - rr).max() < 0.02
    assert np.abs(np.diff(looped)).max() < 1.05 * np.abs(np.diff(signal)).max()


def test_strip_too_short_to_loop():
    """Fewer than 12 beats teach nothing."""
    assert loop(np.zeros(3000), 300.0, np.arange(11) * 250.0) is None


def test_no_beat_of_an_af_strip_is_s(data_dir):
    """Beats of normal strips are N; those of AF strips carry no label."""
    chosen = strips(data_dir / "cinc2017")
    normal, af = (patient(*next(x for x in chosen if x[1] == kind)) for kind in "NA")
    assert len(normal.labels) > 30
    assert not normal.labels.any()
    assert len(af.labels) == 0
    assert len(af.unlabelled) > 30
    answers = teacher.without_s(np.array([[0.2, 0.5, 0.3]], np.float32))
    np.testing.assert_allclose(answers, [[0.7, 0.0, 0.3]])


@pytest.mark.parametrize("group", [beats.STRIPS, beats.RETIMED, beats.SECOND])
def test_material_beside_the_patients_weighs_less(group):
    """It is much: each counts its group's share of a patient of its length."""
    one = patients(1, 100)[0]
    weights = beats.rows([one, one._replace(group=group)]).weights
    share = weights[100:].sum() / weights[:100].sum()
    assert share == pytest.approx(beats.SHARES[group], rel=0.01)
    assert share <= 0.5


@pytest.mark.parametrize("other", [beats.RETIMED, beats.SECOND])
def test_no_fold_sees_its_patients_otherwise(monkeypatch, other):
    """Retimed beats and second leads of a held patient are held with it; strips are always there."""
    many = patients(10, 40)
    extra = [one._replace(group=other) for one in many]
    strip = many[0]._replace(name="strip", group=beats.STRIPS)
    seen = []

    def train(given, seed):
        seen.append({(p.name, p.group) for p in given})
        zero = np.zeros((40, 3), np.float32)
        return type("Taught", (), {"ask": lambda _, inputs: (zero[: len(inputs)],) * 2})()

    monkeypatch.setattr(beats, "train", train)
    beats.cross_validate(many, [*many, *extra, strip], seed=0)
    for given in seen:
        names = {name for name, group in given if group in {"a", "b"}}
        assert {name for name, group in given if group == other} == names
        assert len(names) == 8
        assert ("strip", beats.STRIPS) in given


QUICK = network.Recipe(hidden=(8,), epochs=40, dropout=0.0, l2=0.0, decay=0.0)


def quick(seed):
    """A network trained for a moment."""
    return network.fit(beats.rows(patients()), seed, QUICK)


@pytest.fixture(scope="module")
def trained():
    """Networks of seeds 1, 1 and 2 on patients that are easy to learn."""
    pytest.importorskip("tensorflow", reason="the train extra is not installed")
    network.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "BATCH", 64)
        return [quick(seed) for seed in (1, 1, 2)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_same_seed_gives_the_same_model(trained):
    """Weights and files are equal bit for bit, other for another seed; the classes are learned."""
    first, again, other = (model.get_weights() for model in trained)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again, strict=True))
    assert any(a.tobytes() != b.tobytes() for a, b in zip(first, other, strict=True))
    files = [network.export(model) for model in trained]
    assert files[0] == files[1]
    assert files[0] != files[2]
    for one in patients(2, 200, seed=9):
        found = beats.decide(network.predict([trained[0]], one.inputs), {"S": 0.5, "V": 0.5})
        assert beats.f1(one.labels, found, 2) > 0.6


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    ("weights", "error"), [("float32", 1e-5), ("float16", 5e-3), ("int8", 0.1)]
)
def test_exported_model_answers_as_the_network(trained, weights, error):
    """The TFLite model gives the network's probabilities: to 1e-5, with int8 roughly."""
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(model_content=network.export(trained[0], weights=weights))
    interpreter.allocate_tensors()
    inputs = patients(1, 20, seed=5)[0].inputs
    expected = network.predict([trained[0]], inputs)
    for k in range(20):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], inputs[k : k + 1])
        interpreter.invoke()
        answer = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_allclose(answer[0], expected[k], atol=error)


def test_trees_learn_and_repeat():
    """The baseline separates what is easy; the same seed gives the same answers."""
    pytest.importorskip("lightgbm", reason="the train extra is not installed")
    data = beats.rows(patients())
    inputs = patients(1, 200, seed=9)[0].inputs
    first, again = (teacher.trees(data, 1).predict(inputs, num_threads=1) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    found = beats.decide(first, {"S": 0.5, "V": 0.5})
    assert beats.f1(patients(1, 200, seed=9)[0].labels, found, 2) > 0.8
