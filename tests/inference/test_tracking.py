"""MLflow tracking: a run has the bundle's facts, its figures, and the bundle itself."""

import warnings

import pytest

from inference import bundle
from inference.training.tracking import track


def test_a_run_holds_parameters_figures_and_the_bundle(tmp_path, monkeypatch):
    """What was logged is read back from a real tracking store."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    monkeypatch.chdir(tmp_path)
    made = bundle.load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's own dependencies
        name = track(made, {"mitdb DS2": {"v_f1": 0.97}}, {"threshold_S": 0.35})
        run = mlflow.get_run(name)
        found = mlflow.get_experiment(run.info.experiment_id).name
    assert found == "beatwire-beat"
    assert run.data.params["threshold_S"] == "0.35"
    assert run.data.params["model_sha256"] == made.manifest.model_sha256
    assert run.data.metrics == {"mitdb_DS2/v_f1": 0.97}
    files = {path.name for path in (tmp_path / "mlruns").rglob("*") if path.is_file()}
    assert {"model.tflite", "bundle.json", "card.md"} <= files
