"""The wire: every message in both encodings, golden vectors, and each limit with its typed error."""

import json
import math
from copy import copy
from pathlib import Path

import msgspec
import pytest
from wire_samples import BLOCK, MESSAGES

from ecg import messages as m
from ecg import wire
from ecg.errors import WireError
from ecg.types import Lead

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
CODECS = {
    "hello": wire.from_device,
    "block": wire.from_device,
    "goodbye": wire.from_device,
    "heartbeat": wire.from_device,
    "welcome": wire.to_device,
    "ack": wire.to_device,
    "problem": wire.to_device,
    "subscribe": wire.from_subscriber,
    "confirm": wire.from_subscriber,
    "snapshot": wire.to_subscriber,
    "event": wire.to_subscriber,
    "rejected": wire.rejected,
}

SENT = ["hello", "block", "goodbye", "subscribe", "confirm"]
SENT += [name for name, made in MESSAGES.items() if isinstance(made, m.Command)]


def codec_of(name: str) -> wire.Codec:
    if name in CODECS:
        return CODECS[name]
    return wire.events if isinstance(MESSAGES[name], wire.EVENTS) else wire.commands


def refused(codec: wire.Codec, frame: bytes | str) -> WireError:
    with pytest.raises(WireError) as caught:
        codec.decode(frame)
    return caught.value


@pytest.mark.parametrize("name", MESSAGES)
def test_the_bytes_of_every_message_are_those_of_the_golden_file(name):
    """What other languages decode; a change here breaks every client there is."""
    assert wire.pack(MESSAGES[name]).hex() == GOLDEN[name]["messagepack"]
    assert json.loads(wire.to_json(MESSAGES[name])) == GOLDEN[name]["json"]


@pytest.mark.parametrize("name", MESSAGES)
def test_every_golden_frame_decodes_to_its_message(name):
    """Both encodings say the same."""
    codec = codec_of(name)
    assert codec.decode(bytes.fromhex(GOLDEN[name]["messagepack"])) == MESSAGES[name]
    assert codec.decode(json.dumps(GOLDEN[name]["json"])) == MESSAGES[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_type_and_version_come_first(name):
    """A reader of any age finds them in the same place."""
    head = msgspec.msgpack.decode(wire.pack(MESSAGES[name]))[:2]
    assert head == [name, m.VERSION]


@pytest.mark.parametrize("name", MESSAGES)
def test_fields_that_a_later_version_appends_are_ignored(name):
    """Schema evolution: an old reader reads a new writer, in both encodings."""
    codec = codec_of(name)
    later = [*msgspec.msgpack.decode(wire.pack(MESSAGES[name])), "news", 7]
    assert codec.decode(msgspec.msgpack.encode(later)) == MESSAGES[name]
    assert codec.decode(json.dumps(GOLDEN[name]["json"] | {"news": 7})) == MESSAGES[name]


def test_a_block_of_one_second_costs_less_than_six_hundred_bytes():
    """250 samples of int16 are 500; the rest is the block's own description."""
    block = m.Block(
        patient="p-1",
        session="s",
        seq=1,
        first=250,
        rate=250.0,
        leads=(Lead.II,),
        uv_per_lsb=(5.0,),
        payload=bytes(500),
    )
    assert len(wire.pack(block)) < 600


def changed(**fields) -> list[tuple[str, bytes | str]]:
    """BLOCK with fields that break a limit, in both encodings."""
    made = msgspec.structs.replace(BLOCK, **fields)
    return [wire.pack(made), wire.to_json(made).decode()]


@pytest.mark.parametrize(
    ("fields", "code", "field", "limit"),
    [
        ({"v": 2}, "version", "v", "1"),
        ({"patient": "no spaces"}, "out_of_range", "patient", "regex"),
        ({"patient": ""}, "out_of_range", "patient", "regex"),
        ({"patient": "x" * 65}, "out_of_range", "patient", "regex"),
        ({"patient": "p\n"}, "out_of_range", "patient", "regex"),
        ({"first": -1}, "out_of_range", "first", ">= 0"),
        ({"first": 2**53 + 1}, "out_of_range", "first", "9007199254740992"),
        ({"first": 2**53}, "out_of_range", "first", "9007199254740992"),
        ({"seq": 1.5}, "wrong_type", "seq", "int"),
        ({"rate": 124.9}, "out_of_range", "rate", "125"),
        ({"rate": 1000.1}, "out_of_range", "rate", "1000"),
        ({"rate": "250"}, "wrong_type", "rate", "float"),
        ({"leads": ()}, "out_of_range", "leads", "1"),
        ({"leads": ("II",) * 13}, "out_of_range", "leads", "12"),
        ({"leads": ("II", "II")}, "mismatch", "leads", "unique"),
        ({"leads": ("II", "aVX")}, "out_of_range", "leads.1", ""),
        ({"uv_per_lsb": (5.0,)}, "mismatch", "uv_per_lsb", "2"),
        ({"uv_per_lsb": (5.0, 0.0)}, "out_of_range", "uv_per_lsb.1", "> 0"),
        ({"uv_per_lsb": (5.0, -1.0)}, "out_of_range", "uv_per_lsb.1", "> 0"),
        ({"uv_per_lsb": (5.0, 1001.0)}, "out_of_range", "uv_per_lsb.1", "1000"),
        ({"payload": b"abc"}, "mismatch", "payload", "4 bytes"),
        ({"payload": b""}, "out_of_range", "payload", "2"),
        ({"payload": bytes(8)}, "out_of_range", "payload", "0.02"),
        ({"payload": bytes(5008)}, "out_of_range", "payload", "5.0"),
        ({"pace": (10_249,)}, "out_of_range", "pace", "10250"),
        ({"pace": (10_270,)}, "out_of_range", "pace", "10269"),
        ({"lead_off": (m.LeadOff(10_270, (True, True)),)}, "out_of_range", "lead_off.at", "10269"),
        ({"lead_off": (m.LeadOff(10_255, (True,)),)}, "mismatch", "lead_off.off", "2"),
        ({"flags": ("x" * 257,)}, "out_of_range", "flags.0", "256"),
        ({"flags": ("x",) * 9}, "out_of_range", "flags", "8"),
        ({"unit": "x" * 257}, "out_of_range", "unit", "256"),
    ],
)
def test_each_limit_of_a_block_has_its_code_field_and_limit(fields, code, field, limit):
    """In both encodings alike."""
    for frame in changed(**fields):
        error = refused(wire.from_device, frame)
        assert (error.code, error.field.replace("[", ".").replace("]", "")) == (code, field)
        assert limit in error.limit


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("block", "rate"),
        ("block", "device_time"),
        ("heartbeat", "time"),
        ("hello", "rate"),
        ("pauseaudio", "seconds"),
        ("setlimits", "low"),
        ("setlimits", "high"),
        ("admit", "at"),
        ("beat", "rr"),
        ("vitals", "heart_rate"),
        ("alarm", "value"),
        ("commanddone", "time"),
    ],
)
def test_what_is_not_a_finite_number_is_refused(name, field, value):
    """MessagePack can say NaN and infinity, JSON cannot: null is not a number either."""
    frame = wire.pack(msgspec.structs.replace(MESSAGES[name], **{field: value}))
    error = refused(codec_of(name), frame)
    assert (error.code, error.field) in {("not_finite", field), ("out_of_range", field)}
    assert error.limit


def test_nan_deep_inside_is_refused_and_named():
    """In a tuple, in a part of a part."""
    gains = changed(uv_per_lsb=(5.0, math.nan))[0]
    assert refused(wire.from_device, gains).field in {"uv_per_lsb", "uv_per_lsb.1"}
    beat = msgspec.structs.replace(MESSAGES["beat"], probabilities=(math.nan,) * 5)
    assert refused(wire.events, wire.pack(beat)).field == "probabilities"


@pytest.mark.parametrize("name", MESSAGES)
def test_a_frame_cut_anywhere_is_refused(name):
    """At every length, in both encodings; a number cut short may also be out of its range."""
    codec = codec_of(name)
    packed, text = wire.pack(MESSAGES[name]), wire.to_json(MESSAGES[name]).decode()
    cuts = [packed[:length] for length in range(len(packed))]
    cuts += [text[:length] for length in range(len(text))]
    for frame in cuts:
        assert refused(codec, frame).code in {"malformed", "out_of_range", "wrong_type"}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_frame_with_something_after_it_is_refused(name):
    """A frame is one message."""
    codec = codec_of(name)
    assert refused(codec, wire.pack(MESSAGES[name]) + b"\x00").code == "malformed"
    assert refused(codec, wire.to_json(MESSAGES[name]).decode() + "{}").code == "malformed"


def test_a_frame_too_large_is_refused_before_it_is_read():
    """By its size in bytes, also when its characters are fewer."""
    for frame in (bytes(m.MAX_MESSAGE_BYTES + 1), " " * (m.MAX_MESSAGE_BYTES + 1)):
        error = refused(wire.from_device, frame)
        assert (error.code, error.limit) == ("too_large", "65536 bytes")
    assert refused(wire.from_device, "ü" * 40_000).code == "too_large"


@pytest.mark.parametrize(
    ("frame", "code", "field"),
    [
        (b"\x90", "missing_field", ""),
        (b"\x91\xa4nope", "unknown_type", "type"),
        (b"\xc0", "wrong_type", ""),
        (b"\x80", "wrong_type", ""),
        (b"\x92\xa5block\x01", "missing_field", ""),
        ("{}", "missing_field", "type"),
        ("[]", "wrong_type", ""),
        ('{"type": "nope"}', "unknown_type", "type"),
        ('{"type": "heartbeat"}', "missing_field", "time"),
        ('{"type": "heartbeat", "time": null}', "wrong_type", "time"),
        ('{"type": "heartbeat", "time": "now"}', "wrong_type", "time"),
        ('{"type": "heartbeat", "time": 1e999}', "out_of_range", "time"),
        ("[" * 5000, "wrong_type", ""),
        (b"\x91" * 5000, "wrong_type", "type"),
        ('{"type": "ack"}', "unknown_type", "type"),
        ('"\ud800"', "malformed", ""),
        (r'{"type": "hello", "credential": "\ud800"}', "malformed", ""),
    ],
)
def test_what_is_no_message_is_refused(frame, code, field):
    """Wrong types, unknown types, missing fields, nesting without end."""
    error = refused(wire.from_device, frame)
    assert (error.code, error.field) == (code, field)


def spoiled(value):
    """Every copy of a JSON value in which one string has got a U+0000."""
    if isinstance(value, str):
        yield f"{value}\0"
    elif isinstance(value, list | dict):
        pairs = enumerate(value) if isinstance(value, list) else value.items()
        for place, item in pairs:
            for bad in spoiled(item):
                made = copy(value)
                made[place] = bad
                yield made


@pytest.mark.parametrize("name", SENT)
def test_no_text_of_a_peer_holds_the_character_that_postgresql_refuses(name):
    """Whatever a device, a subscriber or a person may send, in both encodings."""
    items = msgspec.msgpack.decode(wire.pack(MESSAGES[name]))
    frames = [msgspec.msgpack.encode(bad) for bad in spoiled(items)]
    texts = [json.dumps(bad) for bad in spoiled(GOLDEN[name]["json"])]
    for frame in frames + texts:
        error = refused(codec_of(name), frame)
        assert error.code in {"out_of_range", "unknown_type", "wrong_type"}
        assert error.field
    assert len(texts) > 1


def test_what_is_said_of_such_a_text_can_be_read():
    """By the peer that sent it, and by who reads `ecg.rejected`, where a key stands as it came."""
    error = refused(wire.from_device, changed(leads=("II", "V1\0"))[0])
    assert "V1" in error.text
    told = m.Problem(code=error.code, text=error.text, field=error.field, limit=error.limit)
    assert wire.to_device.decode(wire.pack(told)) == told
    left_out = msgspec.structs.replace(MESSAGES["rejected"], key="p\0", text=error.text)
    assert wire.rejected.decode(wire.pack(left_out)) == left_out


def test_a_bound_is_told_as_people_write_it():
    """In the limit and in the text, without the names of types."""
    error = refused(wire.from_device, wire.pack(msgspec.structs.replace(BLOCK, rate=1000.5)))
    assert (error.limit, error.text) == ("<= 1000", "must be <= 1000")
    error = refused(wire.from_device, wire.pack(msgspec.structs.replace(BLOCK, first=-1)))
    assert (error.limit, error.text) == (">= 0", "must be >= 0")


def test_a_low_limit_must_lie_below_the_high_one():
    """The one rule between two fields of a command."""
    limits = msgspec.structs.replace(MESSAGES["setlimits"], low=130.0)
    error = refused(wire.commands, wire.pack(limits))
    assert (error.code, error.field, error.limit) == ("out_of_range", "low", "< high")


def test_a_large_alarm_fits_its_event_and_not_a_devices_frame():
    """15 s of 12 leads at 1000 Hz: the strip of an alarm is larger than any block."""
    leads = tuple(lead for lead in Lead if lead not in {Lead.UNKNOWN, Lead.MLII})
    block = m.Block(
        patient="p-1",
        session="s",
        seq=0,
        first=0,
        rate=1000.0,
        leads=leads,
        uv_per_lsb=(1.0,) * 12,
        payload=bytes(24 * 1000),
    )
    strip = m.Strip(0, 15_000, (block,) * 15)
    alarm = msgspec.structs.replace(MESSAGES["alarm"], strip=strip)
    event = m.Event(cursor="", event=alarm)
    assert wire.events.decode(wire.pack(alarm)) == alarm
    assert wire.to_subscriber.decode(wire.to_json(event).decode()) == event


@pytest.mark.parametrize("name", ["hello", "block", "goodbye"])
def test_a_record_of_the_log_is_read_in_either_encoding(name):
    """A producer on Kafka chooses; nobody says which it chose."""
    made = MESSAGES[name]
    assert wire.samples.read(wire.pack(made)) == made
    assert wire.samples.read(wire.to_json(made)) == made


@pytest.mark.parametrize("value", [b"", b"{", b'{"type": "\xff"}', b"{" * 70_000, b"\x7b\x81"])
def test_a_record_that_is_nothing_is_a_wire_error(value):
    """And no other error."""
    with pytest.raises(WireError):
        wire.samples.read(value)
