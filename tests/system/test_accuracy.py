"""The figures of the README on a small fixed subset: what `annotate` writes, `evaluate` scores.

The subset is of DS1 (training); it guards against regressions, the honest figures are a benchmark.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from house import ROOT

from client.records import read_annotations

SUBSET = ("100", "106", "119", "205", "208", "215")


def beatwire(*words: object) -> str:
    """Run a subcommand to its end; its standard output."""
    command = [sys.executable, "-m", "stream.cli", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.mark.timeout(600)
def test_annotate_and_evaluate_reach_the_floor(data_dir, tmp_path: Path):
    """QRS Se and +P at least 99.7 %, V F1 0.985, S F1 0.6, 99.3 % of classes, on six records."""
    records = [data_dir / "mitdb" / name for name in SUBSET]
    beatwire("annotate", *records, "--output", tmp_path)
    report = json.loads(beatwire("evaluate", tmp_path, "--reference", data_dir / "mitdb", "--json"))
    gross = report["gross"]
    assert gross["qrs_se"] >= 0.997
    assert gross["qrs_ppv"] >= 0.997
    assert gross["v_f1"] >= 0.985
    assert gross["s_f1"] >= 0.6
    assert gross["accuracy"] >= 0.993


@pytest.mark.timeout(600)
def test_annotations_and_events_are_as_documented(data_dir, tmp_path: Path):
    """WFDB symbols N S V F Q at rising samples; every line names record, kind, phase, time."""
    beatwire("annotate", data_dir / "mitdb/208", "--output", tmp_path, "--extension", "xy")
    beats = read_annotations(tmp_path / "208", "xy")
    assert set(beats.symbols) <= set("NSVFQ")
    assert all(a < b for a, b in zip(beats.samples[:-1], beats.samples[1:], strict=True))
    lines = [json.loads(line) for line in (tmp_path / "208.jsonl").read_text().splitlines()]
    wanted = {"record", "kind", "phase", "priority", "sample", "time"}
    assert lines
    assert all(wanted <= set(line) for line in lines)
    assert {line["phase"] for line in lines} <= {"start", "update", "escalate", "end"}
    assert all(line["time"] == round(line["sample"] / 360, 3) for line in lines)
