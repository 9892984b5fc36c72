"""One person's measurements as they come from outside: checked, and turned into a row of numbers.

The type is made from the table INPUTS, so that names and limits stand in one place; JSON Schema
and error messages follow from it.
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from ecg import wire
from ecg.errors import WireError
from inference.intervals.inputs import GENDERS, INPUTS, NAMES, ORDERED, REQUIRED, Input

Row = tuple[float, ...]
"""COUNT numbers in the order of INPUTS, NaN where absent."""

EXAMPLE: Final = {
    "Age": 65,
    "Gender": "M",
    "ECG_QTC_INTERVAL": 420.5,
    "ECG_QRS_DURATION": 98.2,
    "ECG_VENT_RATE": 72,
}

_GENDER: Final = NAMES.index("Gender")
_ORDERED: Final = tuple(NAMES.index(name) for name in ORDERED)
_ABSENT: Final = math.nan


def _field(one: Input) -> Any:
    """A field of Person: name, type with its limits, and its default where it has one."""
    text = f"{one.text} ({one.unit})" if one.unit else one.text
    kind: Any = Annotated[float, Meta(ge=one.low, le=one.high, description=text)]
    if one.name == "Gender":
        kind = Annotated[Literal["F", "M"], Meta(description=text)]
    return (one.name, kind) if one.name in REQUIRED else (one.name, kind | None, None)


Person: Final = msgspec.defstruct(
    "Person", [_field(one) for one in INPUTS], forbid_unknown_fields=True, frozen=True
)
"""A struct with a field for each of INPUTS; absent is None."""

_decoder: Final = msgspec.json.Decoder(Person)


def decode(body: bytes | msgspec.Raw) -> Row:
    """A JSON object as a row.

    Raises:
        WireError: not JSON, or a measurement that cannot be: with code, field and limit.
    """
    try:
        person = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise WireError("malformed", f"cannot be read: {error}") from None
    return _row(person)


def convert(values: dict[str, Any]) -> Row:
    """Built-in values by name as a row; raises as `decode` does."""
    try:
        return _row(msgspec.convert(values, Person))
    except msgspec.ValidationError as error:
        raise explain(error) from None


def explain(error: msgspec.ValidationError) -> WireError:
    """What msgspec says in words, as a typed error."""
    path = str(error).partition(" - at `")[2].rstrip("`")
    return wire.invalid(error, wire.json_field(path))


def matrix(rows: Iterable[Row]) -> npt.NDArray[np.float64]:
    """Rows as the classifier takes them, (n, COUNT)."""
    return np.array(list(rows), np.float64).reshape(-1, len(NAMES))


def missing(row: Row) -> tuple[str, ...]:
    """Names of the measurements that are absent."""
    return _names(tuple(map(math.isnan, row)))


@lru_cache(maxsize=1024)
def _names(absent: tuple[bool, ...]) -> tuple[str, ...]:
    return tuple(name for name, gone in zip(NAMES, absent, strict=True) if gone)


def _row(person: Any) -> Row:
    values = list(msgspec.structs.astuple(person))
    values[_GENDER] = GENDERS[values[_GENDER]]
    row = tuple(_ABSENT if value is None else float(value) for value in values)
    given = [k for k in _ORDERED if not math.isnan(row[k])]
    for earlier, later in pairwise(given):
        if row[later] <= row[earlier]:
            limit = f"> {NAMES[earlier]}"
            raise WireError("mismatch", "ends before it begins", field=NAMES[later], limit=limit)
    return row
