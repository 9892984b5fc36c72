"""Where a served model comes from: the shipped bundle, a folder, or a version in an MLflow registry."""

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Final

from ecg.errors import ModelError
from inference.bundle import MANIFEST, SHIPPED, BeatManifest, Bundle, load

SCHEME: Final = "models:/"
"""`models:/beatwire-beat@champion` (an alias) or `models:/beatwire-beat/3` (a version)."""


def find(place: str) -> Bundle[BeatManifest]:
    """The checked bundle at `place`: empty for the shipped one, a folder, or a registry address.

    Which registry is MLflow's own setting (MLFLOW_REGISTRY_URI or MLFLOW_TRACKING_URI). ModelError
    where nothing is found, MLflow is not installed, or the bundle does not fit this code.
    """
    if not place.startswith(SCHEME):
        return load(Path(place) if place else SHIPPED)
    return load(_fetch(place, _kept()))


def _kept() -> Path:
    """A folder that lasts as long as this process: the reference of drift is read from it later."""
    folder = tempfile.mkdtemp(prefix="beatwire-model-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _fetch(address: str, folder: Path) -> Path:
    """Bring the version's files into `folder`; the folder of its manifest."""
    try:
        from mlflow.artifacts import download_artifacts  # noqa: PLC0415 - an extra
        from mlflow.exceptions import MlflowException  # noqa: PLC0415
    except ImportError as error:
        raise ModelError("registry_missing", f"{address} needs MLflow: {error}") from error
    try:
        found = Path(download_artifacts(artifact_uri=address, dst_path=str(folder)))
    except (MlflowException, OSError) as error:
        raise ModelError("registry_failed", f"{address}: {error}") from error
    manifests = sorted(found.rglob(MANIFEST))
    if len(manifests) != 1:
        raise ModelError("bundle_missing", f"{address} has {len(manifests)} files {MANIFEST}")
    return manifests[0].parent
