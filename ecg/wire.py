"""Encode and decode messages: MessagePack (compact arrays) and JSON (field names), with limits.

The structs of ecg/messages.py are the MessagePack form, their twins of ecg/objects.py the JSON
form. Whatever is wrong with input raises `WireError` with code, field and limit; nothing else
escapes.
"""

import math
import re
import typing
from functools import cache
from typing import Any, Final

import msgspec

from ecg import messages as m
from ecg.errors import WireError
from ecg.objects import from_twin, to_object, twin_type

_PACK = msgspec.msgpack.Encoder()
_JSON = msgspec.json.Encoder()


def pack(message: m.Message) -> bytes:
    """Encode as MessagePack."""
    return _PACK.encode(message)


def to_json(message: m.Message) -> bytes:
    """Encode as JSON, with field names; bytes become base64."""
    return _JSON.encode(to_object(message))


class Codec:
    """Decodes one direction of one connection: the messages that may arrive there.

    Args:
        accepted: the message types that may arrive, as a union.
        max_bytes: largest frame.

    Attributes:
        types: the message types that may arrive.
    """

    def __init__(self, accepted: Any, max_bytes: int = m.MAX_MESSAGE_BYTES) -> None:
        self.max_bytes = max_bytes
        self.types = typing.get_args(accepted) or (accepted,)
        self._names = {kind.__struct_config__.tag: kind for kind in self.types}
        self._pack = msgspec.msgpack.Decoder(accepted)
        self._json = msgspec.json.Decoder(twin_type(accepted))

    def decode(self, frame: bytes | str) -> Any:
        """One message from a binary (MessagePack) or text (JSON) frame.

        Raises:
            WireError: too large, malformed, of an unknown type or version, or out of its limits.
        """
        size = _size(frame)
        if size > self.max_bytes:
            text = f"frame has {size} bytes"
            raise WireError("too_large", text, limit=f"{self.max_bytes} bytes")
        try:
            message = self._decode(frame)
        except msgspec.ValidationError as error:
            raise self._explain(error, frame) from None
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise WireError("malformed", f"frame cannot be read: {error}") from None
        check(message)
        return message

    def read(self, value: bytes) -> Any:
        """One message from a record of the log, in either encoding.

        A JSON object begins with a brace, which no message does in MessagePack.

        Raises:
            WireError: as `decode`.
        """
        if not value.startswith(b"{"):
            return self.decode(value)
        try:
            return self.decode(value.decode())
        except UnicodeDecodeError as error:
            raise WireError("malformed", f"record is no UTF-8: {error.reason}") from None

    def _decode(self, frame: bytes | str) -> Any:
        if isinstance(frame, str):
            return from_twin(self._json.decode(frame))
        return self._pack.decode(frame)

    def _explain(self, error: msgspec.ValidationError, frame: bytes | str) -> WireError:
        path = str(error).partition(" - at `")[2].rstrip("`")
        return invalid(error, self._field(path, frame))

    def _field(self, path: str, frame: bytes | str) -> str:
        """The dotted field name of a msgspec path such as `$[3][0]` or `$.patient.id`."""
        if isinstance(frame, str):
            return json_field(path)
        kind: Any = self._names.get(_tag(frame)) if len(self.types) > 1 else self.types[0]
        return _walk(kind, [int(i) for i in re.findall(r"\[(\d+)\]", path)])


def _size(frame: bytes | str) -> int:
    """Bytes of a frame; text that is all ASCII, as ours is, has as many as characters."""
    if isinstance(frame, bytes) or frame.isascii():
        return len(frame)
    return len(frame.encode(errors="surrogatepass"))


def invalid(error: msgspec.ValidationError, field: str) -> WireError:
    """What msgspec says in words, as a typed error about `field`."""
    text = _plain(str(error).partition(" - at `")[0])
    named = re.search(r"(?:required|unknown) field `(\w+)`", text)
    if named:
        field = f"{field}.{named[1]}".removeprefix(".")
    return WireError(_code(text), text, field=field, limit=_limit(text))


def _plain(text: str) -> str:
    """A bound as people write it: "must be <= 120" for "Expected `float` <= 120.0"."""
    bound = re.fullmatch(r"Expected `\w+` ([<>]=?) (\S+?)(?:\.0)?", text)
    return f"must be {bound[1]} {bound[2]}" if bound else text


def json_field(path: str) -> str:
    """The dotted field name of a msgspec path in JSON such as `$.patient.id`."""
    return path.removeprefix("$").removeprefix(".")


def _tag(frame: bytes) -> str:
    """The type name at the head of a MessagePack frame, empty when there is none."""
    try:
        head = msgspec.msgpack.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    return head[0] if isinstance(head, list) and head and isinstance(head[0], str) else ""


def _walk(kind: Any, path: list[int]) -> str:
    """Names of the fields along a path of positions in array-like structs."""
    if kind is None:
        return "type" if path else ""
    names: list[str] = []
    for position in path:
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            names.append(str(position))
            continue
        fields = msgspec.structs.fields(kind)
        index = position - (kind.__struct_config__.tag is not None)
        if not 0 <= index < len(fields):
            names.append("type")
            break
        names.append(fields[index].encode_name)
        kind = fields[index].type
    return ".".join(names)


_CODES: Final = (
    ("Invalid value", "unknown_type"),
    ("missing required field", "missing_field"),
    ("unknown field", "unknown_field"),
    ("`array` of at least length", "missing_field"),
    ("`array` of length", "out_of_range"),
    (", got `", "wrong_type"),
    ("Invalid enum value", "out_of_range"),
)


def _code(text: str) -> str:
    """A stable code for what msgspec says in words."""
    if text.startswith("Invalid enum value"):
        return "out_of_range"
    return next((code for part, code in _CODES if part in text), "out_of_range")


def _limit(text: str) -> str:
    """The limit in words, e.g. "<= 1000", from what says what was expected."""
    expected = re.match(r"(?:Expected|must be) (.*?)(?:, got|$)", text)
    return expected[1] if expected else ""


def check(message: Any) -> None:
    """Check what a type cannot say: versions, finite numbers, sizes that must agree.

    Raises:
        WireError: with code, field and limit.
    """
    if message.v != m.VERSION:
        raise WireError("version", f"version {message.v}", field="v", limit=str(m.VERSION))
    _check_numbers(message)
    if isinstance(message, m.Block):
        _check_block(message)
    elif isinstance(message, m.Hello):
        _check_leads(message.leads, message.uv_per_lsb)
    elif isinstance(message, m.SetLimits) and not message.low < message.high:
        raise WireError("out_of_range", "low limit is not below high", field="low", limit="< high")


def _check_numbers(struct: msgspec.Struct, path: str = "") -> None:
    """Every number must be finite; what a type bounds on both sides is already."""
    for name, wire_name in _unbounded(type(struct)):
        _check_finite(path + wire_name, getattr(struct, name))


def _check_finite(field: str, value: Any) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            text = f"{field} is not a finite number"
            raise WireError("not_finite", text, field=field, limit="finite")
    elif isinstance(value, tuple):
        for item in value:
            _check_finite(field, item)
    elif isinstance(value, msgspec.Struct):
        _check_numbers(value, f"{field}.")


@cache
def _unbounded(struct: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """The fields of a struct, with their names on the wire, that may hold a number not finite."""
    hints = typing.get_type_hints(struct, include_extras=True)
    fields = msgspec.structs.fields(struct)
    return tuple((f.name, f.encode_name) for f in fields if _is_unbounded(hints[f.name]))


def _is_unbounded(kind: Any) -> bool:
    if typing.get_origin(kind) is typing.Annotated:
        base, *metas = typing.get_args(kind)
        bounded = any(meta.le is not None for meta in metas if isinstance(meta, msgspec.Meta))
        return _is_unbounded(base) and not bounded
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return bool(_unbounded(kind))
    return kind is float or any(_is_unbounded(arg) for arg in typing.get_args(kind))


def _check_leads(leads: tuple[str, ...], gains: tuple[float, ...]) -> None:
    if len(gains) != len(leads):
        text = f"{len(gains)} gains for {len(leads)} leads"
        raise WireError("mismatch", text, field="uv_per_lsb", limit=f"{len(leads)} values")
    if len(leads) == 1:
        return
    named = [lead for lead in leads if lead != "unknown"]
    if len(set(named)) != len(named):
        raise WireError("mismatch", "a lead stands twice", field="leads", limit="unique names")


def _check_block(block: m.Block) -> None:
    _check_leads(block.leads, block.uv_per_lsb)
    if len(block.payload) % (2 * len(block.leads)):
        limit = f"a multiple of {2 * len(block.leads)} bytes"
        raise WireError("mismatch", "payload has no whole frames", field="payload", limit=limit)
    seconds = block.count / block.rate
    if not m.MIN_BLOCK_SECONDS - 1 / block.rate <= seconds <= m.MAX_BLOCK_SECONDS:
        limit = f"{m.MIN_BLOCK_SECONDS} to {m.MAX_BLOCK_SECONDS} s"
        raise WireError("out_of_range", f"block of {seconds:.3f} s", field="payload", limit=limit)
    if block.end > m.MAX_INDEX:
        limit = f"end <= {m.MAX_INDEX}"
        raise WireError("out_of_range", "the block ends too late", field="first", limit=limit)
    for change in block.lead_off:
        if len(change.off) != len(block.leads):
            limit = f"{len(block.leads)} values"
            raise WireError("mismatch", "a flag for each lead", field="lead_off.off", limit=limit)
    _check_marks("pace", block, block.pace)
    _check_marks("lead_off.at", block, tuple(change.at for change in block.lead_off))


def _check_marks(field: str, block: m.Block, marks: tuple[int, ...]) -> None:
    if marks and not (block.first <= min(marks) and max(marks) < block.end):
        limit = f"{block.first} to {block.end - 1}"
        raise WireError("out_of_range", "a mark outside the block", field=field, limit=limit)


COMMANDS = m.Acknowledge | m.PauseAudio | m.SetLimits | m.Admit | m.Discharge

MAX_EVENT_BYTES: Final = 1 << 20
"""An alarm with its strip: 15 s of 12 leads at 1000 Hz are 360 kB, half as much again as JSON."""
MAX_SNAPSHOT_BYTES: Final = 16 << 20
"""Ten thousand alarms, without strips, as JSON."""

EVENTS = m.Beat | m.Vitals | m.Gap | m.Alarm | m.CommandDone

from_device: Final = Codec(m.Hello | m.Block | m.Heartbeat | m.Goodbye)
to_device: Final = Codec(m.Welcome | m.Ack | m.Heartbeat | m.Problem | m.Alarm)
from_subscriber: Final = Codec(m.Subscribe | m.Heartbeat | m.Confirm)
to_subscriber: Final = Codec(
    m.Snapshot | m.Event | m.Heartbeat | m.Problem, max_bytes=MAX_SNAPSHOT_BYTES
)
samples: Final = Codec(m.Hello | m.Block | m.Goodbye)
"""What stands in the sample log: blocks, and the HELLO and GOODBYE around them."""
commands: Final = Codec(COMMANDS)
events: Final = Codec(EVENTS, max_bytes=MAX_EVENT_BYTES)
rejected: Final = Codec(m.Rejected)
