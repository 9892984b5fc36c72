"""What a device is told of a stream that is taken, but that its patient is not served well by."""

from typing import Final

from ecg import messages as m

LONG_SECONDS: Final = 2.0
"""NO_DATA comes after 3 s without a block (ALARMS.md); a network may hold one up for a second."""


def on_block(block: m.Block) -> m.Problem | None:
    """A Problem that is not fatal, if blocks are so long that the device is silent between them."""
    seconds = block.count / block.rate
    if seconds <= LONG_SECONDS:
        return None
    text = (
        f"in blocks of {seconds:g} s, alarms come so much later, and NO_DATA may between two blocks"
    )
    return m.Problem(
        code="long_blocks", text=text, field="payload", limit=f"{LONG_SECONDS:g} s", fatal=False
    )
