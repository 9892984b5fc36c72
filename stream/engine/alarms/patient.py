"""What happens to one patient in the alarm book: conditions, numbers, sessions, silence, deadlines.

Functions over a `PatientState`, each returning instructions; `rules` has the rules of single
alarms, `alarms` the patients and the order of time.
"""

import msgspec

from ecg.conditions import Change, Edge
from ecg.messages import Alarm, Evidence, Location, Patient, Strip
from ecg.types import Priority
from stream.engine.alarms import limits
from stream.engine.alarms.news import News, from_change
from stream.engine.alarms.rules import Ledger
from stream.engine.alarms.state import (
    NEVER,
    Context,
    Entry,
    Instruction,
    Mark,
    PatientState,
    Publish,
    Settings,
)


def switch(ledger: Ledger, context: Context, sample: int) -> None:
    """Leave the old session behind and learn the new one."""
    state = ledger.state
    release(ledger)
    if state.session:
        state.former = [*state.former, state.session][-ledger.settings.sessions :]
    state.session = context.session
    state.flags = context.flags
    state.sample = sample
    state.arrived = NEVER
    state.marks = {}
    limits.restart(state.limits)
    state.device = Location(context.unit, context.bed)
    if not state.admitted:
        state.unit, state.bed = context.unit, context.bed
    _learn(ledger)


def introduce(state: PatientState, profile: Patient) -> None:
    """Take what a device knows of its patient; an Admit, and who has set limits, knows better."""
    if state.admitted or profile == state.profile:
        return
    usual = limits.DEFAULTS[state.profile.category] == (state.limits.low, state.limits.high)
    if usual and profile.category != state.profile.category:
        limits.set_limits(state.limits, *limits.DEFAULTS[profile.category])
    state.profile = profile


def _learn(ledger: Ledger) -> None:
    """Nothing is known of the signal yet; the first heart rate ends it."""
    ledger.state.learning = True
    raise_now(ledger, "LEARNING", ledger.now)


def release(ledger: Ledger) -> None:
    """Nobody watches these conditions any more: they end, or stay latched."""
    ledger.state.learning = False
    ledger.state.held = []
    for entry in list(ledger.state.entries):
        if entry.holding and entry.alarm.kind != "ALARMS_PAUSED":
            ledger.clear(entry, ledger.state.sample)


def interrupt(ledger: Ledger) -> None:
    """The analysis has failed: how its conditions go on, nobody knows."""
    if not holds(ledger.state, "ANALYSIS_FAIL"):
        release(ledger)
        limits.restart(ledger.state.limits)
        raise_now(ledger, "ANALYSIS_FAIL", ledger.now)


def begin_anew(ledger: Ledger) -> None:
    """Drop all that is pending: what latches stays latched, everything else that is shown ends.

    No rule is asked, since one of them has raised.
    """
    state, now = ledger.state, ledger.now
    for entry in [entry for entry in state.entries if not entry.latched]:
        entry.holding = False
        entry.alarm = _over(entry, state.sample, now)
        ledger.out.append(Publish(entry.alarm))
    lingering = [(now + ledger.settings.linger, e.alarm) for e in state.entries if not e.latched]
    state.ended = [*[kept for kept in state.ended if kept[0] > now], *lingering]
    state.ended = state.ended[-ledger.settings.lingering :]
    state.entries = [entry for entry in state.entries if entry.latched]
    state.arrived, state.paused_until, state.learning = NEVER, 0.0, False


def _over(entry: Entry, sample: int, now: float) -> Alarm:
    """The next state of an alarm of which nothing more is decided: latched, or ended."""
    alarm, latched = entry.alarm, entry.latched
    return msgspec.structs.replace(
        alarm,
        update_no=alarm.update_no + 1,
        phase="update" if latched else "end",
        state="latched" if latched else "ended",
        silenced=alarm.silenced or not latched,
        ended_sample=sample if alarm.ended_sample is None else alarm.ended_sample,
        ended_time=now if alarm.ended_time is None else alarm.ended_time,
    )


def resume(ledger: Ledger) -> None:
    """The analysis has begun anew."""
    if holds(ledger.state, "ANALYSIS_FAIL"):
        lower(ledger, "ANALYSIS_FAIL", ledger.state.sample)
        _learn(ledger)


def apply(
    ledger: Ledger,
    context: Context,
    change: Change,
    quality: float | None = None,
    evidence: Evidence | None = None,
) -> None:
    """Turn a change of a condition into transitions of its alarm."""
    ledger.state.sample = max(ledger.state.sample, change.at)
    if change.edge == Edge.CLEAR:
        lower(ledger, change.kind, change.at, context.time(change.at))
        return
    ledger.start(from_change(context, change, quality, evidence), holding=change.edge == Edge.SET)


def judge_vitals(
    ledger: Ledger,
    context: Context,
    sample: int,
    heart_rate: float | None,
    v_per_minute: float | None,
) -> None:
    """Judge the numbers of a second; the first heart rate ends the learning."""
    state = ledger.state
    state.sample = max(state.sample, sample)
    noisy = holds(state, "ARTIFACT")
    numbers = heart_rate, v_per_minute
    for found in limits.judge(state.limits, sample, context.rate, *numbers, noisy=noisy):
        apply(ledger, context, found)
    if state.learning and heart_rate is not None:
        state.learning = False
        lower(ledger, "LEARNING", sample)


def judge_rate(ledger: Ledger, context: Context, sample: int, heart_rate: float) -> None:
    """Judge a heart rate between two seconds."""
    limited, noisy = ledger.state.limits, holds(ledger.state, "ARTIFACT")
    for found in limits.judge_rate(limited, sample, context.rate, heart_rate, noisy=noisy):
        apply(ledger, context, found)


def arrive(ledger: Ledger, end: int, seconds: float) -> None:
    """Samples up to `end` came, so many seconds: nothing is missing, and the next are awaited."""
    ledger.state.arrived, ledger.state.block = ledger.now, seconds
    ledger.state.sample = max(ledger.state.sample, end)
    lower(ledger, "NO_DATA", end)


def trouble(ledger: Ledger, kind: str, *, on: bool, value: float | None = None) -> None:
    """A trouble of the program itself begins or ends, unless that is known."""
    holding = holds(ledger.state, kind)
    if on and not holding:
        raise_now(ledger, kind, ledger.now, value)
    elif holding and not on:
        lower(ledger, kind, ledger.state.sample)


def lower(ledger: Ledger, kind: str, sample: int, time: float | None = None) -> None:
    """The condition of this kind is over, as was decided at a sample; `time`: of that, None for now."""
    for entry in list(ledger.state.entries):
        if entry.holding and entry.alarm.kind == kind:
            ledger.clear(entry, sample, time)


def raise_now(ledger: Ledger, kind: str, onset: float, value: float | None = None) -> None:
    """Something that no sample tells, since `onset`; a value is in seconds."""
    state = ledger.state
    stated = News(
        kind,
        state.sample,
        onset,
        state.sample,
        ledger.now,
        value=value,
        measure="" if value is None else "s",
        flags=state.flags,
        timed=True,
    )
    ledger.start(stated, holding=True)


def is_new(state: PatientState, change: Change) -> bool:
    """Whether this change was never seen: changes of a kind come in the order of `at`."""
    mark = state.marks.get(change.kind)
    key = (change.onset, change.edge.value)
    if mark is not None and (change.at < mark.at or (change.at == mark.at and key in mark.seen)):
        return False
    if mark is None or change.at > mark.at:
        state.marks[change.kind] = Mark(change.at, [key])
    else:
        mark.seen.append(key)
    return True


def with_strip(state: PatientState, name: str, strip: Strip) -> list[Instruction]:
    """The update that brings an alarm its strip; nothing when the alarm is long gone."""
    for entry in state.entries:
        if entry.alarm.id == name:
            entry.alarm = _bump(entry.alarm)
            return [Publish(msgspec.structs.replace(entry.alarm, strip=strip))]
    for place, (until, alarm) in enumerate(state.ended):
        if alarm.id == name:
            state.ended[place] = (until, _bump(alarm))
            return [Publish(msgspec.structs.replace(_bump(alarm), strip=strip))]
    return []


def _bump(alarm: Alarm) -> Alarm:
    return msgspec.structs.replace(alarm, update_no=alarm.update_no + 1, phase="update")


def shows(state: PatientState, kind: str) -> bool:
    """Whether an alarm of this kind is shown."""
    return any(entry.alarm.kind == kind for entry in state.entries)


def holds(state: PatientState, kind: str) -> bool:
    """Whether a condition of this kind is set."""
    return any(entry.holding and entry.alarm.kind == kind for entry in state.entries)


def patience(state: PatientState, settings: Settings) -> float:
    """Seconds after its last block for which a device is not silent: longer when its blocks are long."""
    return max(settings.no_data, state.block + settings.late)


def earliest(state: PatientState, settings: Settings) -> float:
    """The patient's next deadline, NEVER when nothing is pending."""
    due = NEVER
    if state.arrived != NEVER and not shows(state, "NO_DATA"):
        due = state.arrived + patience(state, settings)
    if state.paused_until > 0.0:
        due = min(due, state.paused_until)
    for until, _ in state.ended:
        due = min(due, until)
    for entry in state.entries:
        due = min(due, _entry_earliest(entry))
    return due


def _entry_earliest(entry: Entry) -> float:
    if entry.holding:
        return min(entry.rises_at, entry.quiet_until or NEVER, entry.realarm_at)
    return NEVER if entry.latched else entry.shows_until


def fall_due(ledger: Ledger) -> None:
    """Decide everything whose time is the ledger's `now`."""
    state, now = ledger.state, ledger.now
    overdue = state.arrived + patience(state, ledger.settings) <= now
    if overdue and not shows(state, "NO_DATA"):
        raise_now(ledger, "NO_DATA", state.arrived)
    if 0.0 < state.paused_until <= now:
        ledger.end_pause()
    for entry in list(state.entries):
        _entry_due(ledger, entry)
    state.ended = [kept for kept in state.ended if kept[0] > now]


def _entry_due(ledger: Ledger, entry: Entry) -> None:
    """Raise, let sound, or end one alarm whose time has come."""
    if not entry.holding:
        if not entry.latched and entry.shows_until <= ledger.now:
            ledger.end(entry)
        return
    if entry.rises_at <= ledger.now:
        ledger.escalate(entry, priority=Priority.MEDIUM)
    if 0.0 < entry.quiet_until <= ledger.now:
        ledger.time_out_over(entry)
    if entry.realarm_at <= ledger.now:
        ledger.realarm(entry)
