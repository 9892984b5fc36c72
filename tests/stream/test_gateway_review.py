"""Stored signal, beats, exports and burden over HTTP, on the real log and store."""

import asyncio
import base64
import csv
import io
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import wfdb
from gateway_rig import COUNT, RATE, alarm, ask, block, worker
from hypothesis import given
from hypothesis import strategies as st

from ecg import messages as m
from ecg import wire
from ecg.types import BeatClass
from stream.gateway import wfdb_bytes
from stream.log import Entry, SqliteLog, Topic
from stream.log.sqlite import GATEWAY_WRITES
from stream.store import Feedback, Store

SIGNAL = np.arange(10 * COUNT, dtype=np.int16) * 7 % 1000


def piece(seq: int) -> m.Block:
    """Block `seq` of SIGNAL."""
    samples = SIGNAL[seq * COUNT : (seq + 1) * COUNT]
    return block(seq, payload=samples.astype("<i2").tobytes())


async def _write(folder, *blocks: m.Block) -> None:
    async with SqliteLog(folder, GATEWAY_WRITES) as log:
        for one in blocks:
            await log.append(Topic.SAMPLES, [Entry(one.patient, wire.pack(one))])


async def _publish(folder, *events) -> None:
    async with worker(folder) as writer:
        await writer.publish(*events)


def decoded(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<i2")


def test_signal_comes_back_as_it_was_sent_and_a_hole_stays_one(tmp_path):
    """Two pieces around a missing block, each with its own samples and indices."""
    begin = time.time() - 60
    asyncio.run(_write(tmp_path, *(piece(seq) for seq in (0, 1, 3, 4))))
    found = ask(tmp_path, "GET", f"/v1/patients/p1/signal?since={begin}&seconds=120").json()
    assert [(p["first"], p["count"]) for p in found["pieces"]] == [(0, 100), (150, 100)]
    for one in found["pieces"]:
        wanted = SIGNAL[one["first"] : one["first"] + one["count"]]
        np.testing.assert_array_equal(decoded(one["samples"]), wanted)


def test_backfill_appears_where_it_belongs(tmp_path):
    """A block that came after those behind it fills its hole."""
    begin = time.time() - 60
    asyncio.run(_write(tmp_path, *(piece(seq) for seq in (0, 1, 3, 4, 2))))
    found = ask(tmp_path, "GET", f"/v1/patients/p1/signal?since={begin}&seconds=120").json()
    (one,) = found["pieces"]
    np.testing.assert_array_equal(decoded(one["samples"]), SIGNAL[:250])


def test_a_device_that_writes_json_into_the_log_has_a_signal_too(tmp_path):
    """As one on Kafka may; the worker reads it, and so does who looks back."""
    begin = time.time() - 60

    async def write() -> None:
        async with SqliteLog(tmp_path, GATEWAY_WRITES) as log:
            await log.append(Topic.SAMPLES, [Entry("p1", wire.to_json(piece(0)))])

    asyncio.run(write())
    found = ask(tmp_path, "GET", f"/v1/patients/p1/signal?since={begin}&seconds=120").json()
    (one,) = found["pieces"]
    np.testing.assert_array_equal(decoded(one["samples"]), SIGNAL[:COUNT])


def test_an_envelope_outlines_one_lead(tmp_path):
    """Columns of 40 ms are ten samples; their extremes are the signal's."""
    begin = time.time() - 60
    asyncio.run(_write(tmp_path, *(piece(seq) for seq in range(10))))
    path = f"/v1/patients/p1/envelope?since={begin}&seconds=120&lead=II&step=0.04"
    (one,) = ask(tmp_path, "GET", path).json()["pieces"]
    columns = SIGNAL.reshape(-1, 10)
    np.testing.assert_array_equal(decoded(one["low"]), columns.min(1))
    np.testing.assert_array_equal(decoded(one["high"]), columns.max(1))
    assert one["count"] == len(columns)
    path = f"/v1/patients/p1/envelope?since={begin}&seconds=120&lead=V1"
    assert ask(tmp_path, "GET", path).json()["pieces"] == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("signal?since=0&seconds=121", "seconds"),
        ("envelope?since=0&seconds=3601&lead=II", "seconds"),
        ("envelope?since=0&lead=II&step=0.001", "step"),
        ("envelope?since=0&lead=X", "lead"),
        ("beats?since=0&seconds=3601", "seconds"),
        ("signal", "since"),
    ],
)
def test_questions_are_bounded(tmp_path, path, field):
    """More than an answer can hold is refused with the field."""
    refused = ask(tmp_path, "GET", f"/v1/patients/p1/{path}")
    assert (refused.status_code, refused.json()["field"]) == (422, field)


def test_beats_come_once_and_by_time(tmp_path):
    """A repetition after a crash is one beat; other patients' are not told."""
    now = time.time()
    made = [
        m.Beat(
            patient=patient,
            session="s1",
            sample=sample,
            time=now - 10 + sample / RATE,
            label=BeatClass.V,
            probabilities=(0.0, 0.0, 1.0, 0.0, 0.0),
            rr=0.8,
            quality=1.0,
            model="test",
        )
        for patient, sample in (("p1", 500), ("p1", 250), ("p2", 300), ("p1", 500))
    ]
    asyncio.run(_publish(tmp_path, *made))
    path = f"/v1/patients/p1/beats?since={now - 20}&seconds=30"
    found = ask(tmp_path, "GET", path).json()["beats"]
    assert [(b["sample"], b["class"]) for b in found] == [(250, "V"), (500, "V")]


# ── Files ─────────────────────────────────────────────────────────────────────────────────────

NOW = 1_700_000_000.0
"""22:13 UTC: the alarms of a minute lie within a day."""


@pytest.fixture
def reviewed(tmp_path):
    """An alarm with a strip that has a hole, a beat in it, and other alarms that were judged."""
    strip = m.Strip(0, 200, (piece(0), piece(1), piece(3)))
    times = {"onset_time": NOW, "detected_time": NOW, "ended_time": NOW + 12.5}
    made = alarm(120, **times, strip=strip, unit="ICU", bed="3", note='=1+"1"')
    others = [
        alarm(n, onset_time=NOW - n, kind=kind, unit="ICU", bed="3")
        for n, kind in ((1, "VTACH"), (2, "VTACH"), (86_400, "HR_HIGH"))
    ]
    with Store(tmp_path / "store.db") as store:
        epoch = store.claim(0)
        with store.transaction(0, epoch) as change:
            for one in (made, *others):
                change.save_alarms([one])
        for n, (about, verdict) in enumerate(
            ((made, "wrong"), (others[0], "wrong"), (others[0], "right"))
        ):
            said = Feedback(
                id=f"f{n}",
                at=NOW + n,
                by="dr",
                about="alarm",
                verdict=verdict,
                patient="p1",
                session="s1",
                sample=about.onset_sample,
                time=about.onset_time,
                alarm=about.id,
            )
            store.feedback.add(said, None)
    heard = m.Beat(
        patient="p1",
        session="s1",
        sample=60,
        time=NOW - 60 / RATE,
        label=BeatClass.V,
        probabilities=(0.0, 0.0, 1.0, 0.0, 0.0),
        rr=0.8,
        quality=1.0,
        model="test",
    )
    asyncio.run(_publish(tmp_path, heard))
    return tmp_path


STRIP = "/v1/alarms/p1.s1.VTACH.120/strip"


def test_a_strip_as_csv(reviewed):
    """A row for each sample that there is, in mV by the gain of 5 microvolts, with the beat."""
    answer = ask(reviewed, "GET", STRIP + ".csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    samples = [int(row["sample"]) for row in rows]
    assert samples == [*range(100), *range(150, 200)]
    np.testing.assert_allclose([float(row["II_mV"]) for row in rows], SIGNAL[samples] * 0.005)
    assert [row["sample"] for row in rows if row["beat"] == "V"] == ["60"]
    assert float(rows[0]["seconds"]) == pytest.approx(-120 / RATE)


def test_a_strip_as_a_wfdb_record(reviewed, tmp_path_factory):
    """The WFDB package reads signal, holes, units and beats."""
    answer = ask(reviewed, "GET", STRIP + ".zip")
    folder = tmp_path_factory.mktemp("wfdb")
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(folder)
    name = str(next(folder.glob("*.hea")).with_suffix(""))
    record = wfdb.rdrecord(name)
    assert (record.fs, record.sig_name, record.units) == (RATE, ["II"], ["mV"])
    wanted = SIGNAL[:200] * 0.005
    wanted[100:150] = np.nan
    np.testing.assert_allclose(record.p_signal[:, 0], wanted)
    marks = wfdb.rdann(name, "atr")
    assert (list(marks.sample), marks.symbol) == ([60], ["V"])
    assert any("Not a medical device" in line for line in record.comments)
    assert any("VTACH at sample 120, 12.5 s" in line for line in record.comments)


def test_alarms_as_csv_compute_nothing(reviewed):
    """The list with its columns; a note that is a formula is text."""
    answer = ask(reviewed, "GET", "/v1/alarms.csv?kind=VTACH")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["kind"] for row in rows] == ["VTACH"] * 3
    assert rows[0]["priority"] == "HIGH"
    assert rows[0]["note"] == '\'=1+"1"'
    assert float(rows[0]["ended_time"]) == NOW + 12.5
    assert [row["ended_time"] for row in rows[1:]] == ["", ""]


@pytest.mark.parametrize("suffix", ["csv", "zip"])
def test_no_strip_is_not_found(reviewed, suffix):
    """An alarm without signal has no file."""
    assert ask(reviewed, "GET", f"/v1/alarms/p1.s1.VTACH.1/strip.{suffix}").status_code == 404


def test_burden_counts_by_day_bed_and_kind(reviewed):
    """Three VTACH, two of them judged; one false, as the last word on the other was right."""
    found = ask(reviewed, "GET", f"/v1/burden?days=7&until={NOW + 10}").json()["burden"]
    kinds = {(row["bed"], row["kind"]): row for row in found}
    row = kinds["3", "VTACH"]
    assert (row["count"], row["judged"], row["false"], row["priority"]) == (3, 2, 1, 3)
    assert kinds["3", "HR_HIGH"]["count"] == 1
    assert kinds["3", "HR_HIGH"]["day"] == int((NOW - 86_400) // 86_400)


def test_days_begin_where_the_asker_is(reviewed):
    """Fourteen hours east a day begins earlier."""
    path = f"/v1/burden?days=1&until={NOW + 10}&east=840"
    days = {row["day"] for row in ask(reviewed, "GET", path).json()["burden"]}
    assert days == {int((NOW + 840 * 60) // 86_400)}


def test_a_unit_sees_its_own_burden(reviewed):
    """Another unit's is not told."""
    assert ask(reviewed, "GET", "/v1/burden?unit=ward-2").json()["burden"] == []


@given(st.lists(st.tuples(st.integers(1, 5000), st.sampled_from(BeatClass)), max_size=20))
def test_wfdb_reads_every_beat_that_is_written(beats):
    """Near and far, of every class; the package's reader is the judge."""
    samples = np.cumsum([gap for gap, _ in beats], dtype=int)
    with tempfile.TemporaryDirectory() as folder:
        made = wfdb_bytes.annotations(
            (int(sample), label) for sample, (_, label) in zip(samples, beats, strict=True)
        )
        Path(folder, "r.atr").write_bytes(made)
        if not beats:
            assert made == b"\0\0"
            return
        found = wfdb.rdann(str(Path(folder, "r")), "atr")
    assert list(found.sample) == list(samples)
    assert found.symbol == [label.value for _, label in beats]
