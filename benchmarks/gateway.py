"""What a block costs the gateway: a real server process, real sockets, the real log.

    python benchmarks/gateway.py --devices 100 --seconds 10 --block 25

Devices send blocks of one lead at 250 Hz in real time; printed is the CPU of the gateway's process
for each block: of its event loop, and of its log's threads.
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from websockets.asyncio.client import connect

from ecg import messages as m
from ecg import wire
from ecg.types import Lead

RATE = 250.0
PORT = 8177
URL = f"ws://127.0.0.1:{PORT}/v1/ingest"


@contextmanager
def gateway() -> Iterator[int]:
    """A gateway on an empty folder; gives its process id."""
    with tempfile.TemporaryDirectory() as folder:
        environ = os.environ | {"BEATWIRE_FOLDER": folder, "BEATWIRE_PORT": str(PORT)}
        command = [sys.executable, "-m", "stream.cli", "serve", "--role", "gateway"]
        with subprocess.Popen(command, env=environ) as process:
            yield process.pid
            process.terminate()


async def started() -> None:
    """Wait until it listens."""
    while True:
        with contextlib.suppress(OSError):
            async with connect(URL):
                return
        await asyncio.sleep(0.1)


def cpu(pid: int) -> dict[str, float]:
    """Seconds of CPU so far, of the event loop's thread and of the others."""
    spent = {"loop": 0.0, "log": 0.0}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
        ticks = int(fields[11]) + int(fields[12])
        spent["loop" if task.name == str(pid) else "log"] += ticks / os.sysconf("SC_CLK_TCK")
    return spent


async def device(number: int, blocks: int, count: int) -> None:
    """One device: hello, blocks in real time, until everything is acknowledged."""
    patient = f"p{number}"
    info = {"session": "s", "rate": RATE, "leads": (Lead.II,), "uv_per_lsb": (5.0,)}
    async with connect(URL, compression=None, ping_interval=None) as socket:
        hello = m.Hello(device=m.DeviceInfo(patient), patient=m.Patient(patient), **info)
        await socket.send(wire.pack(hello))
        acked = asyncio.create_task(_acknowledged(socket, blocks * count))
        start = time.monotonic() + (number % 97) / 97 * count / RATE
        for seq in range(blocks):
            await asyncio.sleep(max(0.0, start + seq * count / RATE - time.monotonic()))
            block = m.Block(
                patient=patient, seq=seq, first=seq * count, payload=bytes(2 * count), **info
            )
            await socket.send(wire.pack(block))
        await acked


async def _acknowledged(socket: object, end: int) -> None:
    async for frame in socket:  # type: ignore[attr-defined]
        message = wire.to_device.decode(frame)
        if isinstance(message, m.Ack) and message.durable >= end:
            return


async def measure(pid: int, devices: int, blocks: int, count: int) -> None:
    """Run all devices and print what they cost."""
    await started()
    before, start = cpu(pid), time.monotonic()
    await asyncio.gather(*(device(number, blocks, count) for number in range(devices)))
    took, after = time.monotonic() - start, cpu(pid)
    spent = {name: after[name] - before[name] for name in after}
    each = {name: value / (devices * blocks) * 1e6 for name, value in spent.items()}
    print(
        f"{devices} devices, {devices * blocks} blocks of {count} samples in {took:.1f} s: "
        f"{each['loop']:.0f} µs of the loop and {each['log']:.0f} µs of the log a block, "
        f"{sum(spent.values()) / took:.0%} of a core"
    )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--block", type=int, default=25, help="samples")
    args = parser.parse_args()
    blocks = round(args.seconds * RATE / args.block)
    with gateway() as pid:
        asyncio.run(measure(pid, args.devices, blocks, args.block))


if __name__ == "__main__":
    main()
