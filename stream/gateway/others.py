"""What gateways find out by themselves, told to one another through the log.

A subscriber may sit at any gateway, a device at any other: NOT_MONITORED and DELIVERY_FAIL are
written to `ecg.alarms` by the gateway that raises them, beside handing them out itself.
"""

import asyncio
import logging
from collections import OrderedDict
from typing import Final

from ecg import messages as m
from ecg import wire
from stream.gateway import delivery, monitor
from stream.gateway.follow import pause
from stream.gateway.orphans import Orphans
from stream.gateway.undelivered import Undelivered
from stream.log import Entry, Log, LogError, Topic

KINDS: Final = frozenset({monitor.KIND.name, delivery.KIND.name})
"""The kinds that gateways raise; all others are the workers'."""

MAX_KNOWN: Final = 16_384
"""Alarms of which the last update is known: one that comes again is no news. More than the 10,000 patients
of a worker that dies: each of them may have one that stands. About 16 MB."""

TRIES: Final = 3
"""Of an alarm that the log refuses; each costs the devices' appends a new producer."""

_log = logging.getLogger("beatwire.gateway")


class Others:
    """The alarms of other gateways on a log, and ours on the way to them.

    Attributes:
        orphans, undelivered: those that are ended here if their gateway does not.
    """

    def __init__(self, log: Log) -> None:
        self.orphans = Orphans()
        self.undelivered = Undelivered()
        self._log = log
        self._known: OrderedDict[str, int] = OrderedDict()
        self._standing: dict[str, m.Alarm] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def standing(self) -> tuple[m.Alarm, ...]:
        """Those that have not ended."""
        return tuple(self._standing.values())

    def tell(self, alarm: m.Alarm) -> None:
        """Write an alarm of ours, soon: while no broker answers it waits."""
        self._know(alarm)
        self._drop(alarm.id)
        entry = Entry(alarm.patient, wire.pack(alarm), f"{alarm.id}#{alarm.update_no}")
        task = asyncio.create_task(self._write(entry))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def hear(self, alarm: m.Alarm, time_ms: int) -> bool:
        """Take an alarm that a gateway wrote and the log took at `time_ms`; whether it is news to us."""
        if alarm.update_no <= self._known.get(alarm.id, -1):
            return False
        self._know(alarm)
        if alarm.state == "ended":
            self._drop(alarm.id)
        else:
            self._standing[alarm.id] = alarm
            self.orphans.add(alarm, time_ms)
            self.undelivered.add(alarm)
        return True

    async def stop(self) -> None:
        """Give up what is still on its way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _write(self, entry: Entry) -> None:
        for _ in range(TRIES):
            try:
                await self._log.append(Topic.ALARMS, [entry])
            except LogError as error:
                await pause(error)
            else:
                return
        _log.error("other gateways do not know of %s: the log refuses it", entry.id)

    def _know(self, alarm: m.Alarm) -> None:
        self._known[alarm.id] = alarm.update_no
        self._known.move_to_end(alarm.id)
        if len(self._known) > MAX_KNOWN:
            self._drop(self._known.popitem(last=False)[0])

    def _drop(self, name: str) -> None:
        alarm = self._standing.pop(name, None)
        if alarm is not None:
            self.orphans.remove(alarm)
            self.undelivered.remove(alarm)
