"""Optional MLflow tracking of a training run: parameters, figures, and the bundle as artifact."""

from collections.abc import Mapping

from inference.bundle import Bundle, M


def track(
    made: Bundle[M], figures: Mapping[str, Mapping[str, float]], parameters: Mapping[str, float]
) -> str:
    """Log one bundle as an MLflow run; returns the run's id.

    Where to is MLflow's own setting, MLFLOW_TRACKING_URI.

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
        return str(run.info.run_id)
