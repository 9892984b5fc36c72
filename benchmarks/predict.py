"""What verdicts over HTTP cost: a real gateway on one core, real sockets.

    python benchmarks/predict.py --rate 200 --seconds 20

Printed are the latency of /predict, asked at a fixed rate whether answers came or not (measured from
the moment at which each was due), and the rows a second of /predict/batch and /predict/csv.
"""

import argparse
import asyncio
import json
import os
import time
from pathlib import Path

import numpy as np
from gateway import PORT, cpu, gateway, started

CONNECTIONS = 16
PERSON = {
    "Age": 65,
    "Gender": "M",
    "ECG_QTC_INTERVAL": 420.5,
    "ECG_QRS_DURATION": 98.2,
    "ECG_VENT_RATE": 72,
}
WHOLE = PERSON | {
    "ECG_ATRIAL_RATE": 72,
    "ECG_QT_INTERVAL": 384,
    "ECG_R_AXIS": 45,
    "ECG_T_AXIS": 30,
    "ECG_QRS_COUNT": 12,
    "ECG_Q_ONSET": 220,
    "ECG_Q_OFFSET": 269,
    "ECG_T_OFFSET": 412,
}
ROWS = 10_000


class Peer:
    """One connection that is kept open."""

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", PORT)

    async def post(self, path: str, body: bytes, media: str = "application/json") -> None:
        """Ask, and read the answer."""
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\n"
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert head.startswith("http/1.1 200"), head
        length = head.partition("content-length: ")[2].partition("\r\n")[0]
        await (self._reader.readexactly(int(length)) if length else self._chunks())

    async def _chunks(self) -> None:
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            await self._reader.readexactly(size + 2)
        await self._reader.readuntil(b"\r\n")


async def latency(pid: int, path: str, rate: float, seconds: float) -> None:
    """Ask at a fixed rate and print the percentiles."""
    free: asyncio.Queue[Peer] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        peer = Peer()
        await peer.open()
        await peer.post(path, json.dumps(WHOLE).encode())  # what the first one makes is not counted
        free.put_nowait(peer)
    before = sum(cpu(pid).values())
    body, start = json.dumps(WHOLE).encode(), time.perf_counter() + 0.1

    async def one(due: float) -> float:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        peer = await free.get()
        await peer.post(path, body)
        free.put_nowait(peer)
        return 1000 * (time.perf_counter() - due)

    took = await asyncio.gather(*(one(start + k / rate) for k in range(int(rate * seconds))))
    p50, p99, most = np.percentile(took, [50, 99, 100])
    spent = 1000 * (sum(cpu(pid).values()) - before) / len(took)
    print(
        f"{path} at {rate:g}/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {most:.1f} ms; "
        f"{spent:.2f} ms of CPU each"
    )


async def throughput(path: str, body: bytes, media: str, rows: int, times: int) -> None:
    """Send one body after the other and print rows a second."""
    peer = Peer()
    await peer.open()
    await peer.post(path, body, media)
    start = time.perf_counter()
    for _ in range(times):
        await peer.post(path, body, media)
    print(f"{path}: {times * rows / (time.perf_counter() - start):,.0f} rows/s")


def one_core(pid: int) -> None:
    """Keep every thread of a process on the first core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {0})


async def measure(pid: int, rate: float, seconds: float) -> None:
    """Everything, one after the other."""
    await started()
    one_core(pid)
    await latency(pid, "/v1/predict", rate, seconds)
    await latency(pid, "/v1/predict?contributions=true", 10, seconds)
    batch = json.dumps({"data": [WHOLE] * ROWS}).encode()
    await throughput("/v1/predict/batch", batch, "application/json", ROWS, 10)
    line = ",".join(map(str, WHOLE.values())) + "\n"
    table = (",".join(WHOLE) + "\n" + line * (10 * ROWS)).encode()
    await throughput("/v1/predict/csv", table, "text/csv", 10 * ROWS, 3)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    with gateway() as pid:
        asyncio.run(measure(pid, args.rate, args.seconds))


if __name__ == "__main__":
    main()
