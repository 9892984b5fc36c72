"""Room `alarms`: the alarm book of many patients. Stimuli in, instructions out, nothing else.

Every method that takes `now` (seconds since 1970, never falling) is a stimulus and returns what is
to be saved and published, in order. Deadlines are data: call `tick` no later than
`next_deadline()`. What falls due at a time is decided at that time however late `tick` comes, so
the instructions do not depend on how often it is called. The same stimuli give the same ids and
transitions; a replayed change or command (after a restore) gives none.

A condition found in samples comes through `change` (replays are recognised by their sample);
a trouble of this program itself (MODEL_FAIL, ANALYSIS_LAG) through `fault`, or ANALYSIS_FAIL through `analysis`.
"""

from collections.abc import Iterable, Iterator

import msgspec

from ecg.conditions import Change
from ecg.messages import Alarm, Command, Evidence, Location, Patient, Strip
from ecg.types import Paced
from stream.engine.alarms.commands import answer, carry_out, remember
from stream.engine.alarms.deadlines import Deadlines
from stream.engine.alarms.discharge import carry_on
from stream.engine.alarms.limits import exceeds
from stream.engine.alarms.news import from_change
from stream.engine.alarms.patient import (
    apply,
    arrive,
    begin_anew,
    earliest,
    fall_due,
    interrupt,
    introduce,
    is_new,
    judge_rate,
    judge_vitals,
    patience,
    release,
    resume,
    switch,
    trouble,
    with_strip,
)
from stream.engine.alarms.rules import Ledger
from stream.engine.alarms.state import NEVER, Context, Instruction, PatientState, Settings


class Book:
    """The alarms of many patients."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Start with no patients."""
        self._settings = settings or Settings()
        self._patients: dict[str, PatientState] = {}
        self._deadlines = Deadlines()

    # ── Signals ──────────────────────────────────────────────────────────────────────────────

    def session(
        self, context: Context, now: float, *, sample: int = 0, profile: Patient | None = None
    ) -> list[Instruction]:
        """A device starts a session at `sample`: what the older one held ends or stays latched.

        `profile` is what the device knows of the patient; an Admit knows better. A session that
        is known changes nothing, a former one is ignored.
        """
        out, ledger = self._enter(context, now, sample)
        if profile is not None:
            introduce(ledger.state, profile)
        return self._close(out, ledger)

    def is_paced(self, patient: str) -> bool:
        """Whether the patient is said to have a pacemaker."""
        state = self._patients.get(patient)
        return state is not None and state.profile.paced == Paced.YES

    def arrived(
        self, patient: str, session: str, end: int, now: float, seconds: float = 0.0
    ) -> list[Instruction]:
        """Samples up to `end` came from a device, so many seconds: NO_DATA waits anew. Cheap: call it per block."""
        state = self._patients.get(patient)
        if state is None or session != state.session:
            return []
        awaited = 0.0 <= now - state.arrived < patience(state, self._settings)
        if awaited and now < self._deadlines.noted(patient):
            state.arrived, state.block, state.sample = now, seconds, max(state.sample, end)
            return []
        out, ledger = self._open(patient, now)
        arrive(ledger, end, seconds)
        carry_on(ledger)
        return self._close(out, ledger)

    def goodbye(self, patient: str, session: str, now: float) -> list[Instruction]:
        """The device ended its session in order: nothing is awaited, what it held is over."""
        out, ledger = self._open(patient, now)
        if session == ledger.state.session:
            ledger.state.arrived = NEVER
            release(ledger)
        return self._close(out, ledger)

    def change(
        self,
        context: Context,
        change: Change,
        now: float,
        *,
        quality: float | None = None,
        evidence: Evidence | None = None,
    ) -> list[Instruction]:
        """A condition was set, cleared or happened once; replays do nothing.

        Backfill is stored for review, ended and silent, and touches nothing that is live.
        """
        if "backfill" in context.flags:
            state = PatientState(Patient(context.patient), context.session)
            ledger = Ledger(state, self._settings, now)
            return ledger.review(from_change(context, change, quality, evidence), change.edge)
        out, ledger = self._enter(context, now)
        if context.session == ledger.state.session and is_new(ledger.state, change):
            apply(ledger, context, change, quality, evidence)
        return self._close(out, ledger)

    def vitals(
        self,
        context: Context,
        sample: int,
        heart_rate: float | None,
        v_per_minute: float | None,
        now: float,
    ) -> list[Instruction]:
        """Judge one second's numbers against the patient's limits; replays do nothing."""
        out, ledger = self._enter(context, now)
        if context.session == ledger.state.session:
            judge_vitals(ledger, context, sample, heart_rate, v_per_minute)
        return self._close(out, ledger)

    def exceeds(self, patient: str, heart_rate: float) -> bool:
        """Whether a rate is beyond a limit: only then `heart_rate` has work. Cheap: call it per beat."""
        state = self._patients.get(patient)
        return state is None or exceeds(state.limits, heart_rate)

    def heart_rate(
        self, context: Context, sample: int, heart_rate: float, now: float
    ) -> list[Instruction]:
        """Judge a rate between two seconds: what it breaks is told now; what is kept, `vitals` says."""
        out, ledger = self._enter(context, now)
        if context.session == ledger.state.session:
            judge_rate(ledger, context, sample, heart_rate)
        return self._close(out, ledger)

    def fault(
        self, patient: str, kind: str, now: float, *, on: bool, value: float | None = None
    ) -> list[Instruction]:
        """A trouble of the program itself begins or ends; telling it twice does nothing.

        `value` is how many seconds it is about, if it is about time.
        """
        out, ledger = self._open(patient, now)
        trouble(ledger, kind, on=on, value=value)
        return self._close(out, ledger)

    def analysis(self, patient: str, now: float, *, goes_on: bool) -> list[Instruction]:
        """A patient's analysis has failed, and what it held ends or stays latched; or it begins anew.

        Telling it twice does nothing.
        """
        out, ledger = self._open(patient, now)
        (resume if goes_on else interrupt)(ledger)
        return self._close(out, ledger)

    def strip(self, patient: str, alarm: str, strip: Strip) -> list[Instruction]:
        """The signal around an alarm is there: an update of the alarm, if it is still known."""
        state = self._patients.get(patient)
        return with_strip(state, alarm, strip) if state else []

    # ── People ───────────────────────────────────────────────────────────────────────────────

    def command(self, command: Command, now: float) -> list[Instruction]:
        """Carry out what a person asked, once for each command id."""
        out, ledger = self._open(command.patient, now)
        new = remember(ledger, command)
        done = [answer(command, now, *carry_out(ledger, command))] if new else []
        return [*self._close(out, ledger), *done]

    def refuse(self, command: Command, now: float, code: str, why: str = "") -> list[Instruction]:
        """A command is not carried out: its answer, once for each command id."""
        ledger = Ledger(self._state(command.patient), self._settings, now)
        return [answer(command, now, code, why)] if remember(ledger, command) else []

    # ── Time ─────────────────────────────────────────────────────────────────────────────────

    def next_deadline(self) -> float | None:
        """When `tick` is due next (or a little before), or None when nothing is pending."""
        return self._deadlines.next()

    def tick(self, now: float) -> list[Instruction]:
        """Time has passed: decide what fell due."""
        return [said for patient in self.overdue(now) for said in self.decide(patient, now)]

    def overdue(self, now: float) -> Iterator[str]:
        """Patients of whom something has fallen due; `decide` it before the next one."""
        for patient in self._deadlines.take(now):
            if self.deadline(patient) <= now:
                yield patient
            else:
                self._schedule(patient)

    def deadline(self, patient: str) -> float:
        """When something of a patient falls due next, infinite for never."""
        state = self._patients.get(patient)
        return earliest(state, self._settings) if state else NEVER

    def decide(self, patient: str, now: float) -> list[Instruction]:
        """Decide what fell due of one patient."""
        return self._close(*self._open(patient, now))

    def begin_anew(self, patient: str, now: float) -> list[Instruction]:
        """A rule of the book raised: nothing is pending any more, and the analysis has failed.

        What latches stays latched, all else that was shown ends.
        """
        ledger = Ledger(self._state(patient), self._settings, now)
        begin_anew(ledger)
        interrupt(ledger)
        return self._close([], ledger)

    # ── State ────────────────────────────────────────────────────────────────────────────────

    def patients(self) -> Iterable[str]:
        """Everybody the book remembers."""
        return self._patients.keys()

    def alarms(self, patient: str) -> list[Alarm]:
        """What is shown for a patient, as last published, in the order of raising."""
        state = self._patients.get(patient)
        return [entry.alarm for entry in state.entries] if state else []

    def lingering(self, patient: str) -> list[Alarm]:
        """Alarms that ended a moment ago and still take their strip."""
        state = self._patients.get(patient)
        return [alarm for _, alarm in state.ended] if state else []

    def place(self, patient: str) -> Location | None:
        """Where somebody was admitted to; None: nobody knows better than the device."""
        state = self._patients.get(patient)
        return Location(state.unit, state.bed) if state is not None and state.admitted else None

    def idle(self, patient: str) -> bool:
        """Whether a known patient has nothing shown, and is in no bed."""
        state = self._patients.get(patient)
        return state is not None and not (state.entries or state.admitted)

    def dump(self, patient: str) -> bytes:
        """Everything that is remembered of a patient; KeyError if there is nothing."""
        return msgspec.msgpack.encode(self._patients[patient])

    def load(self, patient: str, data: bytes) -> None:
        """Take back what `dump` gave; msgspec.ValidationError if it was not that."""
        self._patients[patient] = msgspec.msgpack.decode(data, type=PatientState)
        self._deadlines.forget(patient)
        self._schedule(patient)

    def forget(self, patient: str) -> None:
        """The patient is somebody else's now."""
        self._patients.pop(patient, None)
        self._deadlines.forget(patient)

    # ── Inside ───────────────────────────────────────────────────────────────────────────────

    def _state(self, patient: str) -> PatientState:
        """A patient's state, begun if there is none."""
        state = self._patients.get(patient)
        if state is None:
            state = self._patients[patient] = PatientState(Patient(patient))
        return state

    def _open(self, patient: str, now: float) -> tuple[list[Instruction], Ledger]:
        """Let a patient's deadlines up to `now` come to pass, each at its own time."""
        state = self._state(patient)
        out: list[Instruction] = []
        while (due := earliest(state, self._settings)) <= now:
            past = Ledger(state, self._settings, due)
            fall_due(past)
            out += past.settle()
        return out, Ledger(state, self._settings, now)

    def _enter(
        self, context: Context, now: float, sample: int = 0
    ) -> tuple[list[Instruction], Ledger]:
        """The same for a stimulus of a session: an unknown session is a new one."""
        out, ledger = self._open(context.patient, now)
        if context.session == ledger.state.session:
            carry_on(ledger)
        elif context.session not in ledger.state.former:
            switch(ledger, context, sample)
        return out, ledger

    def _close(self, out: list[Instruction], ledger: Ledger) -> list[Instruction]:
        """End a stimulus: everything that depends on all alarms is derived anew."""
        out += ledger.settle()
        self._schedule(ledger.state.profile.id)
        return out

    def _schedule(self, patient: str) -> None:
        """Note the next deadline; one that moved later stays noted, and `tick` finds nothing."""
        self._deadlines.note(patient, self.deadline(patient))
