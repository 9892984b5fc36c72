"""The command line: every subcommand explains itself, and a wrong word is told in one line."""

import subprocess
import sys

import pytest

from stream.cli import COMMANDS, main


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    """`beatwire COMMAND --help` prints its arguments and ends with 0."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"beatwire {command}" in capsys.readouterr().out


def test_a_missing_record_is_one_clear_line(tmp_path, capsys):
    """Status 2 and what is wrong with which file, no traceback."""
    assert main(["annotate", str(tmp_path / "nothing"), "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "nothing" in error
    assert "Traceback" not in error


def test_an_unknown_database_is_refused(capsys):
    """Only what is known can be fetched; the names are listed."""
    with pytest.raises(SystemExit):
        main(["data", "fetch", "nosuchdb"])
    assert "mitdb" in capsys.readouterr().err


def test_a_database_that_does_not_come_is_one_clear_line(tmp_path, monkeypatch, capsys):
    """No network, say: status 2, without the insides of a library."""
    wfdb = pytest.importorskip("wfdb")

    def fail(*_):
        raise ConnectionError("HTTPSConnectionPool(host='example.org', port=443): Max retries")

    monkeypatch.setattr(wfdb, "dl_database", fail)
    assert main(["data", "fetch", "mitdb", "--folder", str(tmp_path)]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("beatwire data: ")
    assert "PhysioNet" in told
    assert "Pool" not in told


def test_the_command_starts_quickly_without_the_heavy_parts():
    """`beatwire --help` reads neither numba nor the model runtime."""
    code = (
        "import sys, contextlib\n"
        "from stream.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "heavy = {'numba', 'ai_edge_litert', 'tensorflow', 'fastapi', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
