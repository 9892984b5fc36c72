"""What one turn of the worker writes to the store, in one transaction guarded by the epoch."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ecg.messages import (
    Acknowledge,
    Admit,
    Alarm,
    Command,
    CommandDone,
    Discharge,
    PauseAudio,
    SetLimits,
)
from ecg.wire import pack
from stream.engine.events import Event
from stream.engine.trends import Minute
from stream.log import Topic
from stream.store import Audit, Checkpoint, Store, Trend
from stream.store.transaction import Transaction
from stream.worker import codec


class Turn(msgspec.Struct):
    """Everything that became of one turn: from these records to these positions.

    Attributes:
        events: in order of time for each patient.
        commands: by id, those that were carried out in this turn.
        books: the alarm book's state of those for whom it is to be kept, encoded.
        checkpoints, moved, dropped: engine states to keep, to leave standing at the new position,
            and to forget.
        minutes: complete ones, with their patients.
        positions: next offsets, by topic.
        rewound: whether positions may go back, as the log is not the one of before.
    """

    events: list[Event] = []
    commands: dict[str, Command] = {}
    books: dict[str, bytes] = {}
    checkpoints: list[Checkpoint] = []
    moved: list[str] = []
    dropped: list[str] = []
    minutes: list[tuple[str, Minute]] = []
    positions: dict[str, int] = {}
    rewound: bool = False

    def counts(self, before: dict[str, int]) -> bool:
        """Whether there is anything to write, given the positions written last."""
        news = (self.events, self.checkpoints, self.moved, self.dropped, self.minutes)
        return any(news) or self.positions != before


def commit(store: Store, partition: int, epoch: int, turn: Turn, now: float) -> bool:
    """Write a turn; True when something now waits in the outbox.

    Args:
        store: where to.
        partition: whose turn it is.
        epoch: of this owner.
        turn: what to write.
        now: seconds since 1970, when the alarms of the turn are published.

    Raises:
        Fenced: another worker owns the partition.
    """
    through_outbox = [e for e in turn.events if isinstance(e, Alarm | CommandDone)]
    with store.transaction(partition, epoch) as tx:
        _alarms(tx, through_outbox, now)
        _commands(tx, through_outbox, turn.commands)
        if turn.books:
            tx.save_books(turn.books)
        if turn.checkpoints:
            tx.save_checkpoints(turn.checkpoints)
        tx.move_checkpoints(turn.moved, turn.positions.get(Topic.SAMPLES, 0))
        tx.drop_checkpoints(turn.dropped)
        if turn.minutes:
            tx.save_trends([_trend(patient, minute) for patient, minute in turn.minutes])
        for topic, position in turn.positions.items():
            (tx.rewind if turn.rewound else tx.advance)(topic, position)
    return bool(through_outbox)


def _alarms(tx: Transaction, events: Sequence[Event], now: float) -> None:
    """Alarms into history, and all into the outbox, from where the relay publishes them."""
    stamped = msgspec.structs.replace
    tx.save_alarms([stamped(e, published_at=now) for e in events if isinstance(e, Alarm)])
    for topic in (Topic.ALARMS, Topic.EVENTS):
        tx.enqueue(topic, [codec.entry(event) for event in events if codec.topic(event) == topic])


def _commands(tx: Transaction, events: Iterable[Event], commands: Mapping[str, Command]) -> None:
    """What people asked: its result, an audit line, and who lies where; no bed is claimed any more."""
    for command in commands.values():
        if isinstance(command, Admit | Discharge):
            tx.unclaim(command.patient)
    for event in events:
        if not isinstance(event, CommandDone):
            continue
        tx.finish_command(event.id, event.patient, pack(event))
        asked = commands.get(event.id)
        if asked is None:
            continue
        tx.audit(_audit(asked, event))
        if isinstance(asked, Admit) and not event.refused:
            tx.admit(asked)
        elif isinstance(asked, Discharge) and not event.refused:
            tx.discharge(asked)


def _audit(command: Command, done: CommandDone) -> Audit:
    return Audit(
        id=command.id,
        at=command.at,
        who=command.by,
        what=done.action + (f" refused: {done.refused}" if done.refused else ""),
        patient=command.patient,
        detail=_detail(command),
    )


def _detail(command: Command) -> str:
    """The part of a command that people want to read."""
    if isinstance(command, Acknowledge):
        alarms = [command.alarm, *(taken.alarm for taken in command.seen)]
        return " ".join(word for word in (*alarms, command.note) if word)
    if isinstance(command, PauseAudio):
        return f"{command.seconds:g} s"
    if isinstance(command, SetLimits):
        return f"{command.low:g} to {command.high:g} /min"
    if isinstance(command, Admit):
        return str(command.location)
    return ""


def _trend(patient: str, minute: Minute) -> Trend:
    known = minute.rates > 0
    return Trend(
        patient=patient,
        minute=minute.minute,
        rate_min=minute.rate_min if known else None,
        rate_mean=minute.rate_sum / minute.rates if known else None,
        rate_max=minute.rate_max if known else None,
        beats=minute.beats,
        v_beats=minute.v_beats,
        s_beats=minute.s_beats,
        seconds=minute.seconds,
    )
