"""Cursors: the position in every partition of the event topics, as one opaque word. Pure."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta

from ecg.errors import WireError
from stream.log import Topic

Offset = Annotated[int, Meta(ge=0)]
Partition = Annotated[int, Meta(ge=0, lt=2**16)]
Offsets = Annotated[dict[Partition, Offset], Meta(max_length=4096)]

FORMAT: Final = 1


class _Form(msgspec.Struct, frozen=True, array_like=True):
    """What the word says."""

    format: int
    alarms: Offsets
    events: Offsets


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Form)


class Cursor:
    """Positions in `ecg.alarms` and `ecg.events`, by partition: what comes next.

    It is the same for every gateway of a log. Partitions that nobody watched are absent.

    Attributes:
        positions: by topic, then by partition; mutable.
    """

    __slots__ = ("positions",)

    def __init__(self, positions: Mapping[str, Mapping[int, int]]) -> None:
        self.positions: dict[str, dict[int, int]] = {
            str(topic): dict(positions.get(topic, {})) for topic in (Topic.ALARMS, Topic.EVENTS)
        }

    def copy(self) -> Self:
        """One that goes its own way."""
        return type(self)(self.positions)

    def reaches(self, other: Self) -> bool:
        """Whether in the partitions that both know nothing before `other` is left to come."""
        return all(
            offset >= other.positions[topic].get(partition, 0)
            for topic, offsets in self.positions.items()
            for partition, offset in offsets.items()
        )

    def limited(self, other: Self) -> Self:
        """Where `other` stands, in the partitions of this one."""
        return type(self)(
            {
                topic: {p: other.positions[topic].get(p, at) for p, at in offsets.items()}
                for topic, offsets in self.positions.items()
            }
        )

    def encode(self) -> str:
        """The word, safe in URLs."""
        alarms, events = self.positions[Topic.ALARMS], self.positions[Topic.EVENTS]
        return base64.urlsafe_b64encode(_ENCODER.encode((FORMAT, alarms, events))).decode()

    @classmethod
    def decode(cls, word: str) -> Self:
        """Read a word that `encode` gave.

        Raises:
            WireError: it is none.
        """
        try:
            form = _DECODER.decode(base64.b64decode(word.encode(), b"-_", validate=True))
        except (UnicodeError, binascii.Error, msgspec.DecodeError):
            raise _unreadable() from None
        if form.format != FORMAT:
            raise _unreadable()
        return cls({Topic.ALARMS: form.alarms, Topic.EVENTS: form.events})


def _unreadable() -> WireError:
    return WireError("bad_cursor", "not a cursor of this server", field="after")
