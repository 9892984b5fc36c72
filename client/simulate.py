"""`beatwire simulate`: a ward of simulated beds that streams to a server.

For demonstration and for tests of mechanism, never as evidence of accuracy (client/ecg_model.py).
"""

import argparse
import asyncio
import math
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TextIO

from client import link
from client.device import PATH, Device
from client.errors import RefusedError, UndeliveredError
from client.rhythms import EIGHT_BEDS, RHYTHMS, Script
from client.session_events import Event, Lost, Welcomed
from client.simulator import RATE, UV_PER_LSB, Bed
from ecg import messages as m

BLOCK: Final = 25
"""Samples in a block: 100 ms, the pipeline's hop."""

LEAVE_SECONDS: Final = 1.0
"""How long an interrupted ward tries to say goodbye."""

TERMINATED: Final = 128 + signal.SIGTERM
"""Exit status after SIGTERM, as shells have it."""


@dataclass(frozen=True, slots=True)
class Ward:
    """What is simulated.

    Attributes:
        beds: how many.
        seed: the same seed gives the same signals.
        scripts: of the beds, in turn; fewer than beds begin again.
        speed: times real time; infinite for as fast as the gateway takes it.
        duration: seconds of signal.
        unit: where the beds stand.
        name: of the patients, before the number of their bed.
        token: credential.
    """

    beds: int = 8
    seed: int = 1
    scripts: Sequence[Script] = tuple(Script.parse(text) for text in EIGHT_BEDS)
    speed: float = 1.0
    duration: float = math.inf
    unit: str = "Demo"
    name: str = "demo"
    token: str = ""


async def simulate(
    url: str, ward: Ward = Ward(), listener: Callable[[Event], None] | None = None
) -> None:
    """Stream a ward until its duration is over; cancelled, it says goodbye first.

    `listener` is told what happens to the first bed.

    Raises:
        RefusedError: the gateway will not take it.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(1, ward.beds + 1):
                heard = listener if number == 1 else None
                group.create_task(_stream(url, ward, number, heard))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


async def _stream(
    url: str, ward: Ward, number: int, listener: Callable[[Event], None] | None
) -> None:
    name = f"{ward.name}-{number}"
    device = Device(
        url,
        patient=name,
        leads=["II"],
        rate=RATE,
        uv_per_lsb=UV_PER_LSB,
        device=m.DeviceInfo(name, model="simulator", lead_off_flags=True),
        location=m.Location(ward.unit, str(number)),
        token=ward.token,
        flags=("demo",),
        listener=listener,
    )
    async with device:
        try:
            await _pace(device, ward, number)
        except asyncio.CancelledError:
            with suppress(UndeliveredError, RefusedError):
                await device.close(LEAVE_SECONDS, "interrupted")
            raise
        await device.drain()


async def _pace(device: Device, ward: Ward, number: int) -> None:
    """Hand over each block when its last sample would have been taken."""
    loop, script = asyncio.get_running_loop(), ward.scripts[(number - 1) % len(ward.scripts)]
    bed, begin = Bed(ward.seed, number, script), loop.time()
    while device.session.end < ward.duration * RATE:
        second = bed.next()
        for start in range(0, RATE, BLOCK):
            first = second.first + start
            due = begin + (first + BLOCK) / RATE / ward.speed
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            changes = [c for c in second.lead_off if first <= c.at < first + BLOCK]
            await device.send(second.samples[start : start + BLOCK], lead_off=changes)


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `beatwire simulate`."""
    add = parser.add_argument
    parser.description = "Stream simulated beds. For demonstration, never as evidence of accuracy."
    add("--url", default="ws://127.0.0.1:8000", help="server (%(default)s)")
    add("--beds", type=int, default=8, help="how many (%(default)s)")
    add("--seed", type=int, default=1, help="the same seed gives the same signals (%(default)s)")
    add("--script", help=f"rhythm[:seconds],… for every bed, of {', '.join(RHYTHMS)} (a calm ward)")
    add("--duration", type=float, default=math.inf, help="seconds of signal (endless)")
    add("--speed", type=float, default=1.0, help="times real time; inf for full speed")
    add("--unit", default="Simulated", help="where the beds stand (%(default)s)")
    add("--name", default="sim", help="of the patients, before their number (%(default)s)")
    add("--token", default="", help="credential")
    add("--quiet", action="store_true", help="do not tell of the connection")


def run(args: argparse.Namespace) -> int:
    """Carry out `beatwire simulate`; returns the exit status."""
    try:
        link.websocket_url(args.url, PATH)
        texts = [args.script] if args.script else EIGHT_BEDS
        ward = Ward(
            beds=args.beds,
            seed=args.seed,
            scripts=[Script.parse(text) for text in texts],
            speed=args.speed,
            duration=args.duration,
            unit=args.unit,
            name=args.name,
            token=args.token,
        )
        listener = None if args.quiet else _telling(args.url, ward, sys.stderr)
        asyncio.run(_until_terminated(args.url, ward, listener))
    except asyncio.CancelledError:
        return TERMINATED
    except (RefusedError, UndeliveredError, ValueError) as error:
        sys.stderr.write(f"beatwire simulate: {error}\n")
        return 1
    return 0


def _telling(url: str, ward: Ward, err: TextIO) -> Callable[[Event], None]:
    """Say that the ward streams, or that nobody answers, whenever that changes."""
    said = ""
    who = f"{ward.name}-1" if ward.beds == 1 else f"{ward.name}-1 to {ward.name}-{ward.beds}"

    def listen(event: Event) -> None:
        nonlocal said
        words = said
        if isinstance(event, Welcomed):
            words = f"streaming {who} to {url}"
        elif isinstance(event, Lost):
            words = f"no answer from {url}, trying again"
        if words != said:
            err.write(f"beatwire simulate: {words}\n")
        said = words

    return listen


async def _until_terminated(url: str, ward: Ward, listener: Callable[[Event], None] | None) -> None:
    """A server that ends its simulator by SIGTERM, as `serve` does, is Ctrl-C by another name."""
    work = asyncio.ensure_future(simulate(url, ward, listener))
    # Only the main thread of a POSIX system may listen; elsewhere there is no SIGTERM to hear.
    with suppress(ValueError, RuntimeError, NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    await work
