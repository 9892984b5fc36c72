"""Acknowledgements held back while the analysis is behind: back-pressure on one device. Pure.

An ACK means that the log has the samples. While the analysis lags by more than TOLERATED_SECONDS it is
sent later by the excess, so that a device that sends faster than real time (a backlog, a record) is
slowed by its window to what the workers manage. A device that sends live must not be: whatever
happens to the workers it goes on at its pace and its ring does not overflow. Therefore no ACK is held
for longer than

- what the operator allows,
- the time that a quarter of the window takes live: half of it stays for the network, since ACKs are
  thinned to another quarter (device.py),
- half of what the device says that it can store.
"""

from collections import deque
from typing import Final

from stream.gateway.instructions import Terms

TOLERATED_SECONDS: Final = 2.0
"""A worker commits a few times a second, and the gateway looks once a second."""
WINDOW_PART: Final = 0.25
STORE_PART: Final = 0.5


class Held:
    """Durable blocks of a connection whose acknowledgement may have to wait: no more than its credit.

    Attributes:
        durable: the sample index up to which may be acknowledged.
    """

    def __init__(self, terms: Terms, store_seconds: float = 0.0) -> None:
        """Begin.

        Args:
            terms: of the connection.
            store_seconds: of signal that the device can keep; 0 if it does not say.
        """
        self.durable = 0
        self._waiting: deque[tuple[float, int]] = deque()
        self._window = WINDOW_PART * terms.credit
        store = STORE_PART * store_seconds
        self._longest = min(terms.hold, store) if store else terms.hold
        self._bound = 0.0

    def add(self, durable: int, seconds: float, now: float) -> None:
        """One more block, `seconds` long, has become durable, and with it all below `durable`."""
        self._waiting.append((now, durable))
        self._bound = min(self._longest, self._window * seconds)

    def release(self, now: float, lag: float) -> int:
        """Let go what has waited for long enough while the analysis is `lag` seconds behind.

        Returns:
            How many blocks that were.
        """
        wait = min(lag - TOLERATED_SECONDS, self._bound)
        count = 0
        while self._waiting and now - self._waiting[0][0] >= wait:
            self.durable = self._waiting.popleft()[1]
            count += 1
        return count
