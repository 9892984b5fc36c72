"""Files to a real server: as in the stream, beside a stream, good and bad ones, with the real client."""

import asyncio
import csv
import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from house import ROOT, House, Watcher

from client.device import Device
from client.errors import RefusedError
from client.records import open_record
from client.replay import Options, replay
from client.upload import upload
from ecg import messages as m

SECONDS = 320.0
"""Of record 205, whose annotations have a V run at 299 s."""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One server for all tests of this file."""
    subprocess.run([sys.executable, "-m", "stream.warm"], cwd=ROOT, check=True)
    made = House(tmp_path_factory.mktemp("house") / "data")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def part(data_dir, tmp_path_factory):
    """The first SECONDS of record 205 as a CSV file, and the record that it opens to."""
    record = open_record(data_dir / "mitdb" / "205", [0])
    values = record.samples[: round(SECONDS * record.rate), 0] * record.uv_per_lsb[0]
    path = tmp_path_factory.mktemp("part") / "r205.csv"
    path.write_text("MLII [uV]\n" + "\n".join(f"{v:.0f}" for v in values) + "\n")
    return path


def http(house):
    return f"http://127.0.0.1:{house.port}"


def beats_of(house, url):
    """Every (sample, class) of an upload."""
    page, found = {"next": 0}, []
    while (after := page["next"]) is not None:
        page = house.get(f"{url}/beats?after={after}")
        found += [(beat["sample"], beat["class"]) for beat in page["beats"]]
    return found


async def streamed(house, path):
    """The same file through the live server, by the real device client, in blocks of 0.5 s."""
    record = open_record(path, rate=360)
    async with Watcher(house.url) as watcher:
        await replay([record], house.url, Options(speed=40, block=0.5))
        last = (len(record) - 360) / 360 * 250
        await watcher.until(
            lambda: any(
                isinstance(e, m.Vitals) and e.patient == "r205" and e.sample / 360 * 250 >= last
                for e in watcher.events
            ),
            60,
        )
    return watcher


@pytest.mark.timeout(300)
def test_a_file_gives_the_beats_and_alarms_of_the_stream(house, part):
    """One real record both ways: the same beats with classes, the same alarms of the patient."""
    analysed = upload(part, http(house), {"rate": 360})
    watcher = asyncio.run(streamed(house, part))
    live = [(beat.sample, beat.label.value) for beat in watcher.beats("r205")]
    found = beats_of(house, analysed.url)
    assert found[: len(live)] == live
    assert len(found) - len(live) <= 2  # those after the last vitals that we waited for
    latest = {a.id: a for a in watcher.alarms("r205") if a.code is not None}  # NSVT became VTACH
    raised = {(a.kind, a.onset_sample) for a in latest.values()}
    conditions = {(a["kind"], a["onset_sample"]) for a in analysed.result["alarms"]}
    assert raised
    assert raised <= conditions | {(kind, at) for kind, at in raised if at > 318 * 360}
    assert any(kind == "VTACH" and abs(at / 360 - 299) < 0.5 for kind, at in conditions)


@pytest.mark.timeout(300)
def test_uploads_do_not_disturb_a_live_stream(house, data_dir):
    """Four uploads at once, and a device whose beats come all the while, none late, none lost."""
    record = open_record(data_dir / "mitdb" / "100", [0])
    signal, rate = record.samples[: 14 * 360], 360

    async def device():
        async with Device(
            house.url, patient="live", leads=["MLII"], rate=rate, uv_per_lsb=record.uv_per_lsb
        ) as link:
            loop = asyncio.get_running_loop()
            begin = loop.time()
            for first in range(0, len(signal), 36):
                await asyncio.sleep(max(0.0, begin + (first + 36) / rate - loop.time()))
                await link.send(signal[first : first + 36])
            await link.drain()

    async def files():
        path = data_dir / "mitdb" / "208"
        jobs = [asyncio.to_thread(upload, path, http(house)) for _ in range(4)]
        return await asyncio.gather(*jobs)

    async def scene():
        async with Watcher(house.url) as watcher:
            analysed, _ = await asyncio.gather(files(), device())
            await watcher.until(lambda: len(watcher.beats("live")) >= 14, 30)
        return analysed, watcher

    analysed, watcher = asyncio.run(scene())
    assert len({one.url for one in analysed}) == 4
    assert all(one.result["beats"] == analysed[0].result["beats"] for one in analysed)
    pairs = zip(watcher.events, watcher.times, strict=True)
    late = [at - beat.time for beat, at in pairs if isinstance(beat, m.Beat)]
    assert np.median(late) < 1.0  # decided after 0.45 s of signal, 0.1 s of block
    assert not [a for a in watcher.alarms("live") if a.kind in {"NOT_MONITORED", "ANALYSIS_LAG"}]


def test_a_long_file_tells_its_progress(house, tmp_path):
    """Two hours: answered 202, progress rises, then the result; memory and time are the benchmark's."""
    rng = np.random.default_rng(1)
    values = rng.integers(-50, 50, 2 * 3600 * 125)
    np.savetxt(tmp_path / "long.csv", values, fmt="%d", header="II [uV]")
    shares = []
    analysed = upload(tmp_path / "long.csv", http(house), {"rate": 125}, progress=shares.append)
    assert analysed.result["seconds"] == 2 * 3600
    assert shares == sorted(shares)
    assert len(set(shares)) > 2
    assert shares[-1] == 1.0


def test_a_zip_of_a_wfdb_record_on_its_second_lead(house, data_dir, tmp_path):
    """As PhysioNet packs them; annotations beside it are ignored."""
    with zipfile.ZipFile(tmp_path / "100.zip", "w") as archive:
        for suffix in ("hea", "dat", "atr"):
            archive.write(data_dir / "mitdb" / f"100.{suffix}", f"mitdb/100.{suffix}")
    analysed = upload(tmp_path / "100.zip", http(house), {"lead": "V5"})
    result = analysed.result
    assert (result["format"], result["lead"], result["leads"]) == ("wfdb", "V5", ["MLII", "V5"])
    assert abs(sum(result["beats"].values()) - 2273) < 30  # PhysioNet's table of the database
    page = house.get(f"{analysed.url}/signal?start=10&seconds=1&points=360")
    truth = open_record(data_dir / "mitdb" / "100", ["V5"]).samples[3600:3960, 0]
    assert page["low"] == page["high"] == truth.tolist()


@pytest.mark.parametrize(
    ("name", "content", "code", "where"),
    [
        ("a.csv", b"II [mV]\n0.1\nx\n", "bad_value", "a.csv:3"),
        ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(100), "not_text", "a.csv"),
        ("a.csv", b"", "bad_header", "a.csv:1"),
        ("a.edf", b"0       " + b"x" * 300, "bad_header", "a.edf"),
        ("a.hea", b"a 1 360 100\na.dat 16\n", "not_found", "a.hea"),
        ("a.zip", b"PK\x03\x04 cut off", "bad_archive", "a.zip"),
    ],
)
def test_a_bad_file_is_refused_with_what_and_where(house, tmp_path, name, content, code, where):
    """Through all processes, as problem details; nothing of the server's own paths is told."""
    (tmp_path / name).write_bytes(content)
    boundary = "--x\r\ncontent-disposition: form-data; name=file; filename="
    body = f"{boundary}{name}\r\n\r\n".encode() + content
    body += b"\r\n--x\r\ncontent-disposition: form-data; name=rate\r\n\r\n250"
    body = body if name == "a.csv" else f"{boundary}{name}\r\n\r\n".encode() + content
    problem = refusal(house, body + b"\r\n--x--\r\n")
    assert (problem["status"], problem["code"], problem["where"]) == (422, code, where)
    assert str(house.folder) not in json.dumps(problem)


def refusal(house, body):
    """The problem that this multipart body gets."""
    words = ["curl", "-s", "-H", "content-type: multipart/form-data; boundary=x"]
    url = f"{http(house)}/v1/upload"
    done = subprocess.run(
        [*words, "--data-binary", "@-", url], input=body, capture_output=True, check=True
    )
    return json.loads(done.stdout)


def test_the_command_prints_a_summary_json_or_beats(house, part, tmp_path):
    """`beatwire upload`, its exit status, and the same beats in each form."""
    words = [sys.executable, "-m", "stream.cli", "upload", "--quiet", "--url", http(house)]

    def run(*more):
        return subprocess.run(
            [*words, *map(str, more)], cwd=ROOT, capture_output=True, text=True, check=False
        )

    text = run(part, "--rate", 360)
    assert text.returncode == 0
    assert "Not a medical device" in text.stdout
    result = json.loads(run(part, "--rate", 360, "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(run(part, "--rate", 360, "--csv").stdout)))
    counts = {name: sum(row["class"] == name for row in rows) for name in "NSVFQ"}
    assert counts == result["beats"]
    bad = run(part)
    assert (bad.returncode, "rate" in bad.stderr) == (1, True)
    assert run(tmp_path / "none.csv").returncode == 2


def test_the_client_says_why_a_file_is_refused(house, tmp_path):
    """With the server's code and limit."""
    (tmp_path / "slow.csv").write_text("II\n1\n2\n")
    with pytest.raises(RefusedError) as caught:
        upload(tmp_path / "slow.csv", http(house), {"rate": 50})
    assert (caught.value.problem.code, caught.value.problem.limit) == ("rate", "125 to 1000 Hz")
