"""Records of every format open to the same digital samples; annotation files go both ways."""

import itertools
import sys
from pathlib import Path

import edfio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.formats.record import Chunk, Signal, assemble, parse_lead, runs
from client.formats.wfdb_files import load_wfdb
from client.records import RecordError, open_record, read_annotations, write_annotations
from ecg.types import Lead

wfdb = load_wfdb(Path())

# wfdb 4.3 calls what pandas 3 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")


def write_wfdb(
    folder, digital, *, fmt="16", gain=200.0, baseline=0, rate=360, names=None, unit="mV"
):
    """A synthetic WFDB record named `syn`, written by wfdb itself."""
    leads = digital.shape[1]
    wfdb.wrsamp(
        "syn",
        fs=rate,
        units=[unit] * leads,
        sig_name=names or ["MLII", "V5", "III"][:leads],
        d_signal=digital.astype(np.int64),
        fmt=[fmt] * leads,
        adc_gain=[gain] * leads,
        baseline=[baseline] * leads,
        write_dir=str(folder),
    )
    return folder / "syn"


def ramp(rows=1000, leads=2):
    """Different, recognisable integers in every cell."""
    return (np.arange(rows * leads).reshape(rows, leads) % 1501) - 700


# --- WFDB


def test_mitdb_100_has_the_header_s_calibration(data_dir):
    """Record 100: 200 adu/mV, baseline 1024, first values 995 and 1011 (its own header)."""
    record = open_record(data_dir / "mitdb" / "100")
    assert (record.name, record.rate, len(record)) == ("100", 360.0, 650000)
    assert record.leads == (Lead.MLII, Lead.V5)
    assert record.uv_per_lsb == (5.0, 5.0)
    assert record.samples.dtype == np.int16
    assert record.samples[0].tolist() == [995 - 1024, 1011 - 1024]
    assert record.gaps == ()
    assert record.lead_off == ()


def test_every_mitdb_microvolt_equals_the_library_s(data_dir):
    """Sample × uv_per_lsb is the physical signal that wfdb computes."""
    record = open_record(data_dir / "mitdb" / "208", [0])
    physical = wfdb.rdrecord(str(data_dir / "mitdb" / "208"), channels=[0]).p_signal
    np.testing.assert_allclose(record.samples * record.uv_per_lsb[0] / 1e3, physical, atol=1e-9)


def test_mat_record_leaves_pressure_out(data_dir):
    """cinc2015 a203l holds II, V, PLETH and RESP: only voltages are leads, gains differ."""
    record = open_record(data_dir / "cinc2015" / "a203l")
    assert record.labels == ("II", "V")
    assert record.leads == (Lead.II, Lead.UNKNOWN)
    assert record.uv_per_lsb == pytest.approx((1e3 / 11320, 1e3 / 4502))
    assert record.rate == 250.0


def test_invalid_samples_become_gaps(tmp_path):
    """Where all leads are invalid lies a gap; where one is, that lead is off."""
    digital = ramp()
    digital[100:250] = -32768
    digital[400:500, 1] = -32768
    digital[995:] = -32768
    record = open_record(write_wfdb(tmp_path, digital))
    assert record.gaps == ((100, 250), (995, 1000))
    assert record.lead_off == ((1, 400, 500),)
    assert (record.samples[100:250] == 0).all()
    assert (record.samples[:100] == digital[:100]).all()


def test_one_chosen_lead_has_its_own_gaps(tmp_path):
    """A lead alone: what was lead-off among others is a gap."""
    digital = ramp()
    digital[400:500, 1] = -32768
    assert open_record(write_wfdb(tmp_path, digital), ["V5"]).gaps == ((400, 500),)


@pytest.mark.parametrize("fmt", ["16", "24", "32"])
def test_values_beyond_16_bits_lose_resolution_not_shape(tmp_path, fmt):
    """A far baseline or a wide converter is scaled down, and uv_per_lsb says by how much."""
    digital = ramp(leads=1) * (40 if fmt == "16" else 4000)
    record = open_record(write_wfdb(tmp_path, digital, fmt=fmt, baseline=20000))
    microvolts = (digital - 20000) * 5.0
    np.testing.assert_allclose(
        record.samples * record.uv_per_lsb[0], microvolts, atol=record.uv_per_lsb[0] / 2
    )
    assert record.uv_per_lsb[0] % 5.0 == 0


def test_the_lowest_int16_value_is_kept(tmp_path):
    """A saturated converter at -32768 (EDF has no invalid value) is not rescaled."""
    chunk = Chunk(np.array([[-32768], [32767]]), np.zeros((2, 1), bool))
    signal = [Signal("II", "mV")]
    record = assemble("r", 250.0, signal, uv_per_unit=[1.0], length=2, read=lambda: iter([chunk]))
    assert record.samples[:, 0].tolist() == [-32768, 32767]


@pytest.mark.parametrize("path", ["syn", "syn.hea", "syn.dat"])
def test_suffix_of_a_wfdb_record_is_optional(tmp_path, path):
    """The record's name, its header and its signal file all mean the record."""
    digital = ramp()
    write_wfdb(tmp_path, digital)
    assert (open_record(tmp_path / path).samples == digital).all()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [([1], ["V5"]), (["v5", "0"], ["V5", "MLII"]), (["iii"], ["III"]), ([2, 0], ["III", "MLII"])],
)
def test_leads_are_chosen_by_number_or_name(tmp_path, wanted, expected):
    """In the order wanted, whatever the case."""
    record = open_record(write_wfdb(tmp_path, ramp(leads=3)), wanted)
    assert list(record.labels) == expected


@pytest.mark.parametrize(
    ("label", "lead"),
    [
        ("mlii", Lead.MLII),
        ("AVR", Lead.AVR),
        ("ECG V1", Lead.V1),
        ("EKG  II ", Lead.II),
        ("lead iii", Lead.III),
        ("V", Lead.UNKNOWN),
        ("ECG", Lead.UNKNOWN),
        ("MCL", Lead.UNKNOWN),
    ],
)
def test_header_names_become_standard_leads(label, lead):
    """Unknown is allowed, a guess is not."""
    assert parse_lead(label) is lead


# --- blocks


def test_blocks_lie_on_a_grid_and_step_over_gaps(tmp_path):
    """A block never spans a gap; after it the grid goes on."""
    digital = ramp()
    digital[150:250] = -32768
    record = open_record(write_wfdb(tmp_path, digital, rate=100))
    blocks = list(record.blocks(1.0))
    assert [(first, len(block)) for first, block in blocks] == [
        (0, 100),
        (100, 50),
        (250, 50),
        *((first, 100) for first in range(300, 1000, 100)),
    ]
    assert all(block.dtype == np.int16 for _, block in blocks)


@given(flags=st.lists(st.booleans(), min_size=1, max_size=60), size=st.integers(1, 20))
def test_blocks_hold_every_valid_sample_once(flags, size):
    """Whatever the gaps and the block length."""
    invalid = np.array(flags)[:, None]
    chunk = Chunk(np.arange(1, len(flags) + 1)[:, None], invalid)
    record = assemble(
        "r",
        1.0,
        [Signal("II", "mV")],
        uv_per_unit=[1.0],
        length=len(flags),
        read=lambda: iter([chunk]),
    )
    seen = [first + i for first, block in record.blocks(size) for i in range(len(block))]
    assert seen == np.flatnonzero(~invalid[:, 0]).tolist()


def test_a_block_of_no_sample_is_refused(tmp_path):
    """1 ms at 100 Hz holds no sample."""
    record = open_record(write_wfdb(tmp_path, ramp(), rate=100))
    with pytest.raises(ValueError, match="holds no sample"):
        next(record.blocks(0.001))


@given(flags=st.lists(st.booleans(), max_size=40))
def test_runs_are_the_stretches_of_true(flags):
    """Painting the runs gives the flags back, and no two runs touch."""
    painted = [False] * len(flags)
    stretches = list(runs(np.array(flags, bool)))
    for start, end in stretches:
        painted[start:end] = [True] * (end - start)
    assert painted == flags
    assert all(a[1] < b[0] for a, b in itertools.pairwise(stretches))


# --- EDF


def write_edf(path, signals):
    """An EDF file of (label, unit, rate, physical range, digital range, digital values)."""
    made = [
        edfio.EdfSignal.from_digital(
            values.astype(np.int16),
            rate,
            label=label,
            physical_dimension=unit,
            physical_range=physical,
            digital_range=digital,
        )
        for label, unit, rate, physical, digital, values in signals
    ]
    edfio.Edf(made).write(path)
    return path


def test_edf_microvolts_equal_the_library_s(tmp_path):
    """Labels of the EDF+ standard, an offset digital zero, millivolts and microvolts."""
    values = ramp(2500, 1)[:, 0]
    path = write_edf(
        tmp_path / "a.edf",
        [
            ("ECG II", "uV", 250, (-3000, 3000), (-2048, 2047), values),
            ("ECG V5", "mV", 250, (-5, 5), (-1000, 1000), values),
            ("SpO2", "%", 1, (0, 100), (0, 100), np.full(10, 97)),
        ],
    )
    record = open_record(path)
    assert record.leads == (Lead.II, Lead.V5)
    assert record.rate == 250.0
    edf = edfio.read_edf(path)
    for column, factor in ((0, 1.0), (1, 1e3)):
        np.testing.assert_allclose(
            record.samples[:, column] * record.uv_per_lsb[column],
            edf.signals[column].data * factor,
            atol=record.uv_per_lsb[column] / 2 + 1e-6,
        )


def test_bdf_of_24_bits_opens(tmp_path):
    """Wider than 16 bits: the resolution falls, the microvolts stay."""
    values = np.array([-400000, 0, 400000, 100] * 100, np.int32)
    signal = edfio.BdfSignal.from_digital(
        values, 100, label="I", physical_dimension="uV", physical_range=(-8388608, 8388607)
    )
    edfio.Bdf([signal]).write(tmp_path / "b.bdf")
    record = open_record(tmp_path / "b.bdf")
    np.testing.assert_allclose(
        record.samples[:, 0] * record.uv_per_lsb[0], values, atol=record.uv_per_lsb[0]
    )


def test_edf_leads_of_two_rates_are_refused_when_both_are_asked(tmp_path):
    """All voltages of the first one's rate are taken; asking for two rates is an error."""
    path = write_edf(
        tmp_path / "a.edf",
        [
            ("I", "uV", 250, (-1, 1), (-100, 100), np.zeros(2500)),
            ("EMG", "uV", 500, (-1, 1), (-100, 100), np.zeros(5000)),
        ],
    )
    assert open_record(path).labels == ("I",)
    with pytest.raises(RecordError) as caught:
        open_record(path, ["I", "EMG"])
    assert caught.value.code == "rate"


def test_discontinuous_edf_is_refused(tmp_path):
    """EDF+D would put later samples at the wrong time."""
    path = write_edf(tmp_path / "d.edf", [("I", "uV", 250, (-1, 1), (-100, 100), np.zeros(2500))])
    edf = edfio.read_edf(path)
    edf.set_annotations([edfio.EdfAnnotation(1, None, "x")])
    edf.write(path)
    path.write_bytes(path.read_bytes().replace(b"+5\x14\x14", b"+7\x14\x14"))
    with pytest.raises(RecordError) as caught:
        open_record(path)
    assert caught.value.code == "discontinuous"


# --- CSV


def test_csv_with_time_column(tmp_path):
    """Rate and gap from rounded times; units in the header; empty fields invalid."""
    times = [*range(0, 1000, 4), *range(1200, 2000, 4)]
    rows = [f"{t},{t / 1000:.3f},{t}" for t in times]
    rows[10] = "40,,40"
    (tmp_path / "a.csv").write_text("time [ms],II,V5 [uV]\n" + "\n".join(rows) + "\n")
    record = open_record(tmp_path / "a.csv")
    assert record.rate == 250.0
    assert record.leads == (Lead.II, Lead.V5)
    assert record.gaps == ((250, 300),)
    assert record.lead_off == ((0, 10, 11),)
    assert record.samples[300].tolist() == [12000, 12000]
    assert record.uv_per_lsb == (0.1, 0.1)


def test_csv_times_rounded_to_milliseconds_give_360_hz(tmp_path):
    """Steps of 3, 3 and 2 ms are no holes."""
    rows = "\n".join(f"{i / 360:.3f};0,5".replace("0,5", "0.5") for i in range(5000))
    (tmp_path / "a.csv").write_text("t;MLII\n" + rows)
    record = open_record(tmp_path / "a.csv")
    assert (record.rate, len(record), record.gaps) == (360.0, 5000, ())


def test_csv_without_times_takes_the_rate_given(tmp_path):
    """Tabs, millivolts by default, an unknown name."""
    (tmp_path / "a.tsv").write_text("chest\tII\n1\t2\n3\t4\n")
    record = open_record(tmp_path / "a.tsv", rate=125)
    assert record.rate == 125
    assert record.leads == (Lead.UNKNOWN, Lead.II)
    assert (record.samples * record.uv_per_lsb).tolist() == [[1000, 2000], [3000, 4000]]


# --- bad files

BAD_CSV = {
    "not a number": ("II\n1\nx\n", "bad-value", ":3"),
    "infinite": ("II\n1\ninf\n", "bad-value", ":3"),
    "too many fields": ("II\n1\n2\n1,2,3\n", "bad-value", ":4"),
    "time goes back": ("time,II\n0,1\n1,1\n0.5,1\n", "bad-value", ":4"),
    "no lead": ("time\n1\n", "bad-header", ":1"),
    "not a voltage": ("II [mmHg]\n1\n", "bad-header", ":1"),
    "unknown time unit": ("time [h],II\n1,1\n", "bad-header", ":1"),
    "beyond a plausible voltage": ("II [V]\n1\n101\n", "bad-value", ":3"),
    "no samples": ("II\n", "bad-value", ""),
    "empty": ("", "bad-header", ":1"),
}


@pytest.mark.parametrize("case", BAD_CSV)
def test_bad_csv_is_named_with_its_line(tmp_path, case):
    """Code, file and line of the first thing wrong."""
    text, code, line = BAD_CSV[case]
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(RecordError) as caught:
        open_record(tmp_path / "a.csv", rate=250)
    assert (caught.value.code, caught.value.where) == (code, str(tmp_path / "a.csv") + line)


def test_csv_without_any_rate_is_refused(tmp_path):
    """Neither a time column nor an argument."""
    (tmp_path / "a.csv").write_text("II\n1\n2\n")
    with pytest.raises(RecordError) as caught:
        open_record(tmp_path / "a.csv")
    assert (caught.value.code, caught.value.field) == ("rate", "rate")


@pytest.mark.parametrize("name", ["none", "none.edf", "none.csv", "none.hea"])
def test_absent_file_is_named(tmp_path, name):
    """The error says which file is missing."""
    with pytest.raises(RecordError) as caught:
        open_record(tmp_path / name)
    assert caught.value.code == "not-found"
    assert "none" in caught.value.where


@pytest.mark.parametrize("lead", ["V6", 7, "PLETH"])
def test_a_lead_that_is_not_there_is_refused(data_dir, lead):
    """Absent by name, absent by number, present but no voltage."""
    with pytest.raises(RecordError) as caught:
        open_record(data_dir / "cinc2015" / "a203l", [lead])
    assert (caught.value.code, caught.value.field) == ("no-lead", "leads")


def test_wfdb_signal_file_that_ends_early(tmp_path):
    """The header promises more than the file holds."""
    path = write_wfdb(tmp_path, ramp())
    (tmp_path / "syn.dat").write_bytes((tmp_path / "syn.dat").read_bytes()[:1000])
    with pytest.raises(RecordError) as caught:
        open_record(path)
    assert caught.value.code == "bad-value"


@pytest.mark.parametrize("text", ["", "syn\n", "syn two 360 100\n", "syn 1 0 100\nsyn.dat 16\n"])
def test_malformed_wfdb_header(tmp_path, text):
    """Empty, without numbers, with words for numbers, at 0 Hz."""
    (tmp_path / "syn.hea").write_text(text)
    with pytest.raises(RecordError) as caught:
        open_record(tmp_path / "syn")
    assert caught.value.code == "bad-header"


def test_malformed_edf(tmp_path):
    """Bytes that are no EDF header."""
    (tmp_path / "a.edf").write_bytes(b"not an edf file" * 40)
    with pytest.raises(RecordError) as caught:
        open_record(tmp_path / "a.edf")
    assert caught.value.code == "bad-header"


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_is_none_is_refused(tmp_path, rate):
    """Zero, negative, not a number."""
    with pytest.raises(RecordError) as caught:
        open_record(tmp_path / "a.csv", rate=rate)
    assert caught.value.code == "rate"


def test_a_rate_for_a_file_that_has_one_is_refused(tmp_path):
    """Two truths about the rate would be one too many."""
    with pytest.raises(RecordError) as caught:
        open_record(write_wfdb(tmp_path, ramp()), rate=250)
    assert caught.value.code == "rate"


@pytest.mark.parametrize(("module", "name"), [("wfdb", "syn"), ("edfio", "syn.edf")])
def test_missing_extra_says_how_to_get_it(tmp_path, monkeypatch, module, name):
    """Without the optional library the error names the command to install it."""
    (tmp_path / "syn.hea").touch()
    (tmp_path / "syn.edf").touch()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RecordError, match=r"pip install 'beatwire\[records\]'") as caught:
        open_record(tmp_path / name)
    assert caught.value.code == "missing-extra"


# --- annotations


def test_annotations_written_are_read_by_wfdb(tmp_path):
    """Samples, symbols, notes, subtypes and the rate, in a folder that is made."""
    path = write_annotations(
        tmp_path / "out",
        "100",
        "bw",
        [10, 400, 401, 90000],
        ["N", "V", "~", "+"],
        360,
        subtypes=[0, 0, 3, 0],
        notes=["", "", "", "(AFIB"],
    )
    assert path == tmp_path / "out" / "100.bw"
    found = wfdb.rdann(str(tmp_path / "out" / "100"), "bw")
    assert found.sample.tolist() == [10, 400, 401, 90000]
    assert found.symbol == ["N", "V", "~", "+"]
    assert found.fs == 360
    back = read_annotations(tmp_path / "out" / "100", "bw")
    assert back.samples.tolist() == [10, 400, 401, 90000]
    assert back.subtypes.tolist() == [0, 0, 3, 0]
    assert back.notes == ("", "", "", "(AFIB")
    assert back.rate == 360.0


def test_a_file_without_beats_is_a_file(tmp_path):
    """Asystole throughout: zero beats are written and read, not an error."""
    write_annotations(tmp_path, "flat", "bw", [], [], 250)
    assert len(read_annotations(tmp_path / "flat", "bw").samples) == 0


@given(
    steps=st.lists(st.integers(0, 5000000), min_size=1, max_size=50),
    rate=st.sampled_from([128, 360]),
)
def test_annotations_come_back_as_written(tmp_path_factory, steps, rate):
    """Any distances, also equal times and hours of silence."""
    folder = tmp_path_factory.mktemp("ann")
    samples = np.cumsum(steps)
    symbols = ["NSVFQ"[i % 5] for i in range(len(samples))]
    write_annotations(folder, "r", "bw", samples, symbols, rate)
    back = read_annotations(folder / "r", "bw")
    assert back.samples.tolist() == samples.tolist()
    assert back.symbols == tuple(symbols)


def test_mitdb_reference_annotations(data_dir):
    """Record 100: first rhythm change at 18, 2273 beats (PhysioNet's table), of them one V."""
    found = read_annotations(data_dir / "mitdb" / "100")
    assert (found.samples[0], found.symbols[0], found.notes[0]) == (18, "+", "(N")
    assert sum(symbol in "NAV" for symbol in found.symbols) == 2273
    assert found.symbols.count("V") == 1


@pytest.mark.parametrize(
    ("samples", "symbols", "extension"),
    [([5, 4], ["N", "N"], "bw"), ([-1], ["N"], "bw"), ([1], ["wrong"], "bw"), ([1], ["N"], "b w")],
)
def test_annotations_that_break_the_format_are_refused(tmp_path, samples, symbols, extension):
    """Going back, negative, unknown symbol, extension with a space."""
    with pytest.raises(RecordError) as caught:
        write_annotations(tmp_path, "r", extension, samples, symbols, 250)
    assert caught.value.code == "bad-annotation"


@pytest.mark.parametrize("kept", [slice(0, -2), slice(0, 20), slice(0)])
def test_an_annotation_file_that_is_cut_off_is_refused(tmp_path, kept):
    """Only an end mark ends a file; what is left would pass for all of it."""
    where = write_annotations(tmp_path, "r", "bw", range(100, 9000, 300), "N" * 30, 250)
    where.write_bytes(where.read_bytes()[kept])
    with pytest.raises(RecordError, match="no end mark") as caught:
        read_annotations(tmp_path / "r", "bw")
    assert caught.value.code == "bad-annotation"


def test_absent_annotation_file_is_named(tmp_path):
    """The error says which file is missing."""
    with pytest.raises(RecordError) as caught:
        read_annotations(tmp_path / "r", "bw")
    assert (caught.value.code, caught.value.where) == ("not-found", str(tmp_path / "r.bw"))
