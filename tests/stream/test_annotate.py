"""`beatwire annotate` on small made records: names, rates, folders and extensions that do not work."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from stream.cli import main

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # pandas 3, called by wfdb 4.3
    import wfdb

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")

SECONDS = 12
BEATS = np.arange(0.5, SECONDS - 0.5)
"""Times of R, 60 a minute."""


def record(path: Path, rate: int = 250) -> Path:
    """A CSV record: spikes of 1 mV, 20 ms wide, on the flat."""
    at = np.arange(SECONDS * rate)[:, None] / rate
    values = np.exp(-np.square((at - BEATS) / 0.01)).sum(axis=1)
    path.write_text("II [mV]\n" + "\n".join(f"{value:.4f}" for value in values) + "\n")
    return path


def annotate(folder: Path, *records: Path, rate: int = 250, **options: str) -> int:
    """Run the command; its status."""
    words = ["annotate", *map(str, records), "--output", str(folder), "--rate", str(rate)]
    return main(words + [word for name in options for word in (f"--{name}", options[name])])


def test_a_wfdb_tool_reads_what_was_written(tmp_path: Path):
    """All fields as annot(5) has them; the beats where they were made, but for those being learned."""
    assert annotate(tmp_path / "out", record(tmp_path / "r.csv", 360), rate=360) == 0
    found = wfdb.rdann(str(tmp_path / "out" / "r"), "bw")
    assert found.fs == 360
    assert set(found.symbol) <= set("NSVFQ")
    assert {*found.subtype, *found.chan, *found.num} == {0}
    assert set(found.aux_note) == {""}
    nearest = np.abs(found.sample[:, None] / 360 - BEATS).min(axis=1)
    assert len(found.sample) >= len(BEATS) - 3
    assert nearest.max() <= 0.02


@pytest.mark.parametrize(
    ("name", "written"),
    [("my record", "my-record"), ("a.b", "a-b"), ("x'y(1)", "x-y-1-"), ("EKG_é", "EKG_é")],
)
def test_a_name_that_wfdb_refuses_is_written_with_dashes(tmp_path: Path, name, written):
    """A record's name may hold letters, digits, - and _; events have the same one, for `evaluate`."""
    out = tmp_path / "out"
    assert annotate(out, record(tmp_path / f"{name}.csv")) == 0
    assert {path.name for path in out.iterdir()} == {f"{written}.bw", f"{written}.jsonl"}
    lines = (out / f"{written}.jsonl").read_text().splitlines()
    assert {json.loads(line)["record"] for line in lines} <= {written}
    assert len(wfdb.rdann(str(out / written), "bw").sample) > 0


def test_a_second_record_of_a_name_is_refused(tmp_path: Path, capsys):
    """It would overwrite what the first one gave."""
    (tmp_path / "other").mkdir()
    first, second = record(tmp_path / "r.csv"), record(tmp_path / "other" / "r.csv")
    assert annotate(tmp_path / "out", first, second) == 2
    assert f"{second}: name: r is the name of {first}, too" in capsys.readouterr().err


@pytest.mark.parametrize("rate", [124, 1001])
def test_a_rate_that_no_device_may_have_is_refused(tmp_path: Path, capsys, rate):
    """As of a stream and of an upload: 125 to 1000 Hz."""
    assert annotate(tmp_path / "out", record(tmp_path / "r.csv", rate), rate=rate) == 2
    error = capsys.readouterr().err
    assert f"r: rate: {rate} Hz (limit: 125 to 1000 Hz)" in error
    assert not list((tmp_path / "out").glob("*.bw"))


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path, capsys):
    """A file stands in its place."""
    (tmp_path / "out").write_text("")
    assert annotate(tmp_path / "out", record(tmp_path / "r.csv")) == 2
    error = capsys.readouterr().err
    assert str(tmp_path / "out") in error
    assert "Traceback" not in error


@pytest.mark.parametrize("extension", ["hea", "dat", "atr", "jsonl", "", "b1", "a/b"])
def test_extensions_of_other_files_are_refused(tmp_path: Path, capsys, extension):
    """`--output` may be the records' own folder: signals, headers and truth stay as they are."""
    with pytest.raises(SystemExit) as ended:
        annotate(tmp_path, record(tmp_path / "r.csv"), extension=extension)
    assert ended.value.code == 2
    assert "letters" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_flutter_stands_between_brackets(tmp_path: Path, data_dir: Path):
    """The first minute of mitdb 207: both annotated episodes, to 2 s, so that bxb and rxr know of them."""
    part = wfdb.rdrecord(str(data_dir / "mitdb" / "207"), sampto=70 * 360, channels=[0])
    path = tmp_path / "207.csv"
    path.write_text("II [mV]\n" + "\n".join(f"{value:.3f}" for value in part.p_signal[:, 0]) + "\n")
    assert annotate(tmp_path / "out", path, rate=360) == 0
    found = wfdb.rdann(str(tmp_path / "out" / "207"), "bw")
    truth = wfdb.rdann(str(data_dir / "mitdb" / "207"), "atr", sampto=70 * 360)
    episodes = [
        [
            (at / 360, mark)
            for at, mark in zip(file.sample, file.symbol, strict=True)
            if mark in "[]"
        ]
        for file in (found, truth)
    ]
    assert [mark for _, mark in episodes[0]] == ["[", "]", "[", "]"]
    assert [at for at, _ in episodes[0]] == pytest.approx([at for at, _ in episodes[1]], abs=2)
