"""What the tests of the central station share: a ward to look at, and a reader of its canvases."""

import asyncio
import threading
from typing import Any

import numpy as np
from house import Supervised, beatwire
from numpy.typing import NDArray
from scipy.signal import lfilter

from client.device import Device
from ecg import messages as m

RATE = 250.0
UV_PER_LSB = 5.0
MM = 96 / 25.4
"""CSS pixels in a millimetre."""
MARGIN, BAR = 6 * MM, 6 * MM
"""Left of a sweeping trace, and erased ahead of its pen."""


class SimulatedWard(Supervised):
    """A server, and beds that each go through a tachycardia again and again."""

    def admit_beds(self, script: str, beds: int) -> None:
        """Let simulated beds stream until the ward is closed."""
        words = ["--url", self.url, "--beds", beds, "--script", script]
        words += ["--unit", "Ward", "--name", "demo"]
        self.beds = beatwire("simulate", *words)

    def close(self) -> None:
        """End the beds, then the server."""
        self.beds.terminate()
        self.beds.wait(30)
        self.stop()

    @property
    def page(self) -> str:
        """Address of the central station."""
        return f"http://127.0.0.1:{self.port}/"


def send(
    url: str,
    patient: str,
    samples: NDArray[np.int16],
    leads: tuple[str, ...] = ("II",),
    token: str = "",
) -> None:
    """Stream samples, shape (n, leads), as a device does, in blocks of 100 ms; then goodbye."""

    async def stream() -> None:
        device = Device(
            url,
            patient=patient,
            leads=leads,
            rate=RATE,
            uv_per_lsb=UV_PER_LSB,
            location=m.Location("Known", "1"),
            token=token,
        )
        async with device:
            for start in range(0, len(samples), 25):
                await device.send(samples[start : start + 25])
                await asyncio.sleep(25 / RATE)
            await device.drain()

    worker = threading.Thread(target=lambda: asyncio.run(stream()))
    worker.start()
    worker.join()


INK = """(canvas, [top, bottom]) => {
  const {width, height} = canvas;
  const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const green = [];
  for (let x = 0; x < width; x++) {
    const rows = [];
    for (let y = Math.ceil(top * height); y < bottom * height; y++) {
      const i = 4 * (y * width + x);
      if (data[i + 1] > 90 && data[i + 1] > data[i] + 40) rows.push(y);
    }
    green.push(rows.length ? [rows[0], rows[rows.length - 1]] : null);
  }
  return {green, width, height};
}"""
"""Of each column of a canvas, between two shares of its height: the first and last row that has the
trace's green."""


def off_trace(ink: dict[str, Any], microvolts: NDArray[np.float64], middle: float) -> float:
    """Share of a first sweep's samples that have no ink within 2 pixels of where they belong.

    They belong where a first-order 0.5 Hz high-pass, by scipy, puts them at 25 mm/s and 10 mm/mV
    about the row `middle`. The newest few, and those that the bar has erased, are not judged.
    """
    share = 2 * np.pi * 0.5 / RATE
    shifted = microvolts - microvolts[0]
    shown = shifted - lfilter([share], [1, share - 1], shifted)
    wide, per = ink["width"] - MARGIN, 25 * MM / RATE
    erased = len(shown) - (wide - BAR) / per
    judged = range(10 + max(0, int(erased)), len(shown) - 2)
    assert len(judged) > 300
    off = 0
    for i in judged:
        x, y = int(MARGIN + (i * per) % wide), middle - shown[i] * 10 * MM / 1000
        near = [rows for rows in ink["green"][x - 1 : x + 2] if rows is not None]
        off += not any(first - 2 <= y <= last + 2 for first, last in near)
    return off / len(judged)
