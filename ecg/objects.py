"""The JSON form of the messages: an object twin of each array-like struct, derived field by field.

The schema is written once, in ecg/messages.py, in its MessagePack form (arrays). msgspec fixes a
struct's form in its type, so JSON needs a second type; deriving it keeps both in step.
"""

import types
import typing
from functools import cache
from typing import Any

import msgspec

_STRUCT_OF: dict[type, type[msgspec.Struct]] = {}


@cache
def twin(struct: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The type that reads the same message as a JSON object with field names."""
    hints = typing.get_type_hints(struct, include_extras=True)
    fields: list[Any] = [
        (field.name, twin_type(hints[field.name]), _spec(field))
        for field in msgspec.structs.fields(struct)
    ]
    config = struct.__struct_config__
    made = msgspec.defstruct(
        struct.__name__,
        fields,
        frozen=True,
        kw_only=True,
        tag=config.tag,
        tag_field=config.tag_field,
    )
    made.__doc__ = struct.__doc__
    _STRUCT_OF[made] = struct
    return made


def twin_type(kind: Any) -> Any:
    """`kind` with every struct in it replaced by its twin."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return twin(kind)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return typing.Annotated[(twin_type(args[0]), *args[1:])]
    if origin in {typing.Union, types.UnionType}:
        return typing.Union[tuple(twin_type(arg) for arg in args)]  # noqa: UP007 - made at run time
    if origin is tuple:
        return tuple[tuple(twin_type(arg) for arg in args)]  # type: ignore[misc]
    return kind


def _spec(field: msgspec.structs.FieldInfo) -> Any:
    """The field's name on the wire and its default; a default struct is kept as it is."""
    if field.default is msgspec.NODEFAULT:
        return msgspec.field(name=field.encode_name)
    return msgspec.field(name=field.encode_name, default=field.default)


def to_object(value: Any) -> Any:
    """A message as plain dicts and lists, ready for any JSON encoder that knows bytes."""
    if isinstance(value, msgspec.Struct):
        head, fields = _plan(type(value))
        made = dict(head)
        for name, wire_name, is_plain in fields:
            item = getattr(value, name)
            made[wire_name] = item if is_plain else to_object(item)
        return made
    if isinstance(value, tuple):
        return [to_object(item) for item in value]
    return value


@cache
def _plan(struct: type[msgspec.Struct]) -> tuple[dict[str, Any], tuple[tuple[str, str, bool], ...]]:
    """The type's tag, and of each field both names and whether it goes out as it is."""
    config = struct.__struct_config__
    hints = typing.get_type_hints(struct)
    fields = tuple(
        (field.name, field.encode_name, not _has_struct(hints[field.name]))
        for field in msgspec.structs.fields(struct)
    )
    return ({config.tag_field: config.tag} if config.tag_field else {}), fields


def _has_struct(kind: Any) -> bool:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return True
    return any(_has_struct(arg) for arg in typing.get_args(kind))


def from_twin(value: Any) -> Any:
    """The message of which `value` is the decoded JSON twin."""
    if isinstance(value, tuple):
        return tuple(from_twin(item) for item in value)
    struct = _STRUCT_OF.get(type(value))
    if struct is None:
        return value
    return struct(**{name: from_twin(getattr(value, name)) for name in value.__struct_fields__})
