"""What goes into the store and comes out of it, and what can go wrong."""
# ruff: noqa: N818 - the errors are named as the store's users speak of them.

import msgspec

from ecg.messages import Admit

DAY_S = 86_400.0


class StoreError(Exception):
    """The store cannot do what was asked: unreachable, full, locked, damaged."""


class StoreTooNew(StoreError):
    """The tables were made by a newer version, which this one must not write to."""


class Fenced(StoreError):
    """Another worker has claimed the partition: nothing was written, and nothing may be."""


class Checkpoint(msgspec.Struct, frozen=True):
    """One patient's engine state.

    Attributes:
        patient: whose.
        engine: version of the engine that wrote it; another version may be unable to read it.
        offset: next offset of the sample log: restore, read on from there.
        blob: the state.
    """

    patient: str
    engine: str
    offset: int
    blob: bytes


class Loaded(msgspec.Struct, frozen=True):
    """All that a worker needs to go on with a partition.

    Attributes:
        positions: next offset, by topic; topics never read are absent.
        checkpoints: the patients' engine states.
        books: the alarm book's state, by patient.
    """

    positions: dict[str, int]
    checkpoints: list[Checkpoint]
    books: dict[str, bytes]


class Pending(msgspec.Struct, frozen=True):
    """An outbox row that has not been published yet."""

    seq: int
    id: str
    topic: str
    key: str
    value: bytes


class Trend(msgspec.Struct, frozen=True):
    """One minute of one patient; rates are None where no heart rate was valid.

    Attributes:
        patient: whose.
        minute: minutes since 1970 (UTC).
        rate_min, rate_mean, rate_max: of the heart rate, per minute.
        beats, v_beats, s_beats: counts: all, ventricular, supraventricular.
        seconds: how much of the minute was analysed.
    """

    patient: str
    minute: int
    rate_min: float | None
    rate_mean: float | None
    rate_max: float | None
    beats: int
    v_beats: int
    s_beats: int
    seconds: float


class Audit(msgspec.Struct, frozen=True):
    """Who did what, when; `id` is deterministic (the command's, for one), so it stands once."""

    id: str
    at: float
    who: str
    what: str
    patient: str = ""
    detail: str = ""


class Admission(msgspec.Struct, frozen=True):
    """A patient who is or was in a bed: the command that brought them there, and the end."""

    admit: Admit
    discharged_at: float | None = None


class AlarmFilter(msgspec.Struct, frozen=True):
    """Which alarms; an empty field does not restrict.

    Attributes:
        patients, units, kinds, states: any of these.
        min_priority: at least so urgent.
        since, until: since <= onset time < until.
        open_only: not ended: active, latched or acknowledged.
        limit: at most so many, the latest onsets.
    """

    patients: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    min_priority: int = 0
    since: float | None = None
    until: float | None = None
    open_only: bool = False
    limit: int = 1000


class Feedback(msgspec.Struct, frozen=True):
    """What somebody says of a beat or an alarm.

    Attributes:
        id: given by who says it, so that a repetition is none.
        at: when it was said.
        by: who says it.
        about: beat or alarm.
        verdict: right or wrong: what Beatwire said.
        patient, session, sample, time: of the beat, or of the alarm's onset.
        label: the class that the beat has, or `artefact`; empty for an alarm.
        alarm: id of the alarm; empty for a beat.
        note: in words.
    """

    id: str
    at: float
    by: str
    about: str
    verdict: str
    patient: str
    session: str
    sample: int
    time: float
    label: str = ""
    alarm: str = ""
    note: str = ""


class FeedbackFilter(msgspec.Struct, frozen=True):
    """Which feedback; an empty field does not restrict.

    Attributes:
        patient, alarm, about, verdict, by: exactly this.
        since, until: said in since <= at < until.
        limit: at most so many, the latest.
    """

    patient: str = ""
    alarm: str = ""
    about: str = ""
    verdict: str = ""
    by: str = ""
    since: float | None = None
    until: float | None = None
    limit: int = 1000


class Keep(msgspec.Struct, frozen=True):
    """How long what is kept, in s.

    Attributes:
        alarms: ended alarms with their strips, from their onset.
        trends: minutes.
        audit: who did what.
        commands: results; a command that is repeated later would be carried out again.
        feedback: with its signal.
        outbox: published rows; must exceed what a restart replays.
        states: checkpoints and books of patients of whom nothing was heard, without open alarm.
    """

    alarms: float = 365 * DAY_S
    trends: float = 30 * DAY_S
    audit: float = 3 * 365 * DAY_S
    commands: float = 30 * DAY_S
    feedback: float = 3 * 365 * DAY_S
    outbox: float = 3600.0
    states: float = 7 * DAY_S


class Burden(msgspec.Struct, frozen=True):
    """The alarms of one kind that began at a bed on a day.

    Attributes:
        day: days since 1970-01-01 in the asker's time zone.
        unit, bed: as the alarms had it.
        patient: who lay there.
        kind: of the alarms.
        priority: the highest that one of them had.
        count: of alarms.
        judged: how many of them somebody called right or wrong.
        false: how many of them somebody called wrong, in their latest word.
    """

    day: int
    unit: str
    bed: str
    patient: str
    kind: str
    priority: int
    count: int
    judged: int
    false: int
