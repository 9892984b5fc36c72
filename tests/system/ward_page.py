"""What the tests of the central station share: a ward to look at, and a reader of its canvases."""

import asyncio
import threading

import numpy as np
from house import Supervised, beatwire

from client.device import Device
from ecg import messages as m

RATE = 250.0
UV_PER_LSB = 5.0


class SimulatedWard(Supervised):
    """A server, and beds that each go through a tachycardia again and again."""

    def admit_beds(self, script: str, beds: int) -> None:
        """Let simulated beds stream until the ward is closed."""
        words = ["--url", self.url, "--beds", beds, "--script", script, "--unit", "Ward"]
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


def send(url: str, patient: str, samples: np.ndarray) -> None:
    """Stream int16 samples of one lead as a device does, in blocks of 100 ms; then goodbye."""

    async def stream() -> None:
        device = Device(
            url,
            patient=patient,
            leads=["II"],
            rate=RATE,
            uv_per_lsb=UV_PER_LSB,
            location=m.Location("Known", "1"),
        )
        async with device:
            for start in range(0, len(samples), 25):
                await device.send(samples[start : start + 25, None])
                await asyncio.sleep(25 / RATE)
            await device.drain()

    worker = threading.Thread(target=lambda: asyncio.run(stream()))
    worker.start()
    worker.join()


INK = """canvas => {
  const {width, height} = canvas;
  const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const green = [];
  for (let x = 0; x < width; x++) {
    const rows = [];
    for (let y = 0; y < height; y++) {
      const i = 4 * (y * width + x);
      if (data[i + 1] > 90 && data[i + 1] > data[i] + 40) rows.push(y);
    }
    green.push(rows.length ? [rows[0], rows[rows.length - 1]] : null);
  }
  return {green, width, height};
}"""
"""Of each column of a canvas: the first and last row that has the trace's green."""
