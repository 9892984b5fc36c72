"""Stream records as devices would: one session for each record, concurrently, paced or at full speed."""

import argparse
import asyncio
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from client import link
from client.cutter import MAX_MARKS
from client.device import PATH, Device
from client.errors import RefusedError, UndeliveredError
from client.greeting import greeting
from client.records import Record, RecordError, open_record
from client.session_events import Acknowledged, Event
from ecg import messages as m
from ecg.errors import WireError

if TYPE_CHECKING:
    from client.kafka_device import KafkaDevice

KAFKA: Final = "kafka://"


@dataclass(frozen=True, slots=True)
class Options:
    """How records are streamed.

    Attributes:
        speed: times real time; infinite for as fast as the gateway takes it.
        block: seconds of signal in a block.
        start, stop: seconds from the record's start between which it is streamed; sample indices
            stay the record's own.
        session: id for every record's session; empty: a new one each.
        unit, bed: location.
        token: credential.
        flags: of every block.
    """

    speed: float = 1.0
    block: float = 0.1
    start: float = 0.0
    stop: float = math.inf
    session: str = ""
    unit: str = ""
    bed: str = ""
    token: str = ""
    flags: tuple[str, ...] = ()


async def replay(
    records: Sequence[Record | str | Path],
    url: str,
    options: Options = Options(),
    *,
    patient: str = "",
    progress: Callable[[float], object] | None = None,
) -> None:
    """Stream records concurrently; returns when everything is acknowledged and goodbye is said.

    Args:
        records: open, or paths for `open_record`.
        url: of the server, or `kafka://HOST:PORT` of a broker (`/TOPIC` if it is not `ecg.samples`).
        options: speed, part, place.
        patient: pseudonym; by default the record's name. With several records it is a prefix.
        progress: is told the seconds of signal acknowledged since it was last told.

    Raises:
        RecordError: a record cannot be read.
        RefusedError: the gateway will not take them.
        ValueError: two records would be the same patient.
    """
    opened = [r if isinstance(r, Record) else open_record(r) for r in records]
    names = [_patient(record, patient, alone=len(opened) == 1) for record in opened]
    if len(set(names)) < len(names):
        raise ValueError("two records of the same name would be one patient")
    try:
        async with asyncio.TaskGroup() as group:
            for name, record in zip(names, opened, strict=True):
                group.create_task(_stream(record, name, url, options, progress))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


async def _stream(
    record: Record,
    patient: str,
    url: str,
    options: Options,
    progress: Callable[[float], object] | None,
) -> None:
    done = round(options.start * record.rate)

    def durable(end: int) -> None:
        nonlocal done
        if end > done:
            if progress is not None:
                progress((end - done) / record.rate)
            done = end

    async with _device(record, patient, url, options, durable) as device:
        await _pace(device, record, options)
        await device.drain()


def _device(
    record: Record, patient: str, url: str, options: Options, durable: Callable[[int], None]
) -> "Device | KafkaDevice":
    """The device that streams a record; `durable` is told up to which sample it is stored."""
    who: dict[str, Any] = {
        "patient": patient,
        "leads": record.leads,
        "rate": record.rate,
        "uv_per_lsb": record.uv_per_lsb,
        "device": m.DeviceInfo("replay", model="record", lead_off_flags=bool(record.lead_off)),
        "session": options.session,
        "location": m.Location(options.unit, options.bed),
    }
    if url.startswith(KAFKA):
        from client.kafka_device import TOPIC, KafkaDevice  # noqa: PLC0415 - few need Kafka

        servers, _, topic = url.removeprefix(KAFKA).partition("/")
        hello = greeting(**who)
        return KafkaDevice(
            servers, hello, topic=topic or TOPIC, flags=options.flags, confirmed=durable
        )

    def listen(event: Event) -> None:
        if isinstance(event, Acknowledged):
            durable(event.durable)

    return Device(url, **who, token=options.token, flags=options.flags, listener=listen)


async def _pace(device: "Device | KafkaDevice", record: Record, options: Options) -> None:
    """Hand over each block when its last sample would have been taken."""
    loop, track = asyncio.get_running_loop(), LeadOffTrack(record)
    begin = loop.time()
    for first, samples in pieces(record, options.block, options.start, options.stop):
        end = first + len(samples)
        due = begin + (end / record.rate - options.start) / options.speed
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        await device.send(samples, first=first, lead_off=track.within(first, end))


def pieces(
    record: Record, seconds: float, start: float = 0.0, stop: float = math.inf
) -> Iterator[tuple[int, NDArray[np.int16]]]:
    """Blocks of a part of a record: (first sample, int16 (n, leads)); gaps show as jumps.

    A tail shorter than the shortest block (20 ms) goes with the block before it.
    """
    lower = round(start * record.rate)
    upper = len(record) if math.isinf(stop) else min(round(stop * record.rate), len(record))
    shortest = math.ceil(m.MIN_BLOCK_SECONDS * record.rate)
    held: tuple[int, NDArray[np.int16]] | None = None
    for at, block in record.blocks(seconds):
        samples = block[max(lower - at, 0) : max(upper - at, 0)]
        first = max(at, lower)
        if not len(samples):
            continue
        if held and len(samples) < shortest and held[0] + len(held[1]) == first:
            held = (held[0], np.concatenate((held[1], samples)))
            continue
        if held:
            yield held
        held = (first, samples)
    if held:
        yield held


class LeadOffTrack:
    """A record's stretches with a lead off, as the changes that each block must carry."""

    def __init__(self, record: Record) -> None:
        edges = [(off.start, off.lead, True) for off in record.lead_off]
        edges += [(off.end, off.lead, False) for off in record.lead_off]
        state = [False] * len(record.leads)
        changes: dict[int, m.LeadOff] = {}
        for at, lead, off in sorted(edges, key=lambda edge: (edge[0], edge[2])):
            state[lead] = off
            changes[at] = m.LeadOff(at, tuple(state))
        self._changes = list(changes.values())
        self._next = 0

    def within(self, first: int, end: int) -> list[m.LeadOff]:
        """Changes before `end` that were not asked for yet; earlier ones count at `first`."""
        start = self._next
        while self._next < len(self._changes) and self._changes[self._next].at < end:
            self._next += 1
        due = self._changes[start : self._next]
        early = [change for change in due if change.at < first]
        changes = [change for change in due if change.at >= first]
        if early and (not changes or changes[0].at > first):
            changes.insert(0, m.LeadOff(first, early[-1].off))
        return changes if len(changes) <= MAX_MARKS else _merged(changes)


def _merged(changes: list[m.LeadOff]) -> list[m.LeadOff]:
    """Too many to tell: whatever was off at any time is off until the last change."""
    columns = zip(*(change.off for change in changes), strict=True)
    return [m.LeadOff(changes[0].at, tuple(map(any, columns))), changes[-1]]


def _patient(record: Record, given: str, *, alone: bool) -> str:
    name = re.sub(r"[^A-Za-z0-9_.\-]", "-", record.name).lstrip("_.-")[:64] or "record"
    if not given:
        return name
    return given if alone else f"{given}-{name}"


# ── The command ───────────────────────────────────────────────────────────────────────────────


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `beatwire replay`."""
    add = parser.add_argument
    parser.description = "Stream ECG records (WFDB, EDF, CSV) to a server as devices would."
    add("records", nargs="+", metavar="RECORD", help="WFDB path without suffix, EDF or CSV file")
    add("--url", default="ws://127.0.0.1:8000", help="server, or kafka://HOST:PORT (%(default)s)")
    add("--speed", type=_speed, default=1.0, help="times real time, or max (%(default)s)")
    add("--patient", default="", help="pseudonym; with several records a prefix (record's name)")
    add("--leads", help="leads by number or name, separated by commas (all)")
    add("--rate", type=float, help="Hz, for a CSV file without a time column")
    add("--block", type=float, default=0.1, help="seconds of signal in a block (%(default)s)")
    add("--from", dest="start", type=float, default=0.0, help="seconds into the record (0)")
    add("--to", dest="stop", type=float, default=math.inf, help="seconds into the record (its end)")
    add("--session", default="", help="session id, to resume an interrupted replay (a new one)")
    add("--unit", default="", help="the unit where the bed stands")
    add("--bed", default="", help="the bed")
    add("--token", default="", help="credential")
    add("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> int:
    """Carry out `beatwire replay`; returns the exit status."""
    leads = args.leads.split(",") if args.leads else None
    try:
        if not args.url.startswith(KAFKA):
            link.websocket_url(args.url, PATH)
        records = [open_record(path, leads, rate=args.rate) for path in args.records]
        _replay_with_bar(records, args)
    except RecordError:
        raise  # the command line says what is wrong with a file, the same for every command
    except (RefusedError, UndeliveredError, WireError, ValueError) as error:
        sys.stderr.write(f"beatwire replay: {error}\n")
        return 1
    return 0


def _replay_with_bar(records: Sequence[Record], args: argparse.Namespace) -> None:
    names = ("speed", "block", "start", "stop", "session", "unit", "bed", "token")
    options = Options(**{name: getattr(args, name) for name in names})
    total = sum(max(0.0, min(r.seconds, args.stop) - args.start) for r in records)
    form = "{l_bar}{bar}| {n:.0f}/{total:.0f} s of signal [{elapsed}<{remaining}]"
    with tqdm(total=total, bar_format=form, disable=args.quiet or None, file=sys.stderr) as bar:
        asyncio.run(replay(records, args.url, options, patient=args.patient, progress=bar.update))


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    with suppress(ValueError):
        if (speed := float(text)) > 0:
            return speed
    raise argparse.ArgumentTypeError(f"{text!r} is neither a number above 0 nor max")
