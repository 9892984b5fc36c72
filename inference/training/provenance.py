"""Which code made a model."""

import hashlib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
"""Where the packages lie."""


def code_version(sources: Sequence[Path]) -> str:
    """Version of the package and a hash of the files that decide what a model is trained on."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    try:
        version = metadata.version("beatwire")
    except metadata.PackageNotFoundError:
        version = "unknown"
    return f"{version}+{digest.hexdigest()[:12]}"
