"""When to try again: jittered exponential back-off, as data."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delay before attempt n: `first` × `factor`ⁿ up to `cap`, of which a random half is waited.

    Attributes:
        first: seconds. A dropped connection comes back before a central station notices.
        factor: growth per failure.
        cap: seconds. A ward is blind while it waits, so no longer than NO_DATA takes to sound; a
            thousand devices then knock 270 times a second, which a gateway can refuse in passing.
    """

    first: float = 0.1
    factor: float = 2.0
    cap: float = 5.0

    def delay(self, failures: int, dice: Random) -> float:
        """Seconds to wait after `failures` in a row (1, 2, …); between half and all of the step."""
        exponent = min(failures - 1, 64)  # a float overflows beyond 2**1023
        step = min(self.first * self.factor**exponent, self.cap)
        return step * dice.uniform(0.5, 1.0)
