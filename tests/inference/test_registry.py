"""A model from a registry: the version that an alias names is served, what does not fit is refused."""

import io
import warnings
from pathlib import Path

import msgspec
import pytest

from ecg.errors import ModelError
from inference import bundle, registry
from inference.drift import population
from inference.training.tracking import track
from stream.config import Settings
from stream.files.__main__ import serve
from stream.gateway.models import load_models

NAME = "beatwire-beat"
CHAMPION = f"models:/{NAME}@champion"


@pytest.fixture
def client(tmp_path: Path, monkeypatch):
    """A registry on SQLite, empty."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's own dependencies
        yield mlflow.MlflowClient()


def published(client, made: bundle.Bundle) -> None:
    """Track the bundle, then make its version the champion."""
    run = track(made, {"somewhere": {"v_f1": 0.9}}, {})
    versions = client.search_model_versions(f"name = '{NAME}'")
    (version,) = (v.version for v in versions if v.run_id == run)
    client.set_registered_model_alias(NAME, "champion", version)


def test_the_champion_is_served(client):
    """What was tracked and named champion comes back, byte for byte."""
    shipped = bundle.load()
    published(client, shipped)
    found = registry.find(CHAMPION)
    assert found.model == shipped.model
    assert found.model_id == shipped.model_id


def test_the_champion_s_drift_is_measured(client):
    """What its training patients' beats were like comes with it, for gateway and worker to read."""
    shipped = bundle.load()
    published(client, shipped)
    found = registry.find(CHAMPION)
    assert population.load(found.path, found.model) is not None


def test_gateway_and_uploads_take_the_same_address(client):
    """`serve --model` is one setting for every process: each of them finds the champion."""
    published(client, bundle.load())
    found, _ = load_models(Settings(model=CHAMPION))
    assert found.model_id == bundle.load().model_id
    with pytest.raises(EOFError):  # it has its model and asks for its first order
        serve(no_order, io.BytesIO(), CHAMPION)


def no_order() -> bytes:
    """Nobody uploads anything."""
    raise EOFError


def test_the_alias_moves_to_another_version(client, tmp_path: Path):
    """A second version becomes champion: that one is loaded, the first one by its number."""
    shipped = bundle.load()
    published(client, shipped)
    newer = msgspec.structs.replace(shipped.manifest, version="9.9.9")
    bundle.save(tmp_path / "newer", newer, shipped.model, "card")
    published(client, bundle.load(tmp_path / "newer"))
    assert registry.find(CHAMPION).manifest.version == "9.9.9"
    first = registry.find(f"models:/{NAME}/1")
    assert first.manifest.version == shipped.manifest.version


@pytest.mark.parametrize(
    ("change", "code"),
    [({"model_sha256": "0" * 64}, "bundle_hash"), ({"input_sha256": "0" * 64}, "bundle_input")],
)
def test_a_champion_that_does_not_fit_is_refused(client, tmp_path: Path, change, code):
    """A model with another hash, or made for another input, is not served."""
    shipped = bundle.load()
    wrong = msgspec.structs.replace(shipped.manifest, **change)
    bundle.save(tmp_path / "wrong", wrong, shipped.model, "card")
    published(client, bundle.Bundle(tmp_path / "wrong", wrong, shipped.model))
    with pytest.raises(ModelError) as error:
        registry.find(CHAMPION)
    assert error.value.code == code


def test_an_unknown_name_says_so(client):
    """An alias that nobody set: the address stands in the error."""
    with pytest.raises(ModelError, match="models:/nothing@champion") as error:
        registry.find("models:/nothing@champion")
    assert error.value.code == "registry_failed"


def test_a_folder_and_nothing(tmp_path: Path):
    """Empty is the shipped bundle; a folder is read as it is."""
    shipped = bundle.load()
    assert registry.find("").model_id == shipped.model_id
    bundle.save(tmp_path / "copy", shipped.manifest, shipped.model, "card")
    assert registry.find(str(tmp_path / "copy")).model_id == shipped.model_id
    with pytest.raises(ModelError) as error:
        registry.find(str(tmp_path / "absent"))
    assert error.value.code == "bundle_missing"
