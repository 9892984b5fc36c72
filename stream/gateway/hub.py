"""Reads the event topics, each once for the whole process, and hands events to their audience.

`ecg.alarms` is read whole, everything else in the partitions of those patients whom somebody watches
or who send to this gateway. There may be other gateways: what this one finds out by itself (nobody
analyses a patient, a receiver does not confirm) goes to its own people at once, and through the log
to those of the others.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from ecg import messages as m
from ecg import wire
from ecg.errors import WireError
from stream.gateway.cursor import Cursor
from stream.gateway.delivery import receiver_of
from stream.gateway.fanout import CHANNEL_OF, WAVEFORM, Delivery, Fanout, Subscription
from stream.gateway.follow import Follower
from stream.gateway.metrics import Metrics
from stream.gateway.others import KINDS, Others
from stream.gateway.vital import vital
from stream.gateway.watchdogs import Watchdogs
from stream.log import Log, LogError, Reader, Record, Topic

MONITOR_SECONDS: Final = 0.5

LogEvent = m.Beat | m.Vitals | m.Gap | m.Alarm | m.CommandDone

_log = logging.getLogger("beatwire.gateway")


class Hub:
    """The live end of the event log, with everyone who follows it.

    Attributes:
        cursor: where the live end stands in what is followed: everything before it was handed out.
        others: the alarms of other gateways.
    """

    def __init__(
        self,
        log: Log,
        watchdogs: Watchdogs,
        metrics: Metrics,
        tell: Callable[[m.Alarm], None],
        *,
        shared: bool = False,
    ) -> None:
        """Follow a log.

        Args:
            log: to follow.
            watchdogs: what this gateway watches itself.
            metrics: counts.
            tell: takes what the patient's own device is to know.
            shared: whether there may be other gateways on this log.
        """
        self.log = log
        self.watchdogs = watchdogs
        self.metrics = metrics
        self._tell = tell
        self.cursor = Cursor({})
        self.fanout = Fanout()
        self.others: Others | None = Others(log) if shared else None
        self._wakers: dict[Subscription, Callable[[], None]] = {}
        self._watching: dict[Subscription, None] = {}
        positions = self.cursor.positions
        self._alarms = Follower(log, Topic.ALARMS, self._event, positions[Topic.ALARMS])
        self._events = Follower(log, Topic.EVENTS, self._event, positions[Topic.EVENTS])
        self._waves = Follower(log, Topic.SAMPLES, self._wave, {})
        self._partitions: frozenset[int] = frozenset()
        self._moved = asyncio.Event()
        self._covering = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin at the end of the log."""
        self._partitions = frozenset(await self.log.partitions(Topic.EVENTS))
        await self._alarms.cover(self._partitions)
        await self._cover()
        self._task = vital(self._watch())

    async def stop(self) -> None:
        """End all tasks."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for follower in (self._alarms, self._events, self._waves):
            await follower.stop()
        if self.others is not None:
            await self.others.stop()

    # ── What is followed ──────────────────────────────────────────────────────────────────────

    async def watch(self, subscription: Subscription) -> None:
        """Follow what it wants, from now until `unwatch`."""
        self._watching[subscription] = None
        await self._cover()

    def unwatch(self, subscription: Subscription) -> None:
        """It wants nothing any more; what it wanted is let go with the next look."""
        self._watching.pop(subscription, None)

    async def _cover(self) -> None:
        """Follow all that is wanted and nothing else; a log of one partition always, whole."""
        async with self._covering:  # what is wanted is asked when it is our turn: not long ago
            waves = self._of([one for one in self._watching if one.mask & WAVEFORM])
            events = self._of(self._watching) | self._places(self.watchdogs.monitor.patients)
            if self.others is not None:
                events |= self._places(self.others.orphans.patients)
            await self._events.cover(self._partitions if len(self._partitions) == 1 else events)
            await self._waves.cover(waves)

    def _of(self, subscriptions: Iterable[Subscription]) -> frozenset[int]:
        """The partitions of everybody whom these subscriptions want."""
        found: frozenset[int] = frozenset()
        for subscription in subscriptions:
            patients = subscription.named
            found |= self._partitions if patients is None else self._places(patients)
        return found

    def _places(self, patients: Iterable[str]) -> frozenset[int]:
        return frozenset(self.log.partition_of(Topic.EVENTS, patient) for patient in patients)

    async def begin(self, subscription: Subscription, cursor: Cursor | None) -> Cursor | None:
        """Where a subscription begins that is watched: after `cursor`, or at the live end.

        A partition that the cursor does not know was not watched when it was given.

        Returns:
            None when the log no longer has, or never had, what comes after the cursor.
        """
        live = self.cursor.copy()
        wanted = {Topic.ALARMS: self._partitions, Topic.EVENTS: self._of([subscription])}
        for topic, partitions in wanted.items():
            given = cursor.positions[topic] if cursor else {}
            positions = live.positions[topic]
            for partition in positions.keys() - partitions:
                del positions[partition]
            for partition in positions.keys() & given.keys():
                begin = await self.log.begin(topic, partition)
                if not begin <= given[partition] <= await self.log.end(topic, partition):
                    return None
                positions[partition] = given[partition]
        while not self.cursor.reaches(live):  # it is of another gateway, which is ahead of us
            self._moved.clear()
            await self._moved.wait()
        return live

    def release(self, reader: Reader) -> None:
        """Close a reader without waiting for it."""
        task = asyncio.create_task(reader.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # ── Followers ─────────────────────────────────────────────────────────────────────────────

    def attach(self, subscription: Subscription, wake: Callable[[], None]) -> None:
        """Hand it everything from `cursor` on; `wake` is called when something waits."""
        self.fanout.add(subscription)
        self._wakers[subscription] = wake

    def detach(self, subscription: Subscription) -> None:
        """It has gone."""
        self.fanout.remove(subscription)
        self._wakers.pop(subscription, None)

    def standing(self, receiver: str = "") -> list[m.Alarm]:
        """The alarms of gateways that stand, for a subscriber who may be a receiver."""
        ours = self.watchdogs.standing(receiver)
        if self.others is None:
            return ours
        known = {alarm.id for alarm in ours}
        theirs = [alarm for alarm in self.others.standing if alarm.id not in known]
        return ours + [alarm for alarm in theirs if not receiver or receiver_of(alarm) != receiver]

    def publish(self, alarm: m.Alarm, but: str = "") -> None:
        """An alarm of the gateway's own: the cursor stays.

        It goes to the patient's device and to every subscriber but the receiver `but`, and where
        there may be other gateways, into the log.
        """
        if self.others is not None:
            self.others.tell(alarm)
        self._announce(alarm, but)

    def _announce(self, alarm: m.Alarm, but: str) -> None:
        self._expect(alarm)
        self._hand_out(alarm, but)
        self._tell(alarm)

    # ── The log ───────────────────────────────────────────────────────────────────────────────

    def _event(self, record: Record) -> None:
        self._moved.set()
        event = readable(record)
        if event is None:
            return
        self.metrics.events_total += 1
        if isinstance(event, m.Vitals | m.Alarm):
            self.fanout.place(event.patient, event.unit)
        if self.others is not None and isinstance(event, m.Alarm) and event.kind in KINDS:
            if self.others.hear(event, record.time_ms):  # ours was handed out already
                self._announce(event, receiver_of(event))
                if event.state == "ended":
                    self.watchdogs.delivery.told_over(event)
            return
        self._analysed(event, record.time_ms)
        if isinstance(event, m.Alarm):
            self._expect(event)
        self._hand_out(event)

    def _analysed(self, event: LogEvent, time_ms: int) -> None:
        """A worker has said something: its patient is analysed."""
        now = asyncio.get_running_loop().time()
        if isinstance(event, m.Vitals):
            self.watchdogs.monitor.vitals(event, now)
        if self.others is not None:
            self.others.orphans.analysed(event.patient, time_ms, now)
            if isinstance(event, m.Alarm):
                self.others.undelivered.heard(event)

    def _expect(self, alarm: m.Alarm) -> None:
        """Await that its receivers confirm it."""
        unit, now = self.fanout.unit(alarm.patient), asyncio.get_running_loop().time()
        self.watchdogs.delivery.alarm(alarm, unit, now)

    def _hand_out(self, event: LogEvent, but: str = "") -> None:
        audience = self.fanout.audience(CHANNEL_OF[type(event)], event.patient)
        if not audience:
            return
        delivery = Delivery(m.Event(cursor=self.cursor.encode(), event=event))
        for subscription in audience:
            if not but or subscription.receiver != but:
                subscription.put(delivery)
                self._wakers[subscription]()

    def _wave(self, record: Record) -> None:
        audience = self.fanout.audience(WAVEFORM, record.key)
        if not audience:
            return
        with contextlib.suppress(WireError):
            block = wire.samples.read(record.value)
            if isinstance(block, m.Block):
                if self.others is not None:  # its device may talk to another gateway, or to Kafka
                    self.watchdogs.monitor.block(block, asyncio.get_running_loop().time())
                delivery = Delivery(m.Event(cursor="", event=block))
                for subscription in audience:
                    self.metrics.dropped_total += subscription.put_wave(block, delivery)
                    self._wakers[subscription]()

    async def _watch(self) -> None:
        """Raise and end the gateway's own alarms."""
        delivery = self.watchdogs.delivery
        while True:
            await asyncio.sleep(MONITOR_SECONDS)
            try:
                await self._cover()
            except LogError as error:  # the next look tries again; what is watched cannot wait
                _log.warning("%s", error)
            now, wall = asyncio.get_running_loop().time(), time.time()
            for receiver, alarm in self.watchdogs.tick(now, wall):
                self.publish(alarm, but=receiver)
            if self.others is not None:
                undelivered = self.others.undelivered.tick(now, wall, delivery.settled)
                for alarm in self.others.orphans.tick(now, wall) + undelivered:
                    self.publish(alarm, but=receiver_of(alarm))
            self.metrics.not_monitored = len(self.watchdogs.monitor.active)
            self.metrics.receivers = delivery.count
            self.metrics.undelivered = len(delivery.standing())


def readable(record: Record) -> LogEvent | None:
    """The event of a record; None, and a line in the log, if it cannot be read."""
    try:
        event: LogEvent = wire.events.decode(record.value)
    except WireError as error:
        _log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
        return None
    return event
