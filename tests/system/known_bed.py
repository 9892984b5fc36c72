"""A bed whose signal is known: a calm heart, seconds that never arrive, then no beat at all."""

import asyncio

import numpy as np
from numpy.typing import NDArray

from client.device import Device
from client.rhythms import Script
from client.simulator import RATE, UV_PER_LSB, Bed
from ecg import messages as m

PATIENT = "known-1"
HEART, SECONDS = 15, 24
"""Seconds until the heart stops, and of the whole signal: asystole is decided 4 s after its last beat."""
GAP = (8, 10)
"""Seconds that are not sent."""
BLOCK = RATE // 5


class KnownBed:
    """Streams in real time, so that the times of its samples are those of the clock."""

    def __init__(self) -> None:
        bed = Bed(7, 1, Script.parse(f"sinus:{HEART},asystole:60"))
        self.signal: NDArray[np.int16] = np.concatenate(
            [bed.next().samples for _ in range(SECONDS)]
        )

    @property
    def microvolts(self) -> NDArray[np.float64]:
        """What was sent, NaN where nothing was."""
        values = self.signal[:, 0] * UV_PER_LSB
        values[GAP[0] * RATE : GAP[1] * RATE] = np.nan
        return values

    async def stream(self, url: str) -> None:
        """Send each block when its last sample has been taken; leave the gap out."""
        location = m.Location("ICU", "7")
        described = {"leads": ["II"], "rate": RATE, "uv_per_lsb": UV_PER_LSB, "location": location}
        loop = asyncio.get_running_loop()
        async with Device(url, patient=PATIENT, **described) as device:  # type: ignore[arg-type]
            begin = loop.time()
            for first in range(0, len(self.signal), BLOCK):
                await asyncio.sleep(max(0.0, begin + (first + BLOCK) / RATE - loop.time()))
                if not GAP[0] * RATE <= first < GAP[1] * RATE:
                    await device.send(self.signal[first : first + BLOCK], first=first)
