"""Everything that crosses the wire, as typed structs: the one schema of WebSocket, log and Kafka.

In MessagePack a message is a compact array whose first two elements are its type and the protocol
version; in JSON it is an object with the same field names (ecg/wire.py). Fields are only ever
appended, so an old reader ignores what it does not know. Samples are int16 in units of
`uv_per_lsb` microvolts; `sample` and `first` are indices in the device's own stream, counted from
the start of its session; times are seconds since 1970 (UTC).
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ecg.types import BeatClass, Category, Lead, Paced, Priority

VERSION: Final = 1

MIN_RATE, MAX_RATE = 125.0, 1000.0
MAX_LEADS: Final = 12
MIN_BLOCK_SECONDS, MAX_BLOCK_SECONDS = 0.02, 5.0
MAX_MESSAGE_BYTES: Final = 64 * 1024
MAX_INDEX: Final = 2**53
"""Largest sample index: exact in JSON readers that keep numbers as doubles (280 thousand years)."""

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}$(?!\n)")]
"""A pseudonym or an id: safe in URLs, file names and Kafka keys."""
STORABLE: Final = r"^[^\u0000]*$"
"""Any text without U+0000, which PostgreSQL refuses: one of it would end every commit of a worker."""
Text = Annotated[str, Meta(max_length=256, pattern=STORABLE)]
Word = Annotated[str, Meta(max_length=16_384, pattern=STORABLE)]
"""A cursor: about eight characters for each partition of the event topics."""
Receiver = Annotated[str, Meta(pattern=r"^(?:[A-Za-z0-9][A-Za-z0-9_.\-]{0,63})?$(?!\n)")]
"""The name of an alarm receiver, or nothing."""
Sex = Annotated[str, Meta(pattern=r"^[FMX]$(?!\n)")]
Index = Annotated[int, Meta(ge=0, le=MAX_INDEX)]
Rate = Annotated[float, Meta(ge=MIN_RATE, le=MAX_RATE)]
Gain = Annotated[float, Meta(gt=0.0, le=1000.0)]
Leads = Annotated[tuple[Lead, ...], Meta(min_length=1, max_length=MAX_LEADS)]
Gains = Annotated[tuple[Gain, ...], Meta(min_length=1, max_length=MAX_LEADS)]


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A piece of a message, without a type of its own."""


class Message(Part, frozen=True, array_like=True, tag_field="type", tag=str.lower, kw_only=True):
    """Base of every message: `v` is the protocol version and stands right after the type."""

    v: int = VERSION


# ── Devices in ────────────────────────────────────────────────────────────────────────────────


class Patient(Part, frozen=True, array_like=True):
    """Who is monitored: a pseudonym and what the limits depend on; never a name."""

    id: Name
    birth_year: Annotated[int, Meta(ge=1850, le=2200)] | None = None
    sex: Sex | None = None
    category: Category = Category.ADULT
    paced: Paced = Paced.UNKNOWN


class Location(Part, frozen=True, array_like=True):
    """Where the bed stands."""

    unit: Text = ""
    bed: Text = ""

    def __str__(self) -> str:
        return f"{self.unit} {self.bed}".strip()


class DeviceInfo(Part, frozen=True, array_like=True):
    """The device, what it is and what it can do."""

    id: Name
    model: Text = ""
    firmware: Text = ""
    lead_off_flags: bool = False
    pace_marker: bool = False
    store_seconds: Annotated[float, Meta(ge=0, le=7 * 86400)] = 0.0


class Hello(Message, frozen=True, array_like=True, kw_only=True):
    """Opens an ingest connection; `session` is new for each boot or reset of the sample counter."""

    device: DeviceInfo
    session: Name
    patient: Patient
    rate: Rate
    leads: Leads
    uv_per_lsb: Gains
    location: Location = Location()
    credential: Text = ""


class Limits(Part, frozen=True, array_like=True):
    """What the gateway takes on this connection."""

    max_message_bytes: int = MAX_MESSAGE_BYTES
    max_block_seconds: float = MAX_BLOCK_SECONDS
    max_leads: int = MAX_LEADS


class Welcome(Message, frozen=True, array_like=True, kw_only=True):
    """Answers HELLO: durable up to sample index `durable` (exclusive; may be too low)."""

    durable: Index
    credit: int
    limits: Limits = Limits()


class LeadOff(Part, frozen=True, array_like=True):
    """From sample `at` on, the lead-off state of each lead (True: electrode off)."""

    at: Index
    off: Annotated[tuple[bool, ...], Meta(max_length=MAX_LEADS)]


class Block(Message, frozen=True, array_like=True, kw_only=True):
    """Samples `first` … `first + n` of one session, self-describing; payload is lead-major int16."""

    patient: Name
    session: Name
    seq: Index
    first: Index
    rate: Rate
    leads: Leads
    uv_per_lsb: Gains
    payload: Annotated[bytes, Meta(min_length=2, max_length=MAX_MESSAGE_BYTES)]
    device_time: float | None = None
    lead_off: Annotated[tuple[LeadOff, ...], Meta(max_length=64)] = ()
    pace: Annotated[tuple[Index, ...], Meta(max_length=64)] = ()
    flags: Annotated[tuple[Text, ...], Meta(max_length=8)] = ()
    unit: Text = ""
    bed: Text = ""

    @property
    def count(self) -> int:
        """Samples in each lead."""
        return len(self.payload) // (2 * len(self.leads))

    @property
    def end(self) -> int:
        """Index after the last sample."""
        return self.first + self.count

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.count / self.rate


class Ack(Message, frozen=True, array_like=True, kw_only=True):
    """Everything below sample index `durable` is stored; `credit` more blocks may be in flight."""

    session: Name
    durable: Index
    credit: int


class Heartbeat(Message, frozen=True, array_like=True, kw_only=True):
    """Sent each second both ways; `time` is the sender's clock."""

    time: float


class Goodbye(Message, frozen=True, array_like=True, kw_only=True):
    """Tells a shutdown from a failure; `end` is the index after the last sample of the session."""

    patient: Name
    session: Name
    end: Index
    reason: Text = ""


class Problem(Message, frozen=True, array_like=True, kw_only=True):
    """An error with a stable code; `fatal` ones are followed by a close."""

    code: Text
    text: Text
    field: Text = ""
    limit: Text = ""
    fatal: bool = True


# ── The log ───────────────────────────────────────────────────────────────────────────────────


class Rejected(Message, frozen=True, array_like=True, kw_only=True):
    """A record of the log that was left out: which one, and why, in `ecg.rejected`.

    `time` is when the log took the record, `key` what another producer wrote there, whatever it is;
    code, text, field and limit are those of a Problem.
    """

    topic: Text
    partition: Annotated[int, Meta(ge=0)]
    offset: Annotated[int, Meta(ge=0)]
    key: Annotated[str, Meta(max_length=256)]
    time: float
    code: Text
    text: Text
    field: Text = ""
    limit: Text = ""


# ── Events out ────────────────────────────────────────────────────────────────────────────────


class Beat(Message, frozen=True, array_like=True, kw_only=True):
    """One heartbeat: R at `sample`; probabilities in the order N S V F Q; `rr` in seconds."""

    patient: Name
    session: Name
    sample: Index
    time: float
    label: BeatClass = msgspec.field(name="class")
    probabilities: tuple[float, ...]
    rr: float | None
    quality: float
    model: str
    flags: tuple[str, ...] = ()
    lead: Text = ""
    """The lead it was found in: of several, the one that was heard."""


class Vitals(Message, frozen=True, array_like=True, kw_only=True):
    """The state of a patient at 1 Hz; what is not known is None, a last value is never held."""

    patient: Name
    session: Name
    sample: Index
    time: float
    heart_rate: float | None
    v_per_minute: float | None
    rhythm: str
    quality: float
    qrs_ms: float | None = None
    qtc_ms: float | None = None
    """QT over the square root of RR in seconds (Bazett), ms; by Fridericia: over its cube root."""
    unit: str = ""
    bed: str = ""
    rate: float | None = None
    """Effective sampling frequency in Hz, from the fit of arrival times to sample indices."""
    qt_ms: float | None = None
    qtc_fridericia_ms: float | None = None
    interval_confidence: float | None = None
    """Of QRS, QT and QTc, 0.5 to 1: how far T stands out of the noise, and of how many beats."""
    lead: Text = ""
    """The lead that is heard: another name than before tells of the change."""


class Gap(Message, frozen=True, array_like=True, kw_only=True):
    """Samples `first` … `end` of a session are missing, or, on a subscription, were dropped."""

    patient: Name
    session: Name
    first: Index
    end: Index


class EvidenceBeat(Part, frozen=True, array_like=True):
    """A beat that led to an alarm: where, which class, how sure."""

    sample: Index
    label: BeatClass = msgspec.field(name="class")
    confidence: float


class Evidence(Part, frozen=True, array_like=True):
    """Why an alarm was raised: the rule in words, the beats, the model that named them."""

    rule: str
    beats: tuple[EvidenceBeat, ...] = ()
    model: str = ""


class Strip(Part, frozen=True, array_like=True):
    """The signal around an alarm's onset, in the device's own units; gaps are holes in `blocks`."""

    first: Index
    end: Index
    blocks: tuple[Block, ...]


class Alarm(Message, frozen=True, array_like=True, kw_only=True):
    """One state of one alarm; (id, update_no) is unique, update_no rises by one each time."""

    id: str
    update_no: int
    phase: str
    """start, update, escalate, end"""
    state: str
    """active, latched, acknowledged, ended"""
    patient: Name
    session: str
    kind: str
    priority: Priority
    text: str
    code: int | None
    onset_sample: Index
    onset_time: float
    detected_sample: Index
    detected_time: float
    value: float | None = None
    limit: float | None = None
    measure: str = ""
    """Unit of `value` and `limit`, e.g. /min or s."""
    lead: str = ""
    quality: float | None = None
    evidence: Evidence | None = None
    suppressed_by: str = ""
    silenced: bool = False
    acknowledged_by: str = ""
    acknowledged_at: float | None = None
    note: str = ""
    ended_sample: Index | None = None
    flags: tuple[str, ...] = ()
    unit: str = ""
    bed: str = ""
    strip: Strip | None = None
    published_at: float | None = None
    ended_time: float | None = None
    """When its condition ended; None while it holds."""


# ── Commands ──────────────────────────────────────────────────────────────────────────────────


class Taken(Part, frozen=True, array_like=True):
    """An alarm that was taken in (seen), with all its updates up to `update_no`."""

    alarm: Annotated[str, Meta(max_length=512, pattern=STORABLE)]
    update_no: Index


MAX_TAKEN: Final = 64
"""Alarms in one list of them: far below the largest frame, more than one patient can have at once."""
Seen = Annotated[tuple[Taken, ...], Meta(min_length=1, max_length=MAX_TAKEN)]


class Command(Message, frozen=True, array_like=True, kw_only=True):
    """What a person asked of the alarm book; `id` makes a repeated command harmless."""

    id: Name
    patient: Name
    by: Text
    at: float

    @property
    def action(self) -> str:
        """Its name in answers and in the audit trail."""
        return type(self).__name__.lower()


class Acknowledge(Command, frozen=True, array_like=True, kw_only=True):
    """Someone has seen this alarm, or, without an id, those in `seen`, or whatever there is by then."""

    alarm: Text
    note: Text = ""
    update_no: Index = 0
    """Which state of it was seen; 0: it does not say. With one, an alarm that escalated later sounds on."""
    seen: Annotated[tuple[Taken, ...], Meta(max_length=MAX_TAKEN)] = ()
    """Without an alarm's id: which alarms were seen, and as what. Others sound on."""


class PauseAudio(Command, frozen=True, array_like=True, kw_only=True):
    """Silence one patient's alarms for `seconds`; there is no endless pause."""

    seconds: Annotated[float, Meta(ge=0, le=180)] = 120.0


class SetLimits(Command, frozen=True, array_like=True, kw_only=True):
    """Heart-rate limits of one patient, per minute."""

    low: Annotated[float, Meta(ge=15, le=200)]
    high: Annotated[float, Meta(ge=30, le=300)]


class Admit(Command, frozen=True, array_like=True, kw_only=True):
    """A patient comes to a bed, or moves to another one."""

    profile: Patient
    location: Location = Location()


class Discharge(Command, frozen=True, array_like=True, kw_only=True):
    """A patient leaves: alarms end, limits return to their defaults."""


class CommandDone(Message, frozen=True, array_like=True, kw_only=True):
    """The book has carried out a command, or refused it with a code."""

    id: str
    patient: Name
    time: float
    by: str
    action: str
    refused: str = ""
    detail: str = ""


# ── Subscriptions ─────────────────────────────────────────────────────────────────────────────


class Subscribe(Message, frozen=True, array_like=True, kw_only=True):
    """Opens a subscription: no patients and no units means all; `after` is a cursor to resume."""

    channels: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=8)]
    patients: Annotated[tuple[Name, ...], Meta(max_length=1024)] = ()
    units: Annotated[tuple[Text, ...], Meta(max_length=64)] = ()
    after: Word = ""
    credential: Text = ""
    receiver: Receiver = ""
    """Declares an alarm receiver of this name: it confirms the alarms that it is given."""


class Snapshot(Message, frozen=True, array_like=True, kw_only=True):
    """All active and latched alarms as of `cursor`; what follows is news."""

    cursor: str
    alarms: tuple[Alarm, ...]


class Event(Message, frozen=True, array_like=True, kw_only=True):
    """One event of a subscription and the cursor to resume after it."""

    cursor: str
    event: Beat | Vitals | Alarm | Gap | CommandDone | Block


class Confirm(Message, frozen=True, array_like=True, kw_only=True):
    """An alarm receiver has taken these alarms in."""

    alarms: Seen
