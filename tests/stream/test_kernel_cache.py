"""Old versions' compiled kernels are removed, never those that somebody uses."""

import fcntl
import os
import shutil
import threading
from pathlib import Path

import pytest

from stream import serve, version
from stream.kernel_cache import IDLE_SECONDS, KEPT, MARK, MOST, occupy, remove_old

NOW = 1_800_000_000.0
OLD = IDLE_SECONDS + 60.0


def made(base: Path, number: int, age: float, *, marked: bool = True) -> Path:
    """A folder of a version with a kernel, used `age` seconds before NOW."""
    folder = base / f"{number:016x}"
    (folder / "room_1").mkdir(parents=True)
    (folder / "room_1" / "kernel.nbc").write_bytes(b"code")
    if marked:
        os.close(occupy(folder))
        os.utime(folder / MARK, (NOW - age, NOW - age))
    os.utime(folder, (NOW - age, NOW - age))
    return folder


def names(base: Path) -> set[int]:
    return {int(folder.name, 16) for folder in base.iterdir() if folder.is_dir()}


@pytest.mark.parametrize("compiled", [True, False])
def test_a_first_start_says_that_it_compiles(tmp_path, monkeypatch, capsys, compiled):
    """Nobody wonders for two minutes why there is no heart rate; later starts do not say it."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    os.close(occupy(tmp_path))
    if compiled:
        (tmp_path / "room_1").mkdir()
        (tmp_path / "room_1" / "kernel.nbi").touch()
    serve._announce("http://host:1")
    said = capsys.readouterr().out
    assert said.startswith("Beatwire listens on http://host:1 ")
    assert ("compiled first" in said) != compiled


@pytest.mark.parametrize("marked", [True, False])
def test_the_newest_few_stay_and_the_oldest_go(tmp_path, marked):
    """By when they were used; those of versions that made no marks by their own time."""
    for number in range(KEPT + 3):
        made(tmp_path, number, OLD + number, marked=marked)
    remove_old(tmp_path, NOW)
    assert names(tmp_path) == set(range(KEPT))


def test_what_was_used_today_stays(tmp_path):
    """However many there are: a server of a version without marks may be running."""
    for number in range(KEPT + 3):
        made(tmp_path, number, IDLE_SECONDS - 60.0, marked=number % 2 == 0)
    remove_old(tmp_path, NOW)
    assert len(names(tmp_path)) == KEPT + 3


def test_what_somebody_uses_stays(tmp_path):
    """As long as the process lives, however long ago it began."""
    for number in range(KEPT + 2):
        made(tmp_path, number, OLD + number)
    used = tmp_path / f"{KEPT:016x}"
    mark = occupy(used)
    os.utime(used / MARK, (NOW - 9 * OLD, NOW - 9 * OLD))
    remove_old(tmp_path, NOW)
    assert names(tmp_path) == set(range(KEPT + 1))
    assert (used / "room_1" / "kernel.nbc").exists()
    os.close(mark)
    remove_old(tmp_path, NOW)
    assert names(tmp_path) == set(range(KEPT))


def test_what_is_not_ours_stays(tmp_path):
    """Other folders and files beside them."""
    for number in range(KEPT + 1):
        made(tmp_path, number, OLD)
    (tmp_path / "kafka-1").mkdir()
    (tmp_path / "kafka.lock").touch()
    remove_old(tmp_path, NOW + 99 * OLD)
    assert (tmp_path / "kafka-1").exists()
    assert (tmp_path / "kafka.lock").exists()


def test_a_start_removes_a_bounded_number(tmp_path):
    """The rest is left to the next one."""
    for number in range(KEPT + MOST + 5):
        made(tmp_path, number, OLD + number)
    remove_old(tmp_path, NOW)
    assert len(names(tmp_path)) == KEPT + 5


def test_who_comes_while_a_folder_is_removed_makes_it_anew(tmp_path):
    """It waits for the lock, finds that the file is gone, and begins again."""
    folder = made(tmp_path, 1, OLD)
    held = os.open(folder / MARK, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    marks: list[int] = []
    comer = threading.Thread(target=lambda: marks.append(occupy(folder)))
    comer.start()
    shutil.rmtree(folder)
    os.close(held)
    comer.join(10)
    assert (folder / MARK).exists()
    assert os.path.samestat(os.fstat(marks[0]), (folder / MARK).stat())
    os.close(marks[0])


def test_a_start_marks_its_own_and_removes_old_ones(tmp_path, monkeypatch):
    """In XDG_CACHE_HOME; where a folder is given already, nothing is touched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    base = tmp_path / "beatwire"
    for number in range(KEPT + 2):
        made(base, number, OLD + number)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "given")
    version.keep_compiled_kernels()
    assert len(names(base)) == KEPT + 2
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr("stream.kernel_cache.time.time", lambda: NOW)
    version.keep_compiled_kernels()
    own = Path(os.environ["NUMBA_CACHE_DIR"])
    assert own == base / version.engine_version()
    assert (own / MARK).exists()
    assert names(base) == {*range(KEPT), int(own.name, 16)}


def test_a_home_that_cannot_be_written_is_no_failure(tmp_path, monkeypatch):
    """The folder is named all the same, as before."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    version.keep_compiled_kernels()
    assert os.environ["NUMBA_CACHE_DIR"].startswith(str(tmp_path / "file"))
