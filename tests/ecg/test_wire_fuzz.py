"""The wire against arbitrary input: a message, or a WireError with code, field and limit."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_samples import MESSAGES, struct

from ecg import wire
from ecg.errors import WireError

CODECS = [
    wire.from_device,
    wire.to_device,
    wire.from_subscriber,
    wire.to_subscriber,
    wire.rejected,
    wire.samples,
    wire.commands,
    wire.events,
]
CODES = {
    "malformed",
    "too_large",
    "unknown_type",
    "missing_field",
    "unknown_field",
    "wrong_type",
    "out_of_range",
    "not_finite",
    "mismatch",
    "version",
}
PLAIN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(),
        st.text(max_size=8),
        st.binary(max_size=8),
        st.sampled_from(list(MESSAGES)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6), st.dictionaries(st.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=20,
)


def outcome(codec: wire.Codec, frame: bytes | str):
    """What a codec makes of a frame; anything but a typed error or a message fails the test."""
    try:
        return codec.decode(frame)
    except WireError as error:
        made = error
    assert made.code in CODES
    assert isinstance(made.field, str)
    assert isinstance(made.limit, str)
    assert made.text
    return made


def survives(frame: bytes | str) -> None:
    """No codec chokes, and what is accepted can be said again in both encodings."""
    for codec in CODECS:
        made = outcome(codec, frame)
        if not isinstance(made, WireError):
            assert codec.decode(wire.pack(made)) == made
            assert codec.decode(wire.to_json(made).decode()) == made


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_arbitrary_bytes(frame):
    """Nothing but a WireError escapes."""
    survives(frame)


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_arbitrary_text(frame):
    """Lone surrogates included."""
    survives(frame)


@settings(max_examples=500)
@given(PLAIN)
def test_arbitrary_values_in_messagepack(value):
    """Well-formed, but hardly ever a message."""
    survives(msgspec.msgpack.encode(value))


@settings(max_examples=600)
@given(st.sampled_from(list(MESSAGES)), st.data())
def test_a_message_with_one_value_replaced(name, data):
    """Any place of any message, by anything."""
    items = msgspec.msgpack.decode(wire.pack(MESSAGES[name]))
    place = data.draw(st.integers(0, len(items) - 1))
    items[place] = data.draw(PLAIN)
    survives(msgspec.msgpack.encode(items))


@settings(max_examples=600)
@given(st.sampled_from(list(MESSAGES)), st.booleans(), st.data())
def test_a_message_with_bytes_flipped(name, text, data):
    """As a line that errs, in both encodings."""
    made = MESSAGES[name]
    frame = bytearray(wire.to_json(made) if text else wire.pack(made))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(frame) - 1))
        frame[place] = data.draw(st.integers(0, 255))
    survives(frame.decode(errors="surrogateescape") if text else bytes(frame))


@given(st.text(st.one_of(st.just("\0"), st.characters(codec="utf-8"))))
def test_every_text_without_that_one_character_is_taken_as_it_is(note):
    """U+0000 is refused wherever it stands, and no other: line feeds, emoji, combining marks."""
    asked = msgspec.structs.replace(MESSAGES["acknowledge"], note=note)
    for frame in (wire.pack(asked), wire.to_json(asked).decode()):
        made = outcome(wire.commands, frame)
        if "\0" in note:
            assert (made.code, made.field) == ("out_of_range", "note")
        else:
            assert made == asked


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_survives_both_encodings(name):
    """Round trip of values from the whole range of each field."""
    codec = next(
        c for c in CODECS if not isinstance(outcome(c, wire.pack(MESSAGES[name])), WireError)
    )

    @settings(max_examples=60)
    @given(struct(type(MESSAGES[name])))
    def round_trip(made):
        packed = outcome(codec, wire.pack(made))
        said = outcome(codec, wire.to_json(made).decode())
        if isinstance(packed, WireError):  # fields that are fine alone and do not fit together
            assert packed.code in {"mismatch", "out_of_range"}
            assert (packed.code, packed.field) == (said.code, said.field)
        else:
            assert packed == said == made

    round_trip()
