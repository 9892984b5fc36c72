"""An analysed file: what the engine says of the record, complete, in the folder of the job."""

import io
import itertools
import json

import msgspec
import numpy as np
import pytest

from client.formats.wfdb_files import read_annotations
from client.records import RecordError, open_record
from ecg import messages as m
from ecg.types import CLASSES
from inference import bundle
from inference.classifier import BeatClassifier
from stream.files.__main__ import serve
from stream.files.analyse import analyse
from stream.gateway.uploads import results
from stream.offline import play
from stream.uploads import ALARMS, BEAT, BEATS, Options, Order, Report

SECONDS = 330
"""Of record 205: its first run of V beats begins at 299 s (its annotations)."""


@pytest.fixture(scope="module")
def classifier():
    return BeatClassifier(bundle.load())


@pytest.fixture(scope="module")
def part(data_dir):
    """The beginning of record 205 with a hole, as (seconds, microvolts), NaN in the hole."""
    record = open_record(data_dir / "mitdb" / "205", [0])
    count = round(SECONDS * record.rate)
    values = record.samples[:count, 0] * record.uv_per_lsb[0]
    values = values.astype(float)
    values[36_000:37_800] = np.nan
    return values


def order(folder, name, content, **options):
    """An order for one file."""
    (folder / "source").mkdir(exist_ok=True)
    (folder / "source" / name).write_bytes(content)
    return Order("job", str(folder), 100_000_000, Options(**options))


def csv(values):
    """One column of microvolts."""
    rows = ("nan" if np.isnan(v) else f"{v:.0f}" for v in values)
    return ("MLII [uV]\n" + "\n".join(rows) + "\n").encode()


def test_a_file_gives_what_the_engine_gives(tmp_path, part, classifier, data_dir):
    """Beats, alarms, gaps and signal; beats against the record's annotations."""
    reports = []
    analyse(order(tmp_path, "a.csv", csv(part), rate=360), classifier, reports.append)
    result = results.read_result(tmp_path)
    beats = np.fromfile(tmp_path / BEATS, BEAT)
    record = open_record(tmp_path / "source" / "a.csv", rate=360)
    said = [event for _, event in play(record, classifier, 0.1) if isinstance(event, m.Beat)]
    assert beats["sample"].tolist() == [beat.sample for beat in said]
    assert [CLASSES[k] for k in beats["class"]] == [beat.label for beat in said]
    truth = read_annotations(data_dir / "mitdb" / "205")
    spikes = [s for s, symbol in zip(truth.samples, truth.symbols, strict=True) if symbol in "NVAF"]
    expected = [s for s in spikes if 3600 <= s < len(part) - 360 and not 35_900 < s < 38_500]
    nearest = [min(abs(beats["sample"] - s)) for s in expected]
    assert np.mean(np.array(nearest) <= 54) > 0.99  # 150 ms, EC57's window
    assert sum(result.beats.values()) == len(beats)
    assert [(gap.first, gap.end) for gap in result.gaps] == [(36_000, 37_800)]
    assert result.gap_seconds == 5.0
    (run,) = (alarm for alarm in result.alarms if alarm.kind == "VTACH" and alarm.onset_time < 300)
    assert abs(run.onset_time - 299.0) < 0.5
    assert reports[-1].done
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(reports))


def test_gaps_hold_no_beat_and_no_signal(tmp_path, part, classifier):
    """What is missing is shown as missing, never interpolated."""
    analyse(order(tmp_path, "a.csv", csv(part[:72_000]), rate=360), classifier, lambda _: None)
    result = results.read_result(tmp_path)
    beats = np.fromfile(tmp_path / BEATS, BEAT)
    assert not ((beats["sample"] > 36_000) & (beats["sample"] < 37_800)).any()
    page = results.signal_page(tmp_path, result, 35_990, 36_010, 100)
    found = [None if v is None else round(v * page.uv_per_lsb) for v in page.low]
    assert found == [*part[35_990:36_000].tolist(), *[None] * 10]
    envelope = results.signal_page(tmp_path, result, 0, result.samples, 1000)
    assert envelope.step == 72
    assert envelope.low[505] is None  # 36,360 to 36,432: within the hole
    assert max(v for v in envelope.high if v is not None) * page.uv_per_lsb == pytest.approx(
        np.nanmax(part[:72_000]), abs=0.1
    )


def test_beats_come_in_pages_lines_and_rows(tmp_path, part, classifier):
    """Three forms of the same beats."""
    analyse(order(tmp_path, "a.csv", csv(part[:20_000]), rate=360), classifier, lambda _: None)
    total = len(np.fromfile(tmp_path / BEATS, BEAT))
    paged, after = [], 0
    while after is not None:
        page = results.beat_page(tmp_path, 360.0, after, 7)
        paged += page.beats
        after = page.next
    lines = b"".join(results.beat_lines(tmp_path, 360.0)).splitlines()
    rows = b"".join(results.beat_rows(tmp_path, 360.0)).decode().splitlines()
    assert len(paged) == len(lines) == len(rows) - 1 == total > 50
    assert [json.loads(line) for line in lines] == msgspec.to_builtins(paged)
    assert rows[1].split(",")[:3] == [str(paged[0].sample), f"{paged[0].time}", paged[0].label]
    assert results.beat_page(tmp_path, 360.0, 10**12, 7).beats == []


def test_every_alarm_is_listed_from_onset_to_end(tmp_path, part, classifier):
    """The file of alarms holds what the result sums up."""
    analyse(order(tmp_path, "a.csv", csv(part), rate=360), classifier, lambda _: None)
    result = results.read_result(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / ALARMS).read_bytes().splitlines()]
    assert len(lines) == result.alarms_total == len(result.alarms)
    assert all(0 <= a["onset_sample"] <= a["end_sample"] <= result.samples for a in lines)
    assert sum(kind.count for kind in result.conditions) == len(lines)


@pytest.mark.parametrize("columns", [187, 188])
def test_single_beats_are_answered_q_by_row_with_the_reason(tmp_path, classifier, columns):
    """One answer for each row, no class invented, the limit stated."""
    rng = np.random.default_rng(1)
    rows = rng.random((50, columns)).round(4)
    rows[:, 187:] = 3.0  # a label, as the published tables have it
    text = "\n".join(",".join(map(str, row)) for row in rows.tolist())
    analyse(order(tmp_path, "a.csv", text.encode()), classifier, lambda _: None)
    result = results.read_result(tmp_path)
    assert (result.format, result.beats["Q"], sum(result.beats.values())) == (
        "single_beats",
        50,
        50,
    )
    assert "unclassifiable" in result.notes[0]
    beats = results.beat_page(tmp_path, result.rate, 0, 100).beats
    assert [beat.sample for beat in beats] == list(range(0, 50 * 187, 187))
    page = results.signal_page(tmp_path, result, 187, 190, 10)
    assert page.low == [round(1000 * v) for v in rows[1, :3]]


def test_a_single_beat_out_of_its_scale_is_named_with_its_line(tmp_path, classifier):
    """The 90th row holds a 7."""
    rows = [["0.5"] * 187 for _ in range(100)]
    rows[89][3] = "7.0"
    text = "\n".join(",".join(row) for row in rows)
    with pytest.raises(RecordError) as caught:
        analyse(order(tmp_path, "a.csv", text.encode()), classifier, lambda _: None)
    assert (caught.value.code, caught.value.where) == ("bad-value", "a.csv:90")


class EndError(Exception):
    """No more orders."""


def test_a_disk_that_takes_no_result_fails_that_file_and_not_the_next(tmp_path, part):
    """The process lives on: the first folder cannot be written to, the second can."""
    barred, fine = tmp_path / "barred", tmp_path / "fine"
    (barred / BEATS).mkdir(parents=True)
    fine.mkdir()
    given = iter([order(each, "a.csv", csv(part[:3600]), rate=360) for each in (barred, fine)])
    reports = io.BytesIO()

    def next_order():
        for one in given:
            return msgspec.json.encode(one)
        raise EndError

    with pytest.raises(EndError):
        serve(next_order, reports, "")
    made = [msgspec.json.decode(line, type=Report) for line in reports.getvalue().splitlines()]
    (failure,) = (report.failure for report in made if report.failure is not None)
    assert (failure.code, failure.detail) == (
        "store_unavailable",
        "no room for the file: Is a directory",
    )
    assert made[-1].done


@pytest.mark.parametrize("rate", [100, 2000])
def test_a_rate_outside_of_the_engine_s_is_refused_with_the_limit(tmp_path, classifier, rate):
    """As devices are."""
    with pytest.raises(RecordError) as caught:
        analyse(order(tmp_path, "a.csv", b"II\n1\n2\n", rate=rate), classifier, lambda _: None)
    assert (caught.value.code, caught.value.limit) == ("rate", "125 to 1000 Hz")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("x 1 360 100\n../x.dat 16\n", "bad-header"),
        ("x 1 360 100\n/etc/passwd 16\n", "bad-header"),
        ("x 1 360 100\nnone.dat 16\n", "not-found"),
        ("x 1 360 99999999999\nx.dat 16\n", "bad-value"),
        ("x 1 360 5000\nx.dat 16\n", "bad-value"),
        ("x/2 1 360 100\nx_1 50\nx_2 50\n", "bad-header"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, classifier, header, code):
    """Paths elsewhere, absent files, lengths beyond the file and beyond memory, segments."""
    wanted = order(tmp_path, "x.hea", header.encode())
    (tmp_path / "source" / "x.dat").write_bytes(bytes(200))
    with pytest.raises(RecordError) as caught:
        analyse(wanted, classifier, lambda _: None)
    assert caught.value.code == code
    assert caught.value.where == "x.hea"
