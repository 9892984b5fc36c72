"""What a device is told of a stream that is taken, but that its patient is not served well by."""

from typing import Final

from ecg import messages as m

LONG_SECONDS: Final = 2.0
"""An alarm waits for the block that it is in; most are to be told within 5 s."""


def on_block(block: m.Block) -> m.Problem | None:
    """A Problem that is not fatal, if blocks are so long that alarms come late."""
    if block.seconds <= LONG_SECONDS:
        return None
    text = f"in blocks of {block.seconds:g} s alarms, and NO_DATA, come so much later"
    return m.Problem(
        code="long_blocks", text=text, field="payload", limit=f"{LONG_SECONDS:g} s", fatal=False
    )
