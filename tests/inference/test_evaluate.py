"""`beatwire evaluate` on real and on small made folders."""

import argparse
import json
import shutil
import warnings

import numpy as np
import pytest

from inference.evaluation.annotations import BXB, Annotations, EvaluationError, load
from inference.evaluation.command import configure, run
from inference.evaluation.records import choose, length, sampling_rate

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # pandas 3, called by wfdb 4.3
    import wfdb

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")


def evaluate(*words):
    """Run the command with these arguments; its exit code."""
    parser = argparse.ArgumentParser()
    configure(parser)
    return run(parser.parse_args([str(word) for word in words]))


def write(folder, name, extension, samples, symbols, rate=360):
    """One annotation file, by wfdb itself."""
    wfdb.wrann(name, extension, np.array(samples), list(symbols), fs=rate, write_dir=str(folder))


@pytest.fixture
def folders(tmp_path):
    """Reference and test folder with two records of 10 minutes, one detection missed in `b`."""
    reference, test = tmp_path / "ref", tmp_path / "test"
    reference.mkdir()
    test.mkdir()
    at = list(range(360, 216000, 360))
    for name in "ab":
        write(reference, name, "atr", at, "N" * len(at))
    write(test, "a", "bw", at, "N" * len(at))
    write(test, "b", "bw", at[:-1], "N" * (len(at) - 1))
    return reference, test


def test_json_report_of_two_records(folders, capsys):
    """599 beats each, the 299 before 5:00 do not count; the progress bar goes to stderr."""
    reference, test = folders
    assert evaluate(test, "--reference", reference, "--json") == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["gross"]["qrs_se"] == 599 / 600
    assert report["gross"]["qrs_ppv"] == 1.0
    assert [entry["record"] for entry in report["per_record"]] == ["a", "b"]
    assert "record" in err


def test_markdown_report_of_one_record(folders, capsys):
    """Only what was asked for."""
    reference, test = folders
    assert evaluate(test, "--reference", reference, "--records", "b") == 0
    out = capsys.readouterr().out
    assert "| b | 1 | 0 |" in out
    assert "| a |" not in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--records", "c"], "no .bw file of c"),
        (["--records", "DS2"], "no .bw file of 100, 103"),
        (["--extension", "xx"], "no annotation file ends in .xx"),
    ],
)
def test_what_is_not_there_is_named(folders, capsys, words, message):
    """Exit code 2 and one line that says which."""
    reference, test = folders
    assert evaluate(test, "--reference", reference, *words) == 2
    assert message in capsys.readouterr().err


def test_a_record_without_reference_is_named(folders, capsys):
    """A test file whose truth is missing is an error, not a silent omission."""
    reference, test = folders
    (reference / "b.atr").unlink()
    assert evaluate(test, "--reference", reference) == 2
    assert "b.atr: there is no such annotation file" in capsys.readouterr().err


def test_files_of_two_rates_are_not_compared(folders, capsys):
    """Sample numbers of 250 Hz mean nothing on a grid of 360 Hz."""
    reference, test = folders
    write(test, "a", "bw", [100], "N", rate=250)
    assert evaluate(test, "--reference", reference) == 2
    assert "differ: [250.0, 360.0] Hz" in capsys.readouterr().err


def test_the_header_gives_the_rate_when_the_files_do_not(tmp_path):
    """Mitdb's .atr files say no rate, their .hea do."""
    (tmp_path / "r.hea").write_text("# comment\nr 2 128 230400\n")
    none = load_of([], rate=None)
    assert sampling_rate(tmp_path / "r", none, none) == 128
    with pytest.raises(EvaluationError, match="say no sampling rate"):
        sampling_rate(tmp_path / "q", none, none)


def load_of(samples, rate):
    """Annotations that say this rate."""
    return Annotations(np.array(samples, np.int64), (), (), (), rate)


def test_malformed_header_is_named(tmp_path):
    """A first line without numbers."""
    (tmp_path / "r.hea").write_text("r\n")
    none = load_of([], rate=None)
    with pytest.raises(EvaluationError, match="no sampling frequency"):
        sampling_rate(tmp_path / "r", none, none)


@pytest.mark.parametrize(
    "line", ["r 2 0 1000", "r 2 nan 1000", "r 2 -360 1000", "r 2 inf 1000", "r 2 360 0"]
)
def test_a_header_without_a_rate_or_a_length_is_named(tmp_path, line):
    """What is not above 0 measures no time."""
    (tmp_path / "r.hea").write_text(line + "\n")
    with pytest.raises(EvaluationError, match=r"r\.hea: the first line holds no"):
        length(tmp_path / "r")


@pytest.mark.parametrize(
    "kept", [slice(0, 600), slice(0, -2), slice(0, 601), slice(0, 1), slice(0)]
)
def test_a_file_that_is_cut_off_is_refused(folders, capsys, kept):
    """Half of the truth would make half of what was found false: only an end mark ends a file."""
    reference, test = folders
    whole = (reference / "b.atr").read_bytes()
    (reference / "b.atr").write_bytes(whole[kept])
    assert evaluate(test, "--reference", reference) == 2
    assert "b.atr: no end mark" in capsys.readouterr().err


def test_a_text_is_no_annotation_file(folders, capsys):
    """Its words would be read as no annotation at all."""
    reference, test = folders
    (test / "b.bw").write_text("hello world\n")
    assert evaluate(test, "--reference", reference) == 2
    assert "b.bw: no end mark" in capsys.readouterr().err


def test_a_file_without_beats_is_a_miss_of_all(folders, capsys):
    """Two bytes of end mark, as `annotate` writes for an asystole."""
    reference, test = folders
    (test / "a.bw").write_bytes(b"\0\0")
    assert evaluate(test, "--reference", reference, "--records", "a", "--json") == 0
    assert json.loads(capsys.readouterr().out)["gross"]["qrs_se"] == 0.0


def test_a_record_named_twice_is_evaluated_once(folders):
    """Sets and names may overlap."""
    assert choose(folders[1], "bw", ["b", "a", "b"]) == ["b", "a"]


# --- real records


@pytest.fixture
def copies(data_dir, tmp_path):
    """The reference annotations of mitdb as if they were ours."""
    for path in (data_dir / "mitdb").glob("*.atr"):
        shutil.copy(path, tmp_path / f"{path.stem}.bw")
    return data_dir / "mitdb", tmp_path


def test_a_copy_of_mitdb_has_the_published_number_of_beats(copies, capsys):
    """91,285 beats after the learning period, as bxb counts them on the 48 records; all found."""
    reference, test = copies
    assert evaluate(test, "--reference", reference, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    matrix = sum(np.array(entry["matrix"]) for entry in report["per_record"])
    assert matrix.sum() == np.trace(matrix) == 91285
    assert report["patients"] == 47
    assert set(report["gross"].values()) == {0.0, 1.0}
    assert report["v_runs"]["run"]["found"] == report["v_runs"]["run"]["actual"] > 0


def test_ds2_has_the_published_number_of_beats_per_class(copies, capsys):
    """Whole records: N 44259, S 1837, V 3221, F 388, Q 7 in DS2 (de Chazal 2004, e and j in N)."""
    names = choose(copies[1], "bw", ["DS2"])
    found = [load(copies[0] / name, "atr") for name in names]
    beats = sum(symbol in BXB for file in found for symbol in file.symbols)
    assert beats == 44259 + 1837 + 3221 + 388 + 7
    assert evaluate(copies[1], "--reference", copies[0], "--records", "DS2", "--ej-as-n") == 0
    assert "22 records of 22 patients" in capsys.readouterr().out
