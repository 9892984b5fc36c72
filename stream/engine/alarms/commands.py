"""What people ask of the alarm book, carried out on one patient: `rules` has the rules."""

from ecg.messages import (
    Acknowledge,
    Admit,
    Command,
    CommandDone,
    Discharge,
    PauseAudio,
    SetLimits,
)
from ecg.types import Priority
from stream.engine.alarms.discharge import discharge
from stream.engine.alarms.limits import DEFAULTS, set_limits
from stream.engine.alarms.patient import raise_now
from stream.engine.alarms.rules import Ledger
from stream.engine.alarms.state import Done, PatientState


def remember(ledger: Ledger, command: Command) -> bool:
    """Note that a command is answered now; False if it was before."""
    state = ledger.state
    if command.id in state.commands:
        return False
    state.commands = [*state.commands, command.id][-ledger.settings.commands :]
    return True


def carry_out(ledger: Ledger, command: Command) -> tuple[str, str]:
    """Do it; returns the code of a refusal and a detail for people."""
    if isinstance(command, Acknowledge):
        return _acknowledge(ledger, command)
    if isinstance(command, PauseAudio):
        return _pause(ledger, command.seconds)
    if isinstance(command, SetLimits):
        return _limit(ledger.state, command)
    if isinstance(command, Admit):
        return _admit(ledger, command)
    if isinstance(command, Discharge):
        discharge(ledger)
        return "", ""
    return "unknown_command", type(command).__name__


def answer(command: Command, now: float, refused: str = "", detail: str = "") -> Done:
    """What became of a command: carried out, or refused with a code."""
    return Done(
        CommandDone(
            id=command.id,
            patient=command.patient,
            time=now,
            by=command.by,
            action=command.action,
            refused=refused,
            detail=detail,
        )
    )


def _acknowledge(ledger: Ledger, command: Acknowledge) -> tuple[str, str]:
    """Acknowledge what was seen and is shown still; nothing, if any of it has become worse since."""
    seen = {taken.alarm: taken.update_no for taken in command.seen}
    if command.alarm:
        seen = {command.alarm: command.update_no}
    entries = ledger.state.entries
    found = [entry for entry in entries if entry.alarm.id in seen] if seen else list(entries)
    worse = [e.alarm.id for e in found if 0 < seen.get(e.alarm.id, 0) < e.escalated]
    if worse or (seen and not found):
        return ("escalated", worse[0]) if worse else ("unknown_alarm", next(iter(seen)))
    for entry in found:
        if entry.alarm.kind != "ALARMS_PAUSED":
            ledger.acknowledge(entry, command.by, command.note)
    return "", command.alarm


def _pause(ledger: Ledger, seconds: float) -> tuple[str, str]:
    """Silence this patient for a while; 0 ends the pause."""
    ledger.end_pause()
    if seconds > 0.0:
        state = ledger.state
        shown = [entry.alarm.priority for entry in state.entries]
        state.pause_base = max([Priority.LOW, *shown])
        state.paused_until = ledger.now + seconds
        raise_now(ledger, "ALARMS_PAUSED", ledger.now, seconds)
    return "", f"{seconds:g} s"


def _limit(state: PatientState, command: SetLimits) -> tuple[str, str]:
    try:
        set_limits(state.limits, command.low, command.high)
    except ValueError as error:
        return "bad_limits", str(error)
    return "", f"{command.low:g}–{command.high:g} /min"


def _admit(ledger: Ledger, command: Admit) -> tuple[str, str]:
    """Take in or transfer: the alarms go with the patient, the limits unless the category changes."""
    state = ledger.state
    if command.profile.id != command.patient:
        return "wrong_patient", command.profile.id
    if state.profile.category != command.profile.category:
        set_limits(state.limits, *DEFAULTS[command.profile.category])
    state.profile = command.profile
    state.admitted = True
    state.unit, state.bed = command.location.unit, command.location.bed
    for entry in state.entries:
        if (entry.alarm.unit, entry.alarm.bed) != (state.unit, state.bed):
            ledger.publish(entry, "update", unit=state.unit, bed=state.bed)
    return "", str(command.location)
