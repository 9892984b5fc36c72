"""Replaying records: every sample, gap and lead-off of the record arrives, at the asked pace."""

import argparse
import asyncio
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_gateway import ModelGateway, serving, truth

from client.formats.record import LeadOff, Record
from client.records import RecordError, open_record
from client.replay import LeadOffTrack, Options, configure, pieces, replay, run
from ecg import messages as m
from ecg.types import Lead

MAX = Options(speed=math.inf, session="s")


def record(samples: int = 2500, *, name: str = "r", gaps=(), lead_off=(), rate=250.0) -> Record:
    return Record(
        name=name,
        rate=rate,
        leads=(Lead.MLII, Lead.V5),
        labels=("MLII", "V5"),
        uv_per_lsb=(5.0, 2.5),
        samples=truth(0, samples, 2),
        gaps=gaps,
        lead_off=lead_off,
    )


def replayed(*records: Record, options: Options = MAX, **given) -> ModelGateway:
    async def main() -> ModelGateway:
        gateway = ModelGateway(credit=32)
        async with serving(gateway) as server:
            await replay(records, server.url, options, **given)
        return gateway

    return asyncio.run(main())


def test_every_sample_arrives_under_its_own_index_except_the_gap():
    """Leads, gains and rate are the record's; the session ends with GOODBYE."""
    gateway = replayed(record(gaps=((1000, 1100),)))
    rows = enumerate(map(tuple, truth(0, 2500, 2).tolist()))
    assert gateway.samples["s"] == {i: row for i, row in rows if not 1000 <= i < 1100}
    block = gateway.blocks[0]
    assert (block.patient, block.rate, block.leads) == ("r", 250.0, ("MLII", "V5"))
    assert block.uv_per_lsb == (5.0, 2.5)
    assert [goodbye.end for goodbye in gateway.goodbyes] == [2500]


def test_a_part_keeps_the_indices_of_the_record():
    """Seconds 2 to 4: samples 500 to 1000."""
    gateway = replayed(record(), options=Options(math.inf, start=2.0, stop=4.0, session="s"))
    assert list(gateway.samples["s"]) == list(range(500, 1000))


def test_records_stream_side_by_side_as_patients_of_their_own():
    """One session each, and the seconds of all of them in the progress."""
    seconds: list[float] = []
    records = [record(name=name) for name in ("a", "b c")]
    gateway = replayed(*records, options=Options(math.inf), patient="x", progress=seconds.append)
    assert {b.patient for b in gateway.blocks} == {"x-a", "x-b-c"}
    assert len({b.session for b in gateway.blocks}) == 2
    assert sum(seconds) == pytest.approx(20.0)


def test_two_records_of_one_name_are_refused():
    """They would be one patient in two places."""
    with pytest.raises(ValueError, match="one patient"):
        replayed(record(), record())


def test_pace():
    """2 s at 20× take 0.1 s, not less."""

    async def main() -> float:
        async with serving(ModelGateway(credit=32)) as server:
            begin = asyncio.get_running_loop().time()
            await replay([record(500)], server.url, Options(speed=20.0))
            return asyncio.get_running_loop().time() - begin

    assert asyncio.run(main()) >= 0.1


@given(
    samples=st.integers(1, 600),
    seconds=st.sampled_from([0.02, 0.1, 1.0]),
    rate=st.sampled_from([130.0, 250.0, 360.0]),
    cut=st.tuples(st.integers(0, 600), st.integers(0, 600)),
)
def test_no_piece_is_too_short_for_a_block(samples, seconds, rate, cut):
    """A short tail goes with the piece before it; all samples are there, once, in order."""
    start, stop = sorted(min(c, samples) for c in cut)
    parts = list(pieces(record(samples, rate=rate), seconds, start / rate, stop / rate))
    indices = [i for first, part in parts for i in range(first, first + len(part))]
    assert indices == list(range(start, stop))
    assert all((part == truth(first, len(part), 2)).all() for first, part in parts)
    assert all(len(part) >= 0.02 * rate for _, part in parts[1:])


def test_lead_off_stretches_become_changes_at_their_samples():
    """V5 is off from 100 to 300; a block in between and one after tell it."""
    track = LeadOffTrack(record(lead_off=(LeadOff(1, 100, 300),)))
    assert track.within(0, 50) == []
    assert track.within(50, 150) == [m.LeadOff(100, (False, True))]
    assert track.within(150, 250) == []
    assert track.within(250, 350) == [m.LeadOff(300, (False, False))]


def test_lead_off_that_began_in_a_gap_counts_from_the_next_block():
    """The change stands where the samples go on."""
    track = LeadOffTrack(record(lead_off=(LeadOff(0, 10, 20), LeadOff(1, 30, 300))))
    assert track.within(100, 150) == [m.LeadOff(100, (False, True))]


def test_a_chattering_lead_counts_as_off():
    """100 changes in one block do not fit: off until the last of them."""
    track = LeadOffTrack(record(lead_off=tuple(LeadOff(1, i, i + 1) for i in range(0, 100, 2))))
    assert track.within(0, 250) == [m.LeadOff(0, (False, True)), m.LeadOff(99, (False, False))]


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    configure(parser)
    return parser.parse_args(words)


def test_the_command_streams_a_real_record(data_dir):
    """Ten seconds of mitdb 100, lead 0, as the header's own reader gives them."""
    path = str(data_dir / "mitdb" / "100")

    async def main() -> ModelGateway:
        gateway = ModelGateway(credit=32)
        async with serving(gateway) as server:
            args = parse(path, "--url", server.url, "--speed", "max", "--leads", "0", "--to", "10",
                         "--session", "s")  # fmt: skip
            assert await asyncio.to_thread(run, args) == 0
        return gateway

    gateway = asyncio.run(main())
    original = open_record(path, [0]).samples[:3600]
    assert (np.array(list(gateway.samples["s"].values())) == original).all()
    assert {b.patient for b in gateway.blocks} == {"100"}


def test_the_command_explains_what_is_wrong(capsys, tmp_path):
    """An address that is none ends with status 1 and one line; a record names itself."""
    assert run(parse("x", "--url", "nowhere")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("beatwire replay: ")
    with pytest.raises(RecordError, match="none"):
        run(parse(str(tmp_path / "none")))


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan"])
def test_a_speed_that_is_none(speed, capsys):
    """The usage error says what a speed is."""
    with pytest.raises(SystemExit):
        parse("x", "--speed", speed)
    assert "max" in capsys.readouterr().err
