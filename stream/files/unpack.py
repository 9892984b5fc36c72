"""From the uploaded files to one record: archives unpacked within bounds, the format recognised.

Names in an archive are not trusted: a file is written under the last part of its name, and a name
that leads elsewhere is refused; so are archives in archives.
"""

import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from client.formats.record import RecordError
from stream.uploads import MAX_NAME_BYTES

MAX_ENTRIES: Final = 1000
"""Of an archive; a Holter's export has a few dozen."""
_CHUNK: Final = 1 << 20
_RECORDS: Final = (".hea", ".edf", ".bdf", ".csv", ".tsv", ".txt")
_ZIP: Final = b"PK\x03\x04"
_EDF: Final = (b"0       ", b"\xffBIOSEMI")
_UNREADABLE: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError),
    *(NotImplementedError, RuntimeError, UnicodeDecodeError),
)
"""What `zipfile` raises on archives that are broken, encrypted, packed by other methods, or misnamed."""


def find_record(folder: Path, max_bytes: int) -> Path:
    """Unpack what has to be, and give the one file that `open_record` is to open.

    Args:
        folder: the uploaded files, plain files under safe names.
        max_bytes: of everything that archives hold.

    Raises:
        RecordError: `bad-archive`, `nested-archive`, `unsafe-name`, `too-large`, `too-many-files`,
            `not-found` (no record), `ambiguous` (several records).
    """
    for path in sorted(folder.iterdir()):
        if _starts(path, _ZIP):
            max_bytes -= _unpack(path, folder, max_bytes)
            path.unlink()
    found = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _RECORDS]
    if not found:
        found = [_recognised(path) for path in sorted(folder.iterdir())]
    if not found:
        raise RecordError("not-found", "file", "there is no file", "upload")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise RecordError("ambiguous", "file", f"one record at a time, here are {names}", "upload")
    return found[0]


def _starts(path: Path, *beginnings: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(8).startswith(beginnings)


def _recognised(path: Path) -> Path:
    """The file under a name that says its format, for want of one."""
    if path.suffix.lower() in {".dat", ".mat"}:
        what = "a signal file needs its header (.hea), and both in one upload"
        raise RecordError("not-found", "header", what, path.name)
    suffix = ".bdf" if _starts(path, _EDF[1]) else ".edf" if _starts(path, _EDF[0]) else ".csv"
    return path.rename(path.with_name(path.name + suffix))


def _unpack(path: Path, folder: Path, max_bytes: int) -> int:
    """Write an archive's files into `folder`; returns how many bytes they have."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not _is_clutter(entry)]
            if len(entries) > MAX_ENTRIES:
                what = f"{len(entries)} files in one archive"
                raise RecordError(
                    "too-many-files", "archive", what, path.name, limit=f"{MAX_ENTRIES} files"
                )
            return _write_all(archive, entries, path, folder, max_bytes)
    except _UNREADABLE as error:
        raise RecordError("bad-archive", "archive", str(error), path.name) from error


def _write_all(
    archive: zipfile.ZipFile,
    entries: list[zipfile.ZipInfo],
    path: Path,
    folder: Path,
    max_bytes: int,
) -> int:
    written = 0
    for entry in entries:
        target = folder / _safe_name(entry.filename, path)
        where = f"{path.name}/{entry.filename}"
        if target.exists():
            raise RecordError("ambiguous", "file", "two files have this name", where)
        with archive.open(entry) as source, target.open("xb") as sink:
            while data := source.read(_CHUNK):
                written += len(data)
                if written > max_bytes:
                    what = "the files in the archive are too large"
                    limit = f"{max_bytes} bytes"
                    raise RecordError("too-large", "archive", what, where, limit=limit)
                sink.write(data)
        if _starts(target, _ZIP):
            raise RecordError("nested-archive", "file", "an archive within an archive", where)
    return written


def _is_clutter(entry: zipfile.ZipInfo) -> bool:
    """Folders, and what systems leave in archives: `__MACOSX/`, `.DS_Store`."""
    parts = PurePosixPath(entry.filename).parts
    return entry.is_dir() or "__MACOSX" in parts or parts[-1:] == (".DS_Store",)


def _safe_name(name: str, path: Path) -> str:
    pure = PurePosixPath(name.replace("\\", "/"))
    leads_elsewhere = pure.is_absolute() or ".." in pure.parts or not pure.name
    if leads_elsewhere or ":" in name:
        raise RecordError("unsafe-name", "file", f"{name!r} leads elsewhere", path.name)
    if len(pure.name.encode()) > MAX_NAME_BYTES:  # not cut: files of a record name one another
        limit = f"{MAX_NAME_BYTES} bytes"
        raise RecordError("unsafe-name", "file", f"{name!r} is too long", path.name, limit=limit)
    return pure.name
