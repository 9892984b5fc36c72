"""The second lead on real records: `benchmarks/leads.py` has the whole.

Of each record seven minutes: five good ones, and two in which the first lead fails.
"""

import json
import os
import subprocess
import sys

import pytest
from house import ROOT


@pytest.mark.timeout(300)
def test_beats_go_on_in_the_second_lead(data_dir):
    """114 and 215, lead 0 flat, railed, in em noise at -6 dB, off: 99 % with two leads, no arrest."""
    words = ["--records", "114", "215", "--seconds", "425", "--json"]
    done = subprocess.run(
        [sys.executable, "benchmarks/leads.py", *words],
        cwd=ROOT,
        env=os.environ | {"BEATWIRE_DATA": str(data_dir), "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    rows = json.loads(done.stdout)
    alone = {row["lead 0"]: row for row in rows if row["leads"] == 1}
    both = {row["lead 0"]: row for row in rows if row["leads"] == 2}
    assert set(both) == {"flat", "rail", "em", "off"}
    for how, row in both.items():
        assert row["se"] >= 99.0, how
        assert row["ppv"] >= 99.0, how
        assert row["asystoles"] == 0, how
        assert alone[how]["se"] <= 60.0, how
