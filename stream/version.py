"""The engine's version, from its sources: what a checkpoint and a compiled kernel belong to."""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Final

import ecg
import inference
import stream.engine
from stream.kernel_cache import occupy, remove_old

SOURCES: Final = ((ecg, "*.py"), (stream.engine, "**/*.py"), (inference, "*.py"))
"""Packages, and which of their files count: not training, not evaluation."""


def engine_version(model_id: str = "") -> str:
    """A digest over the sources that decide what a state means, and the model."""
    digest = hashlib.sha256(model_id.encode())
    for package, files in SOURCES:
        for path in sorted(Path(str(package.__file__)).parent.glob(files)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def keep_compiled_kernels() -> None:
    """Give numba a cache folder of this version; call it before a room is imported.

    numba compiles a kernel anew when the kernel's own file has changed, but not when a kernel that
    it calls, in another file, has: by version, a stale one cannot be met. Old versions' are removed.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return  # somebody's wish, or our parent's folder, which that keeps for us
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "beatwire"
    folder = base / engine_version()
    with contextlib.suppress(OSError):  # a home that is read-only: numba finds a place of its own
        occupy(folder)
        remove_old(base)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
