"""Sentences for tests of the alarm book: what happens, and what the book says to it in words."""

import msgspec

from ecg.conditions import Change, Edge
from ecg.messages import (
    Acknowledge,
    Admit,
    Discharge,
    Location,
    Patient,
    PauseAudio,
    SetLimits,
    Taken,
)
from stream.engine.alarms import Book, Context, Publish
from stream.engine.alarms.state import PatientState

RATE = 250.0
START = 1_000_000.0


def limits_of(book: Book, patient: str) -> tuple[float, float]:
    """Low and high limit of the heart rate, as the book keeps them."""
    limits = msgspec.msgpack.decode(book.dump(patient), type=PatientState).limits
    return limits.low, limits.high


class Ward:
    """One patient `p` on a book; times are seconds since the session's sample 0."""

    def __init__(self, settings=None, *, session="s1", learned=True) -> None:
        self.book = Book(settings)
        self.session = session
        self.published = []
        self.commands = 0
        self.moments = {session: 0.0}
        if learned:
            self.vitals(0.0, 75.0)

    def context(self, session=None, **more) -> Context:
        session = session or self.session
        return Context("p", session, RATE, START + self.moments[session], **more)

    def heard(self, out) -> list[str]:
        """Every instruction in words; alarms are also kept for a closer look."""
        words = []
        for instruction in out:
            if isinstance(instruction, Publish):
                self.published.append(instruction.alarm)
                words.append(sentence(instruction.alarm))
            else:
                done = instruction.done
                words.append(f"{done.action} {done.refused or 'done'}")
        return words

    # ── What happens ─────────────────────────────────────────────────────────────────────────

    def tell(self, at, kind, edge="set", *, onset=None, session=None, **more) -> list[str]:
        """A change of a condition, decided at `at` seconds."""
        context = self.context(session, flags=more.pop("flags", ()))
        begun = at if onset is None else onset
        change = Change(kind, Edge(edge), round(begun * RATE), round(at * RATE), **more)
        now = context.time(change.at)
        return self.heard(self.book.change(context, change, now))

    def vitals(self, at, rate, pvcs=0.0) -> list[str]:
        context = self.context()
        sample = round(at * RATE)
        return self.heard(self.book.vitals(context, sample, rate, pvcs, context.time(sample)))

    def heart_rate(self, at, rate) -> list[str]:
        """Between two seconds, as the ward tells it."""
        if not self.book.exceeds("p", rate):
            return []
        context = self.context()
        sample = round(at * RATE)
        return self.heard(self.book.heart_rate(context, sample, rate, context.time(sample)))

    def tick(self, at) -> list[str]:
        return self.heard(self.book.tick(START + at))

    def arrive(self, at) -> list[str]:
        return self.heard(self.book.arrived("p", self.session, round(at * RATE), START + at))

    def goodbye(self, at) -> list[str]:
        return self.heard(self.book.goodbye("p", self.session, START + at))

    def fault(self, at, kind, *, on=True) -> list[str]:
        return self.heard(self.book.fault("p", kind, START + at, on=on))

    def new_session(self, at, session) -> list[str]:
        self.session = session
        self.moments[session] = at
        return self.heard(self.book.session(self.context(), START + at))

    # ── What people do ───────────────────────────────────────────────────────────────────────

    def do(self, at, kind, **more) -> list[str]:
        self.commands += 1
        more = {"id": f"c{self.commands}", "patient": "p", "by": "nurse", "at": START + at} | more
        return self.heard(self.book.command(kind(**more), START + at))

    def acknowledge(self, at, kind="", **more) -> list[str]:
        """Acknowledge the newest alarm of this kind that is shown, or all."""
        names = [a.id for a in self.book.alarms("p") if a.kind == kind]
        return self.do(at, Acknowledge, alarm=names[-1] if names else kind, **more)

    def seen(self) -> tuple[Taken, ...]:
        """What a display shows now, as one who presses "acknowledge all" has seen it."""
        return tuple(Taken(alarm.id, alarm.update_no) for alarm in self.book.alarms("p"))

    def pause(self, at, seconds=120.0) -> list[str]:
        return self.do(at, PauseAudio, seconds=seconds)

    def limits(self, at, low, high) -> list[str]:
        return self.do(at, SetLimits, low=low, high=high)

    def admit(self, at, unit="ICU", bed="1", **profile) -> list[str]:
        return self.do(at, Admit, profile=Patient("p", **profile), location=Location(unit, bed))

    def discharge(self, at) -> list[str]:
        return self.do(at, Discharge)

    def shown(self) -> list[str]:
        """What a display shows now: kind and state, `*` when it sounds."""
        return [f"{a.kind} {a.state}{'' if a.silenced else '*'}" for a in self.book.alarms("p")]


def sentence(alarm) -> str:
    """KIND phase state, with what makes it special."""
    parts = [alarm.kind, alarm.phase, alarm.state]
    if alarm.suppressed_by:
        parts.append(f"by {alarm.suppressed_by}")
    if alarm.silenced and alarm.state == "active" and not alarm.suppressed_by:
        parts.append("silent")
    return " ".join(parts)


def repeat(ward: Ward, kind: str) -> list[str]:
    """A lesser alarm comes at 5 s, ends, and comes again within its time-out, at 30 s: what is told then."""
    ward.tell(5.0, kind)
    ward.tell(6.0, kind, "clear", onset=5.0)
    ward.tick(20.0)
    return ward.tell(30.0, kind, onset=29.0)


def worsen(ward: Ward, kind: str) -> list[str]:
    """After `repeat`: NSVT becomes VTACH, LEADS_OFF lasts for 10 s; what is told then."""
    return ward.tell(31.0, "VTACH", onset=29.0) if kind == "NSVT" else ward.tick(39.0)
