"""A patient is discharged, but perhaps the wrong one: as long as the device sends, monitoring goes on."""

from typing import Final

from ecg.messages import Patient
from stream.engine.alarms.limits import JUDGED, LimitState
from stream.engine.alarms.news import from_alarm
from stream.engine.alarms.rules import Ledger
from stream.engine.alarms.state import NEVER

TOLD_ANEW: Final = JUDGED | {
    "ALARMS_PAUSED",
    "NO_DATA",
    "ANALYSIS_FAIL",
    "ANALYSIS_LAG",
    "MODEL_FAIL",
}
"""Kinds that end with a discharge, or that are told anew by themselves as long as they last."""


def discharge(ledger: Ledger) -> None:
    """End everything; who sends on is monitored with default limits, where the device says to stand.

    What holds is remembered, for `carry_on`.
    """
    state = ledger.state
    state.paused_until = 0.0
    state.arrived = NEVER
    holding = [e.alarm for e in state.entries if e.holding and e.alarm.kind not in TOLD_ANEW]
    state.held = [*state.held, *holding]
    for entry in list(state.entries):
        ledger.end(entry, flag="discharged")
    state.profile = Patient(state.profile.id)
    state.limits = LimitState(seen=state.limits.seen)
    state.timeouts = {}
    state.admitted = False
    state.unit, state.bed = state.device.unit, state.device.bed


def carry_on(ledger: Ledger) -> None:
    """The session goes on after a discharge: what held then is raised anew, as of now.

    Nobody else would: whoever finds conditions tells of each once.
    """
    held, ledger.state.held = ledger.state.held, []
    for alarm in held:
        ledger.start(from_alarm(ledger.state, alarm, ledger.now), holding=True)
