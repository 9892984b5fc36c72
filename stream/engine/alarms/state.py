"""What the alarm book knows: its settings, what comes in with a condition, what it remembers.

Only the files of this folder import this file, and those who wire the book.
"""

from typing import Final

import msgspec

from ecg.conditions import CATALOGUE
from ecg.messages import Alarm, CommandDone, Location, Patient
from ecg.types import Priority
from stream.engine.alarms.limits import LimitState

NEVER: Final = float("inf")


class Settings(msgspec.Struct, frozen=True):
    """Times of the book in seconds and its bounds (ALARMS.md, unless another reason is given)."""

    show: float = 6.0
    """A self-clearing alarm shows at least so long."""
    first_level: float = 180.0
    """Time-out of a repeated alarm of medium priority: it shows, but does not sound."""
    second_level: float = 600.0
    """The same for low priority."""
    realarm: float = 180.0
    """Re-alarm: an acknowledged high alarm whose condition still holds after so long sounds again
    (bedside monitors: off, 1, 2 or 3 min); 0: never."""
    no_data: float = 3.0
    """Silence of a device that raises NO_DATA; the catalogue says when it becomes medium."""
    late: float = 2.0
    """How much later than its length a block may come: a device of long blocks is silent after them."""
    linger: float = 20.0
    """An ended alarm still takes its strip (5 s after onset, and time to fetch it)."""
    lingering: int = 32
    """Ended alarms that linger at most."""
    latched: int = 4
    """Latched alarms of one kind; one more ends the oldest, flagged `superseded`: bounds memory
    when a tachycardia comes and goes all night and nobody looks."""
    commands: int = 64
    """Command ids remembered for each patient, so that a repeated command does nothing."""
    sessions: int = 8
    """Former sessions remembered, so that what comes late from them is not taken for new."""


class Context(msgspec.Struct, frozen=True, gc=False):
    """Whose condition it is, and where its sample indices lie in time.

    Attributes:
        patient: pseudonym.
        session: of the device.
        rate: effective samples per second.
        origin: time of sample 0, seconds since 1970.
        unit: where the bed stands, as the device tells it; an Admit knows better.
        bed: the same.
        lead: the lead that was judged.
        flags: demo, test, backfill.
    """

    patient: str
    session: str
    rate: float
    origin: float = 0.0
    unit: str = ""
    bed: str = ""
    lead: str = ""
    flags: tuple[str, ...] = ()

    def time(self, sample: int) -> float:
        """When this sample was taken."""
        return self.origin + sample / self.rate


class Publish(msgspec.Struct, frozen=True, gc=False):
    """Save and publish this state of an alarm (its `phase` says what happened to it)."""

    alarm: Alarm


class Done(msgspec.Struct, frozen=True, gc=False):
    """Save and publish that a command was carried out or refused."""

    done: CommandDone


Instruction = Publish | Done


class Entry(msgspec.Struct, array_like=True):
    """An alarm that is shown, and what its next transitions depend on.

    Attributes:
        alarm: as last published.
        holding: the condition is set; False when it is latched or only shown on.
        acknowledged: someone saw it while the condition held.
        shows_until: an alarm that does not hold or latch ends at this time.
        quiet_until: a repeated alarm sounds from this time on, if it still holds.
        rises_at: the catalogue's time to raise the priority of an unresolved technical alarm.
        realarm_at: an acknowledged high alarm sounds again at this time, if it still holds.
        escalated: `update_no` of its last escalation, 0 without one.
    """

    alarm: Alarm
    holding: bool
    acknowledged: bool = False
    shows_until: float = 0.0
    quiet_until: float = 0.0
    rises_at: float = NEVER
    realarm_at: float = NEVER
    escalated: int = 0

    @property
    def latched(self) -> bool:
        """Stays until acknowledged although its condition is over."""
        return not self.holding and CATALOGUE[self.alarm.kind].latches


class Mark(msgspec.Struct, array_like=True, gc=False):
    """The newest change of a kind: older ones, and those listed, are replays."""

    at: int
    seen: list[tuple[int, str]]


class PatientState(msgspec.Struct, array_like=True):
    """Everything the book remembers of one patient; bounded (Settings, kinds of the catalogue)."""

    profile: Patient
    session: str = ""
    unit: str = ""
    bed: str = ""
    admitted: bool = False
    learning: bool = False
    limits: LimitState = msgspec.field(default_factory=LimitState)
    entries: list[Entry] = []
    """What is shown, in the order of raising."""
    ended: list[tuple[float, Alarm]] = []
    """What ended a moment ago, and until when it lingers."""
    marks: dict[str, Mark] = {}
    timeouts: dict[str, float] = {}
    """By kind: until when a repetition does not sound."""
    former: list[str] = []
    commands: list[str] = []
    paused_until: float = 0.0
    pause_base: Priority = Priority.LOW
    arrived: float = NEVER
    """When data came last; NEVER when none are awaited (before the first, after a GOODBYE)."""
    sample: int = 0
    """The newest sample index known of this session."""
    flags: tuple[str, ...] = ()
    held: list[Alarm] = []
    """What still held at a discharge: raised anew when the session goes on."""
    device: Location = Location()
    """Where the device says that it stands."""
    block: float = 0.0
    """Seconds of signal that came last: the next are awaited so much later."""
