"""`beatwire watch`: what a server pushes, as JSON lines or as a live table."""

import argparse
import asyncio
import os
import shutil
import sys
import time
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, Final, TextIO

from client.errors import RefusedError
from client.subscriber import Subscriber
from client.table import Table
from ecg.errors import WireError
from ecg.wire import to_json

REDRAW_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 3.0
"""Without a connection, until that is said; it is tried again and again."""
ENTER, LEAVE, HOME, CLEAR_LINE, CLEAR_BELOW = (
    "\x1b[?1049h\x1b[?25l",
    "\x1b[?25h\x1b[?1049l",
    "\x1b[H",
    "\x1b[K",
    "\x1b[J",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `beatwire watch`."""
    add = parser.add_argument
    parser.description = "Show what a server pushes. Not a terminal, or --json: one event a line."
    add("--url", default="ws://127.0.0.1:8000", help="server (%(default)s)")
    add("--json", action="store_true", help="events as JSON lines on stdout")
    add("--channels", help="of alarms,beats,vitals,waveform (all but waveform)")
    add("--patient", action="append", default=[], help="only this one; may be repeated (all)")
    add("--unit", action="append", default=[], help="only this unit; may be repeated (all)")
    add("--after", default="", metavar="CURSOR", help="resume after this cursor (from now)")
    add("--until-idle", type=float, metavar="SECONDS", help="end when no event came for so long")
    add(
        "--receiver",
        default="",
        metavar="NAME",
        help="declare an alarm receiver: others are told when it misses an alarm",
    )
    add("--token", default="", help="credential")


def run(args: argparse.Namespace) -> int:
    """Carry out `beatwire watch`; returns the exit status."""
    channels = (args.channels or "alarms,beats,vitals").split(",")
    try:
        subscriber = Subscriber(
            args.url,
            channels=channels,
            patients=args.patient,
            units=args.unit,
            after=args.after,
            receiver=args.receiver,
            token=args.token,
        )
        if args.json or not sys.stdout.isatty():
            lines = print_lines(subscriber, sys.stdout, args.until_idle)
            asyncio.run(complaining(lines, subscriber, args.url, sys.stderr))
        else:
            asyncio.run(draw_table(subscriber, sys.stdout, args.until_idle))
    except (RefusedError, WireError, ValueError) as error:
        sys.stderr.write(f"beatwire watch: {error}\n")
        return 1
    except BrokenPipeError:  # `| head` has seen enough; nothing may be flushed to it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


async def complaining(
    work: Coroutine[Any, Any, Any], subscriber: Subscriber, url: str, err: TextIO
) -> None:
    """Do the work, and say once if nobody answers: lines that do not come look like a quiet ward."""

    async def complain() -> None:
        await asyncio.sleep(PATIENCE_SECONDS)
        if not subscriber.connected:
            err.write(f"beatwire watch: no answer from {url}, trying again\n")

    complaint = asyncio.create_task(complain())
    try:
        await work
    finally:
        complaint.cancel()


async def print_lines(subscriber: Subscriber, out: TextIO, until_idle: float | None) -> None:
    """One JSON object a line, each flushed at once, until nothing came for `until_idle` seconds.

    Silence counts while there is a connection: a server that restarts is not idle.
    """
    async with aclosing(aiter(subscriber)) as items:
        while True:
            waiting = asyncio.ensure_future(anext(items))
            try:
                while not (await asyncio.wait({waiting}, timeout=until_idle))[0]:
                    if subscriber.connected:
                        return
                out.write(to_json(waiting.result()).decode() + "\n")
                out.flush()
            finally:
                waiting.cancel()
                await asyncio.wait({waiting})


async def draw_table(subscriber: Subscriber, out: TextIO, until_idle: float | None) -> None:
    """A table that is drawn anew twice a second, until nothing came for `until_idle` seconds."""
    table, changed = Table(), asyncio.get_running_loop().time()

    async def take() -> None:
        nonlocal changed
        async for item in subscriber:
            changed = asyncio.get_running_loop().time()
            table.take(item, changed)

    taking = asyncio.create_task(take())
    out.write(ENTER)
    try:
        while not taking.done():
            now = asyncio.get_running_loop().time()
            _draw(table, out, now, connected=subscriber.connected)
            if until_idle is not None and subscriber.connected and now - changed > until_idle:
                return
            await asyncio.wait({taking}, timeout=REDRAW_SECONDS)
        taking.result()
    finally:
        taking.cancel()
        out.write(LEAVE)
        out.flush()


def _draw(table: Table, out: TextIO, now: float, *, connected: bool) -> None:
    size = shutil.get_terminal_size()
    clock = time.strftime("%H:%M:%S")
    state = "Beatwire" if connected else "NO CONNECTION"
    lines = [f"{state}  {clock}  not a medical device  Ctrl-C ends"[: size.columns]]
    lines += table.lines(now, size.columns, size.lines - 1)
    out.write(HOME + "".join(f"{line}{CLEAR_LINE}\r\n" for line in lines[:-1]))
    out.write(lines[-1] + CLEAR_LINE + CLEAR_BELOW)
    out.flush()
