"""Folders of compiled kernels, one for each version: one that is used is marked, old ones are removed.

A mark is a file with a shared lock, which ends with the process that holds it. Who removes a folder
locks its mark alone before, so nobody loses the folder that it works with.
"""

import fcntl
import os
import re
import shutil
import time
from pathlib import Path
from typing import Final

MARK: Final = ".used"
NAME: Final = re.compile("[0-9a-f]{16}")
"""Names of the folders: `engine_version`. What else lies beside them is not ours."""
KEPT: Final = 4
"""Versions that stay, however old: to go back to one takes no compiling (some 25 MB each)."""
IDLE_SECONDS: Final = 86_400.0
"""Others stay for so long after they were used: servers of a version without marks may still run."""
MOST: Final = 16
"""Folders removed at one start, so that it takes no longer."""


def occupy(folder: Path) -> int:
    """Mark a folder, made if need be, as used from now until this process ends.

    Returns:
        The descriptor that holds the lock; whoever closes it lets the folder go.

    Raises:
        OSError: it cannot be made or locked.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        mark = os.open(folder / MARK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(mark, fcntl.LOCK_SH)
        if _is_there(mark, folder / MARK):
            os.utime(mark)
            return mark
        os.close(mark)  # somebody removed the folder while we waited


def is_empty(folder: Path) -> bool:
    """Whether nothing was compiled into a folder yet: numba's index files have this suffix."""
    return next(folder.rglob("*.nbi"), None) is None


def remove_old(base: Path, now: float | None = None) -> None:
    """Remove the folders in `base` that were not used for long, but for the newest few.

    Args:
        base: where they lie.
        now: seconds since 1970, by the clock of the files.
    """
    before = (time.time() if now is None else now) - IDLE_SECONDS
    folders = [folder for folder in base.iterdir() if NAME.fullmatch(folder.name)]
    oldest = sorted(folders, key=_used)[:-KEPT]
    for folder in oldest[:MOST]:
        if _used(folder) < before:
            _remove(folder)


def _used(folder: Path) -> float:
    """When it was used last: by its mark, or by itself where a version had none."""
    mark = folder / MARK
    return (mark if mark.exists() else folder).stat().st_mtime


def _remove(folder: Path) -> None:
    """Remove it, unless somebody uses it."""
    mark = os.open(folder / MARK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except BlockingIOError:
        pass
    finally:
        os.close(mark)


def _is_there(descriptor: int, path: Path) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
