"""Drift from the worker's counts over the store to /metrics and /model/info."""

import logging
import time

import numpy as np
import pytest
from gateway_rig import ask

from inference import bundle
from inference.drift import counting, population
from stream.store import Keep, Store
from stream.worker.drift import DriftWatch

DAY = 86_400
NOW = 20_000.0 * DAY + 5
MODEL = bundle.load()
KNOWN = population.load(MODEL.path, MODEL.model)


class Model:
    """A classifier that was watched: it has counts to take."""

    def __init__(self):
        self.model_id = MODEL.model_id
        self.known = KNOWN
        self.counter = counting.Counter(KNOWN)

    def see(self, beats):
        """So many normal beats, all alike: nothing like the patients of training."""
        for _ in range(beats):
            self.counter.add(0, 0.99, np.zeros(len(population.NAMES) - 2, np.float32))


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """An empty store, on either database."""
    sqlite = request.param == "sqlite"
    with Store(
        tmp_path / "store.db" if sqlite else request.getfixturevalue("postgres").place()
    ) as s:
        yield s


def test_days_add_up_by_model_and_go_when_they_are_old(store):
    """Two workers, two models, two days; counts of other bins begin anew."""
    counts = np.arange(6).reshape(2, 3)
    for _ in range(2):
        store.drift.add(20_000, "a", counts)
    store.drift.add(20_000, "b", counts)
    store.drift.add(19_000, "a", counts)
    assert store.drift.of(20_000, "a").tolist() == (2 * counts).tolist()
    assert store.drift.of(20_000, "b").tolist() == counts.tolist()
    assert store.drift.of(20_001, "a").size == 0
    store.drift.add(20_000, "b", np.ones((3, 2), np.int64))
    assert store.drift.of(20_000, "b").tolist() == [[1, 1]] * 3
    assert store.prune(NOW, Keep()) == 1
    assert store.drift.of(19_000, "a").size == 0


def test_the_worker_writes_by_day_and_warns_once_a_day(tmp_path, caplog):
    """Not below the least number of beats; the worst is named."""
    caplog.set_level(logging.WARNING, "beatwire.worker")
    model = Model()
    with Store(tmp_path / "store.db") as store:
        watch = DriftWatch(store, model, limit=0.25, beats=100)
        model.see(60)
        watch.do(NOW)
        assert caplog.records == []
        model.see(60)
        watch.do(NOW + 1)
        assert store.drift.of(20_000, MODEL.model_id)[0].sum() == 60
        watch.do(NOW + 20)
        assert store.drift.of(20_000, MODEL.model_id)[0].sum() == 120
        model.see(1)
        watch.do(NOW + 40)
        model.see(200)
        watch.do(NOW + DAY)
    assert len(caplog.records) == 2
    assert "differ from training" in caplog.text


def test_metrics_and_model_info_tell_today(tmp_path):
    """PSI of every distribution, the number of beats, and the warning over the limit."""
    model = Model()
    model.see(200)
    settings = {"settings": {"drift_beats": 100}}
    with Store(tmp_path / "store.db") as store:
        store.drift.add(int(time.time() // DAY), MODEL.model_id, model.counter.take())
    info, people = ask(tmp_path, "GET", "/v1/model/info", **settings).json()["models"]
    assert people["drift"] is None
    assert info["drift"]["beats"] == 200
    assert info["drift"]["warning"] is True
    assert info["drift"]["psi"].keys() == set(population.NAMES)
    over = info["drift"]["over"]
    assert over == sorted(over, key=lambda name: -info["drift"]["psi"][name])
    text = ask(tmp_path, "GET", "/metrics", **settings).text
    labels = f'{{model="{MODEL.model_id}"}}'
    assert f"beatwire_model_drift_beats{labels} 200" in text
    assert f"beatwire_model_drift_warning{labels} 1" in text
    assert 'of="confidence"}' in text
    few = ask(tmp_path, "GET", "/v1/model/info").json()["models"][0]["drift"]
    assert (few["warning"], few["limit"]) == (False, 0.25)


def test_without_beats_nothing_has_drifted(tmp_path):
    """A quiet day is no warning."""
    drift = ask(tmp_path, "GET", "/model/info").json()["models"][0]["drift"]
    assert (drift["beats"], drift["warning"], drift["over"]) == (0, False, [])
