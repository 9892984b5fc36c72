"""Optional MLflow tracking: a run's parameters, figures and bundle, and a version in the registry."""

from collections.abc import Mapping
from typing import Any

from inference.bundle import Bundle, M


def track(
    made: Bundle[M], figures: Mapping[str, Mapping[str, float]], parameters: Mapping[str, float]
) -> str:
    """Log one bundle as an MLflow run and register it as a new version; returns the run's id.

    Where to is MLflow's own setting, MLFLOW_TRACKING_URI. No version is served before somebody gives
    it an alias (`champion`): a training run does not decide that.

    Args:
        made: the bundle that was written.
        figures: by set of records, then by name.
        parameters: what is peculiar to this model, such as its thresholds.
    """
    import mlflow  # noqa: PLC0415 - only with `--track`

    manifest = made.manifest
    mlflow.set_experiment(f"beatwire-{manifest.name}")
    with mlflow.start_run(run_name=made.model_id) as run:
        mlflow.log_params(
            {
                "seeds": manifest.seeds,
                "data_sha256": manifest.data_sha256,
                "code_version": manifest.code_version,
                "input_sha256": manifest.input_sha256,
                "model_sha256": manifest.model_sha256,
            }
            | dict(parameters)
        )
        for records, values in figures.items():
            place = "".join(c if c.isalnum() else "_" for c in records)
            mlflow.log_metrics({f"{place}/{name}": value for name, value in values.items()})
        mlflow.log_artifacts(str(made.path), "bundle")
        _register(mlflow.MlflowClient(), f"beatwire-{manifest.name}", run)
        return str(run.info.run_id)


def _register(client: Any, name: str, run: Any) -> None:
    """The run's bundle as the newest version of the registered model `name`."""
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    client.create_model_version(name, f"{run.info.artifact_uri}/bundle", run_id=run.info.run_id)
