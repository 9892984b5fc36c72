"""What a patient's checkpoint holds, without the alarm book."""

import msgspec

from ecg.messages import EvidenceBeat, Hello
from stream.engine.quarantine import Failed
from stream.engine.trends import Minute


class Checkpoint(msgspec.Struct, array_like=True):
    """One patient, without the book; `hello` waits for the first block of its session."""

    stream: bytes
    beats: list[EvidenceBeat]
    minute: Minute | None
    hello: Hello | None = None
    failed: Failed | None = None


def read(data: bytes) -> Checkpoint:
    """Decode a checkpoint.

    Raises:
        ValueError: not from this version of the engine.
    """
    try:
        return msgspec.msgpack.decode(data, type=Checkpoint)
    except msgspec.DecodeError as error:
        raise ValueError(f"a checkpoint that cannot be read: {error}") from None
