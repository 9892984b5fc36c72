"""The engine's version: a checkpoint of another version is not restored but replayed."""

import hashlib
from pathlib import Path

import ecg
import stream.engine


def engine_version(model_id: str) -> str:
    """A digest over the sources that decide what a state means, and the model."""
    digest = hashlib.sha256(model_id.encode())
    for package in (ecg, stream.engine):
        for path in sorted(Path(str(package.__file__)).parent.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
