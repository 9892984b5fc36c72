"""CSV dialects: whatever the separator, encoding, spelling or gaps, a row means the same."""

import codecs
import csv
import io
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecg.errors import WireError
from inference.intervals.inputs import INPUTS, NAMES, REQUIRED
from inference.intervals.person import Row
from stream.gateway.people_csv import MAX_LINE, People

PLAIN = "Age,Gender,ECG_QTC_INTERVAL,ECG_QRS_DURATION\n"
GAPS = ["", "NaN", "nan", "NA", "n/a", "null", "-", "  "]


def read(data):
    """(line, row or error) of each person."""
    text = data if isinstance(data, bytes) else data.encode()
    return [(one.line, one.row) for one in People(io.BytesIO(text))]


def refused(data):
    """Code and field with which the whole file is refused."""
    with pytest.raises(WireError) as caught:
        read(data)
    return caught.value.code, caught.value.field


@st.composite
def tables(draw):
    """Columns in any order, rows within their limits with gaps where they may be: as numbers."""
    columns = draw(st.permutations(INPUTS[:11]))
    rows = []
    for _ in range(draw(st.integers(0, 4))):
        row = {}
        for one in columns:
            value = st.integers(math.ceil(one.low), int(one.high)).map(lambda n: n / 1)
            row[one.name] = draw(value if one.name in REQUIRED else st.none() | value)
        rows.append(row)
    return [one.name for one in columns], rows


@st.composite
def spellings(draw, name):
    """A header as people write it."""
    one = INPUTS[NAMES.index(name)]
    title = draw(st.sampled_from([name, name.removeprefix("ECG_"), one.column]))
    title = draw(st.sampled_from([str.lower, str.upper, str]))(title)
    title = title.replace("_", draw(st.sampled_from(["_", " ", "-", ""])))
    return draw(st.sampled_from(["{}", " {} ", "{} (ms)", "{} [x]"])).format(title)


@given(st.data(), tables())
def test_any_dialect_of_the_same_table_gives_the_same_rows(data, table):
    """Separator, quotes, line ends, mark and encoding, spelling, decimal comma, gaps, more columns."""
    names, rows = table
    separator = data.draw(st.sampled_from(",;\t|"))
    ending = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    comma = separator != "," and data.draw(st.booleans())

    def cell(name, value):
        if value is None:
            return data.draw(st.sampled_from(GAPS))
        if name == "Gender":
            return data.draw(
                st.sampled_from([["F", "female", "f"], ["M", "MALE", "m"]][int(value)])
            )
        text = data.draw(st.sampled_from(["{:.1f}", "{:g}", " {:.3f}", "{:e}"])).format(value)
        return text.replace(".", ",") if comma else text

    text = io.StringIO()
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(text, delimiter=separator, lineterminator=ending, quoting=quoting)
    writer.writerow([*(data.draw(spellings(name)) for name in names), "Größe"])
    for row in rows:
        writer.writerow([*(cell(name, row[name]) for name in names), "größer"])
    found = read(text.getvalue().encode(encoding))
    wanted = [[math.nan if row.get(name) is None else row[name] for name in NAMES] for row in rows]
    assert [line for line, _ in found] == list(range(2, len(rows) + 2))
    for (_, row), values in zip(found, wanted, strict=True):
        assert row == pytest.approx(values, nan_ok=True, rel=1e-3)


@given(st.binary(max_size=400))
@example(codecs.BOM_UTF16_LE + b"\x00")
@example(PLAIN.encode() + b'"')
@example(PLAIN.encode() + b"\xff\xfe,\x00,1e999,_1\n")
@example(PLAIN.encode("utf-16-le"))
def test_any_bytes_are_read_or_refused(junk):
    """WireError for the file or for its rows, and nothing else."""
    for data in (junk, PLAIN.encode() + junk):
        try:
            people = read(data)
        except WireError:
            continue
        assert all(isinstance(row, Row.__origin__ | WireError) for _, row in people)


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        (b"", "malformed", ""),
        (b"\n \n\n", "malformed", ""),
        (codecs.BOM_UTF8, "malformed", ""),
        (bytes(range(256)), "malformed", ""),
        (b"\x7fELF\x02\x01\x01" + bytes(900), "malformed", ""),
        (PLAIN.encode("utf-16-le"), "malformed", ""),
        ("65,M,420,98\n", "missing_field", "Age"),
        ("Age,Gender,QTc\n65,M,420\n", "missing_field", "ECG_QRS_DURATION"),
        ("Age,Gender,QTc,QRS,sex\n", "mismatch", "Gender"),
        ("x" * (MAX_LINE + 1), "too_large", ""),
        ('"' + "x" * 140_000, "too_large", ""),
    ],
)
def test_a_file_that_is_no_table_is_refused(data, code, field):
    """Empty, binary, another encoding, no header, a column missing or twice, a line without end."""
    assert refused(data) == (code, field)


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        ("65,M,420", "mismatch", ""),
        ("65,M,420,98,1", "mismatch", ""),
        ("old,M,420,98", "wrong_type", "Age"),
        ("1_0,M,420,98", "wrong_type", "Age"),
        ("65,M,1e999,98", "not_finite", "ECG_QTC_INTERVAL"),
        ("65,M,0.42,98", "out_of_range", "ECG_QTC_INTERVAL"),
        ("65,M,42000000000000000000000,98", "out_of_range", "ECG_QTC_INTERVAL"),
        ("65,X,420,98", "out_of_range", "Gender"),
        ("65,,420,98", "missing_field", "Gender"),
        ("NaN,M,420,98", "missing_field", "Age"),
        ("Gr\udcf6\udcdfe,M,420,98", "wrong_type", "Age"),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_the_rest_is_read(row, code, field):
    """The rows around it have their verdicts."""
    text = f"{PLAIN}65,M,420,98\n\n{row}\n70,F,400,90\n"
    found = read(text.encode(errors="surrogateescape"))
    assert [line for line, _ in found] == [2, 4, 5]
    assert (found[1][1].code, found[1][1].field) == (code, field)
    assert (found[0][1][0], found[2][1][0]) == (65, 70)


def test_lines_are_counted_in_the_file_also_within_quotes():
    """A cell of two lines moves the next row down."""
    found = read(PLAIN.replace("Age", "note,Age") + '"a\nb",65,M,420,98\n,70,F,400,90\n')
    assert [line for line, _ in found] == [2, 4]


def test_a_line_without_end_in_the_middle_ends_the_file_with_an_error():
    """What was read before stands; nothing after it is guessed."""
    found = read(PLAIN + "65,M,420,98\n" + "x" * (2 * MAX_LINE) + "\n70,F,400,90\n")
    assert [getattr(row, "code", "") for _, row in found] == ["", "too_large"]
