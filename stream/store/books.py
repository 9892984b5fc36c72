"""The alarm book as the store keeps it, and what it says of a bed: who is watched, by which limits."""

import msgspec

from ecg.messages import Patient


class Bed(msgspec.Struct, array_like=True, frozen=True):
    """What the alarm book knows of a patient beside alarms.

    Attributes:
        profile: who it is, as admitted, or as the device says.
        unit, bed: where.
        low, high: limits of the heart rate per minute.
        pvc: limit of V beats per minute.
        streams: whether samples are awaited: a session has begun, and did not end.
    """

    profile: Patient
    unit: str
    bed: str
    low: float
    high: float
    pvc: float
    streams: bool = False


class BookState(msgspec.Struct, array_like=True, frozen=True):
    """A patient's alarm book as the store keeps it.

    Attributes:
        position: next offset of the sample log; the book knows every record of the patient below.
        book: what `Book.dump` gave; the worker's own affair.
        bed: what others may know of it; None in a book of an older version.
    """

    position: int
    book: bytes
    bed: Bed | None = None


def pack_book(position: int, book: bytes, bed: Bed | None = None) -> bytes:
    """A patient's alarm book for the store."""
    return msgspec.msgpack.encode(BookState(position, book, bed))


def unpack_book(blob: bytes) -> BookState:
    """What `pack_book` gave.

    Raises:
        ValueError: it was not that.
    """
    try:
        return msgspec.msgpack.decode(blob, type=BookState)
    except msgspec.DecodeError as error:
        raise ValueError(f"an alarm book that cannot be read: {error}") from None


def bed_of(blob: bytes) -> Bed | None:
    """What a kept book says of its bed; None if it does not, or cannot be read."""
    try:
        return unpack_book(blob).bed
    except ValueError:
        return None
