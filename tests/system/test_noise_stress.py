"""Noise stress on a small fixed subset: `benchmarks/noise.py` has the whole.

Of each record seven minutes: five clean ones, in which nothing counts, and two with noise.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from house import ROOT


def stress(data: Path, *words: object) -> list[dict]:
    """Run the benchmark to its end; its rows."""
    command = [sys.executable, "benchmarks/noise.py", *map(str, words), "--json"]
    env = os.environ | {"BEATWIRE_DATA": str(data), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.timeout(300)
def test_beats_in_electrode_motion_noise(data_dir):
    """EC57's 118 with em at 24 and 12 dB, only noisy minutes: hardly a beat is lost or invented."""
    mild, strong = stress(data_dir, "beats", "--records", 118, "--snr", 24, 12, "--seconds", 420)
    assert mild["se"] >= 99.0  # the last beat of the cut record is not decided any more
    assert mild["ppv"] >= 99.5
    assert strong["se"] >= 98.0
    assert strong["ppv"] >= 85.0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("noise", ["em", "ma", "bw"])
def test_no_false_high_alarm_in_noise_of_6_db(data_dir, noise: str):
    """A record without any rhythm of high priority, noise in turns and in bursts."""
    rows = stress(
        data_dir, "alarms", "--records", 112, "--noises", noise, "--snr", 6, "--seconds", 420
    )
    assert [row["bursts"] for row in rows] == [False, True]
    assert [row["kinds"] for row in rows] == [{}, {}]
