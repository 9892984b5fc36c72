"""Uploaded files become one record: archives within bounds, names that lead nowhere else."""

import io
import zipfile

import pytest

from client.records import RecordError
from stream.files.unpack import MAX_ENTRIES, find_record

CSV = b"II\n1\n2\n"


def packed(*entries, method=zipfile.ZIP_DEFLATED):
    """An archive of (name, content)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def refused(folder, name, content, max_bytes=1_000_000):
    """The error that this one file gives; nothing may be written outside of the folder."""
    source = folder / "source"
    source.mkdir()
    (source / name).write_bytes(content)
    with pytest.raises(RecordError) as caught:
        find_record(source, max_bytes)
    assert [path.name for path in folder.iterdir()] == ["source"]
    return caught.value


def test_an_archive_of_a_record_is_unpacked(tmp_path):
    """Folders in it do not matter, nor what systems leave there."""
    entries = [("100/100.hea", b"x"), ("100/100.dat", b"y"), ("__MACOSX/100/._100.hea", b"z")]
    (tmp_path / "a.zip").write_bytes(packed(*entries))
    assert find_record(tmp_path, 1000).name == "100.hea"
    assert {path.name for path in tmp_path.iterdir()} == {"100.hea", "100.dat"}


@pytest.mark.parametrize(
    ("content", "suffix"),
    [(CSV, ".csv"), (b"0       nobody", ".edf"), (b"\xffBIOSEMI", ".bdf")],
)
def test_a_file_without_a_suffix_is_recognised_by_its_content(tmp_path, content, suffix):
    """As browsers and phones name what they share."""
    (tmp_path / "export").write_bytes(content)
    assert find_record(tmp_path, 1000).suffix == suffix


def test_a_bomb_stops_at_the_limit(tmp_path):
    """100 MB in 100 KB: no more than the limit is written, whatever the archive declares."""
    error = refused(tmp_path, "a.zip", packed(("a.csv", bytes(100_000_000))), 1_000_000)
    assert (error.code, error.limit, error.where) == ("too-large", "1000000 bytes", "a.zip/a.csv")
    written = sum(path.stat().st_size for path in (tmp_path / "source").iterdir())
    assert written < 2_000_000


def test_two_archives_share_the_limit(tmp_path):
    """The limit is of the upload."""
    (tmp_path / "a.zip").write_bytes(packed(("a.dat", bytes(700_000))))
    (tmp_path / "b.zip").write_bytes(packed(("b.dat", bytes(700_000))))
    with pytest.raises(RecordError) as caught:
        find_record(tmp_path, 1_000_000)
    assert caught.value.code == "too-large"


@pytest.mark.parametrize(
    "name",
    ["../a.csv", "/etc/a.csv", "x/../../a.csv", "..\\a.csv", "C:\\a.csv", "a" * 200 + ".csv"],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    """Path traversal, absolute paths, drives, names beyond every file system."""
    assert refused(tmp_path, "a.zip", packed((name, CSV))).code == "unsafe-name"


def test_a_name_too_long_for_the_disk_is_refused_with_the_limit(tmp_path):
    """Of 100 CJK characters: what counts is bytes."""
    error = refused(tmp_path, "a.zip", packed(("心" * 100 + ".csv", CSV)))
    assert (error.code, error.limit) == ("unsafe-name", "200 bytes")


def test_archives_in_archives_are_refused(tmp_path):
    """Whatever the inner one is called."""
    assert refused(tmp_path, "a.zip", packed(("b.csv", packed(("c.csv", CSV))))).code == (
        "nested-archive"
    )


def test_too_many_entries_are_refused(tmp_path):
    """Before any is written."""
    many = packed(*((f"{k}.csv", b"") for k in range(MAX_ENTRIES + 1)))
    assert refused(tmp_path, "a.zip", many).code == "too-many-files"


def test_broken_and_encrypted_archives_are_refused(tmp_path):
    """Cut off; a flag that asks for a password; a wrong checksum; a name that is no UTF-8."""
    whole = packed(("a.csv", CSV * 1000), method=zipfile.ZIP_STORED)
    encrypted = bytearray(whole)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(mark) + place] |= 1
    flipped = bytearray(whole)
    flipped[100] ^= 1
    misnamed = packed(("é.csv", CSV)).replace("é".encode(), b"\xff\xff")
    for number, content in enumerate((whole[: len(whole) // 2], encrypted, flipped, misnamed)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert refused(folder, "a.zip", bytes(content)).code == "bad-archive"


def test_two_records_are_one_too_many(tmp_path):
    """The error names them."""
    error = refused(tmp_path, "a.zip", packed(("a.csv", CSV), ("b.edf", b"0       ")))
    assert error.code == "ambiguous"
    assert "a.csv" in error.what
    assert "b.edf" in error.what


def test_a_signal_file_without_its_header_is_named(tmp_path):
    """What is missing is said."""
    error = refused(tmp_path, "208.dat", bytes(100))
    assert (error.code, error.field) == ("not-found", "header")
