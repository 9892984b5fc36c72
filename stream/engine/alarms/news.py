"""What a condition says when it comes to the alarm book, and the alarm that it becomes."""

import msgspec

from ecg.conditions import CATALOGUE, Change
from ecg.messages import Alarm, Evidence
from ecg.types import Paced
from stream.engine.alarms.state import Context, PatientState


class News(msgspec.Struct, frozen=True, gc=False):
    """A condition that is to become an alarm, with samples and their times.

    `timed` stands for what no sample tells (silence, a pause, a fault): samples do not move then,
    so the alarm's id carries the onset's time in milliseconds in place of its sample.
    """

    kind: str
    onset: int
    onset_time: float
    at: int
    at_time: float
    value: float | None = None
    limit: float | None = None
    measure: str = ""
    lead: str = ""
    quality: float | None = None
    evidence: Evidence | None = None
    flags: tuple[str, ...] = ()
    timed: bool = False


def from_change(
    context: Context, change: Change, quality: float | None, evidence: Evidence | None
) -> News:
    """A change of a condition, with the times of its samples."""
    return News(
        change.kind,
        change.onset,
        context.time(change.onset),
        change.at,
        context.time(change.at),
        value=change.value,
        limit=change.limit,
        measure=change.measure,
        lead=context.lead,
        quality=quality,
        evidence=evidence,
        flags=context.flags,
    )


def from_alarm(state: PatientState, alarm: Alarm, now: float) -> News:
    """What an alarm that ended was about, as of now: `timed`, so that its id is another one."""
    return News(
        alarm.kind,
        state.sample,
        now,
        state.sample,
        now,
        value=alarm.value,
        limit=alarm.limit,
        measure=alarm.measure,
        lead=alarm.lead,
        quality=alarm.quality,
        evidence=alarm.evidence,
        flags=state.flags,
        timed=True,
    )


def alarm_id(state: PatientState, news: News) -> str:
    """The same for the same patient, session, kind and onset, whoever computes it."""
    onset = f"t{round(news.onset_time * 1000)}" if news.timed else news.onset
    return f"{state.profile.id}:{state.session}:{news.kind}:{onset}"


def alarm_of(state: PatientState, news: News) -> Alarm:
    """The alarm before its first publication: its number is 0."""
    kind = CATALOGUE[news.kind]
    paced = ("paced",) if state.profile.paced == Paced.YES else ()
    return Alarm(
        id=alarm_id(state, news),
        update_no=0,
        phase="start",
        state="active",
        patient=state.profile.id,
        session=state.session,
        kind=kind.name,
        priority=kind.priority,
        text=kind.text,
        code=kind.code,
        onset_sample=max(news.onset, 0),
        onset_time=news.onset_time,
        detected_sample=max(news.at, 0),
        detected_time=news.at_time,
        value=news.value,
        limit=news.limit,
        measure=news.measure,
        lead=news.lead,
        quality=news.quality,
        evidence=news.evidence,
        flags=news.flags + paced,
        unit=state.unit,
        bed=state.bed,
    )
