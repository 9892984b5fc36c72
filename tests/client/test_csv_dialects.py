"""CSV in every dialect opens to the same samples; what is no table is refused with its place."""

import codecs
import math
import zipfile

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from client.formats.csv_cells import MISSING
from client.records import RecordError, open_record

RATE = 250

microvolts = st.lists(
    st.one_of(st.none(), st.integers(-30_000, 30_000)), min_size=12, max_size=60
).filter(lambda column: sum(v is not None for v in column) > 2)


@st.composite
def dialects(draw):
    """How a file may be written; a comma cannot be both separator and decimal sign."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|", " "]))
    return {
        "delimiter": delimiter,
        "decimal": "." if delimiter == "," else draw(st.sampled_from([".", ","])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"])),
        "end": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "named": draw(st.booleans()),
        "quoted": draw(st.booleans()),
        "times": draw(st.sampled_from(["", "s", "ms"])),
        "missing": "nan" if delimiter == " " else draw(st.sampled_from([*MISSING, "NaN", "NA"])),
        "comments": draw(st.booleans()),
        "last": draw(st.booleans()),
    }


def written(columns, lost, how):
    """The file: values in millivolts, rows in `lost` left out when there are times."""

    def number(value, digits):
        return f"{value:.{digits}f}".replace(".", how["decimal"])

    def row(k):
        first = {"": [], "s": [number(k / RATE, 3)], "ms": [number(1000 * k / RATE, 1)]}
        cells = [how["missing"] if c[k] is None else number(c[k] / 1e3, 3) for c in columns]
        return how["delimiter"].join(first[how["times"]] + cells)

    # More words than there are columns: as many could be their names.
    lines = ["# made by a test", "# nobody's heart at all"] if how["comments"] else []
    if how["named"]:
        names = [f"time[{how['times']}]"] if how["times"] else []
        names += [f"{name}[mV]" for name in ("II", "V5")[: len(columns)]]
        lines.append(how["delimiter"].join(f'"{n}"' if how["quoted"] else n for n in names))
    lines += [row(k) for k in range(len(columns[0])) if k not in lost or not how["times"]]
    return (how["end"].join(lines) + how["end"] * how["last"]).encode(how["encoding"])


@given(data=st.data(), how=dialects(), leads=st.integers(1, 2))
def test_csv_dialects(tmp_path_factory, data, how, leads):
    """Delimiters, BOM, headers, line ends, missing words, lost rows: the same samples and gaps."""
    alone = leads == 1 and not how["times"]
    assume(not (alone and how["missing"] == ""))  # a blank line is no row
    assume(not (alone and how["decimal"] == "," and not how["named"]))  # two columns as well
    columns = [data.draw(microvolts) for _ in range(leads)]
    length = min(map(len, columns))
    columns = [column[:length] for column in columns]
    lost = data.draw(st.sets(st.integers(9, length - 2), max_size=3)) if length > 11 else set()
    if not how["named"]:
        assume(len(lost) <= 0.2 * (length - len(lost) - 2))  # or the times do not rise evenly
        # Without names, the first row must show numbers, and units come from the values' span.
        for column in columns:
            column[:9] = [v or 0 for v in column[:9]]
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(written(columns, lost, how))
    record = open_record(path, rate=None if how["times"] else RATE, unit="mV")
    truth = np.array(columns, float).T  # None becomes NaN
    if how["times"]:
        truth[sorted(lost)] = math.nan
    assert record.rate == RATE
    assert len(record) == length
    found = record.samples * np.array(record.uv_per_lsb)
    valid = np.ones(truth.shape, bool)
    for first, end in record.gaps:
        valid[first:end] = False
    for lead, first, end in record.lead_off:
        valid[first:end, lead] = False
    np.testing.assert_array_equal(valid, ~np.isnan(truth))
    np.testing.assert_allclose(found[valid], truth[valid], atol=max(record.uv_per_lsb) / 2 + 1e-9)


@given(content=st.binary(max_size=3000))
@example(b"")
@example(b"\xff\xfe")
@example(codecs.BOM_UTF8)
@example(b"\n" * 100)
@example(b'"' * 3000)
@example(b"1\n" * 10 + b"\x80\n")
@example(b"time,II\n1,1\n1e300,2\n")
@example(b"time,II\n0,1\n1e-9,2\n1e9,2\n")
@example(b"," * 2999)
def test_any_bytes_are_a_record_or_an_error_with_a_code(tmp_path_factory, content):
    """Never another exception: a stable code, and the file's name."""
    path = tmp_path_factory.mktemp("any") / "a.csv"
    path.write_bytes(content)
    assert opened(path) in {"", "bad-header", "bad-value", "not-text", "rate", "too-long", "unit"}


def opened(path):
    """Empty when the file is a record, else the error's code; its place is in the file."""
    try:
        record = open_record(path, rate=RATE)
    except RecordError as error:
        return error.code if path.stem in error.where else f"elsewhere: {error.where}"
    return "" if len(record) else "empty"


@pytest.mark.parametrize(
    ("content", "rate", "rows"),
    [
        ("'sample #','MLII','V5'\n0,995,1011\n1,996,1012\n2,997,1013\n", 360, 3),
        ("'Elapsed time','MLII'\n'hh:mm:ss.mmm','mV'\n0:00.000,-0.1\n0:00.004,0.2\n", 250, 2),
        ("# sampling rate: 200 Hz\nII\n1\n2\n", 200, 2),
        ("timestamp,II\n2026-01-01T00:00:00.000,1\n2026-01-01T00:00:00.008,2\n", 125, 2),
        ("0,004\n0,05\n-0,3\n", 250, 3),
        ("# II\n0.1\n0.2\n0.3\n", 250, 3),
        ("II,V5,\n1,2,\n3,4,\n", 250, 2),
    ],
    ids=["kaggle", "rdsamp", "comment", "dates", "decimal-comma", "savetxt", "trailing"],
)
def test_files_as_other_programs_write_them(tmp_path, content, rate, rows):
    """What is in circulation: Kaggle's mitdb, rdsamp, NumPy, spreadsheets."""
    (tmp_path / "a.csv").write_text(content)
    says = "time" in content.lower() or "rate" in content
    record = open_record(tmp_path / "a.csv", rate=None if says else rate)
    assert (record.rate, len(record)) == (rate, rows)


@pytest.mark.parametrize(
    ("content", "rate", "gone"),
    [
        ("II,V5\n1,2\n,\n3,4\n", 250, [1]),
        ("II\tV5\n\t\n1\t2\n3\t4\n", 250, [0]),
        ("time,II\n0,1\n,\n0.004,2\n0.008,2\n,\n", None, []),
    ],
    ids=["within", "first, of tabs", "times"],
)
def test_a_row_of_empty_fields_is_a_lost_sample_unless_times_place_the_rows(
    tmp_path, content, rate, gone
):
    """What follows keeps its place; a spreadsheet's empty rows have no time, and are none."""
    (tmp_path / "a.csv").write_text(content)
    record = open_record(tmp_path / "a.csv", rate=rate, unit="mV")
    assert len(record) == 3
    lost = {k for part in record.lead_off for k in range(part.start, part.end)}
    lost |= {k for first, end in record.gaps for k in range(first, end)}
    assert sorted(lost) == gone


def test_what_was_guessed_stands_in_the_notes(tmp_path):
    """The unit by the values' span, and the first column that rises evenly."""
    rows = "\n".join(f"{k / 250:.3f},{(k % 7) * 100}" for k in range(100))
    (tmp_path / "a.csv").write_text(rows + "\n")
    record = open_record(tmp_path / "a.csv")
    assert record.rate == 250
    assert record.samples[1, 0] * record.uv_per_lsb[0] == pytest.approx(100)
    assert any("time" in note for note in record.notes)
    assert any("uV" in note and "uv_per_lsb" in note for note in record.notes)


def test_raw_numbers_get_their_gain(tmp_path):
    """A converter's numbers at 5 uV each."""
    (tmp_path / "a.csv").write_text("II\n1000\n-200\n")
    record = open_record(tmp_path / "a.csv", rate=250, uv_per_lsb=5.0)
    assert (record.samples[:, 0] * record.uv_per_lsb[0]).tolist() == pytest.approx([5000, -1000])


def test_a_hole_of_years_is_refused_before_memory_is_asked_for(tmp_path):
    """A time that jumps would make 10^12 samples."""
    rows = "".join(f"{k / 250:.3f},1\n" for k in range(20)) + "4e9,1\n"
    (tmp_path / "a.csv").write_text("time,II\n" + rows)
    with pytest.raises(RecordError) as caught:
        open_record(tmp_path / "a.csv")
    assert (caught.value.code, "172800000" in caught.value.limit) == ("too-long", True)


def test_a_line_without_end_is_refused(tmp_path):
    """Megabytes without a line break are no table."""
    (tmp_path / "a.csv").write_text("II\n1\n2\n" + "1" * 9_000_000)
    with pytest.raises(RecordError) as caught:
        open_record(tmp_path / "a.csv", rate=250)
    assert caught.value.code == "bad-value"


def test_an_archive_under_a_table_s_name_is_no_text(tmp_path):
    """Binary as CSV is named as such."""
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as archive:
        archive.writestr("x", "II\n1\n")
    with pytest.raises(RecordError) as caught:
        open_record(tmp_path / "a.csv", rate=250)
    assert caught.value.code == "not-text"
