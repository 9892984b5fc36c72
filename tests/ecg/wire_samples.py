"""One of every message, with every field set, and a hypothesis strategy for each type."""

import re
import typing
from typing import Any

import msgspec
from hypothesis import strategies as st

from ecg import messages as m
from ecg.types import BeatClass, Category, Lead, Paced, Priority

BLOCK = m.Block(
    patient="p-1",
    session="boot.7",
    seq=41,
    first=10_250,
    rate=250.0,
    leads=(Lead.II, Lead.V1),
    uv_per_lsb=(5.0, 2.5),
    payload=bytes(range(20)) * 4,
    device_time=1_750_000_000.25,
    lead_off=(m.LeadOff(10_255, (False, True)),),
    pace=(10_252, 10_260),
    flags=("demo",),
    unit="ICU",
    bed="3",
)
ALARM = m.Alarm(
    id="p-1:boot.7:VTACH:10000",
    update_no=3,
    phase="escalate",
    state="active",
    patient="p-1",
    session="boot.7",
    kind="VTACH",
    priority=Priority.HIGH,
    text="Ventricular tachycardia",
    code=199832,
    onset_sample=10_000,
    onset_time=1_750_000_040.0,
    detected_sample=10_200,
    detected_time=1_750_000_040.8,
    value=180.0,
    limit=100.0,
    measure="/min",
    lead="II",
    quality=0.9,
    evidence=m.Evidence("5 V in a row", (m.EvidenceBeat(10_000, BeatClass.V, 0.97),), "beat-1"),
    suppressed_by="p-1:boot.7:VFIB:9000",
    silenced=True,
    acknowledged_by="nurse-7",
    acknowledged_at=1_750_000_050.0,
    note="seen",
    ended_sample=10_900,
    flags=("live",),
    unit="ICU",
    bed="3",
    strip=m.Strip(7_500, 11_250, (BLOCK,)),
    published_at=1_750_000_041.0,
    ended_time=1_750_000_043.6,
)
HEAD: dict[str, Any] = {"id": "c-1", "patient": "p-1", "by": "nurse-7", "at": 1_750_000_050.0}
PATIENT = m.Patient("p-1", 1950, "F", Category.ADULT, Paced.NO)

MESSAGES: dict[str, m.Message] = {
    type(message).__name__.lower(): message
    for message in (
        m.Hello(
            device=m.DeviceInfo("dev-1", "sim", "1.0", True, False, 60.0),
            session="boot.7",
            patient=PATIENT,
            rate=250.0,
            leads=(Lead.II, Lead.UNKNOWN),
            uv_per_lsb=(5.0, 2.5),
            location=m.Location("ICU", "3"),
            credential="secret",
        ),
        m.Welcome(durable=10_000, credit=32, limits=m.Limits(65_536, 5.0, 12)),
        BLOCK,
        m.Ack(session="boot.7", durable=10_250, credit=32),
        m.Heartbeat(time=1_750_000_000.5),
        m.Goodbye(patient="p-1", session="boot.7", end=10_290, reason="off"),
        m.Problem(code="out_of_range", text="too fast", field="rate", limit="<= 1000", fatal=True),
        m.Rejected(
            topic="ecg.samples",
            partition=3,
            offset=1234,
            key="p-1",
            time=1_750_000_040.4,
            code="out_of_range",
            text="too fast",
            field="rate",
            limit="<= 1000",
        ),
        m.Beat(
            patient="p-1",
            session="boot.7",
            sample=10_100,
            time=1_750_000_040.4,
            label=BeatClass.V,
            probabilities=(0.01, 0.01, 0.97, 0.01, 0.0),
            rr=0.4,
            quality=0.9,
            model="beat-1",
            flags=("demo",),
            lead="II",
        ),
        m.Vitals(
            patient="p-1",
            session="boot.7",
            sample=10_250,
            time=1_750_000_041.0,
            heart_rate=None,
            v_per_minute=6.0,
            rhythm="sinus",
            quality=0.9,
            qrs_ms=98.0,
            qtc_ms=410.0,
            unit="ICU",
            bed="3",
            rate=250.01,
            qt_ms=402.0,
            qtc_fridericia_ms=407.5,
            interval_confidence=0.9,
            lead="II",
        ),
        m.Gap(patient="p-1", session="boot.7", first=100, end=200),
        ALARM,
        m.Acknowledge(
            **HEAD, alarm=ALARM.id, note="seen", update_no=3, seen=(m.Taken(ALARM.id, 3),)
        ),
        m.PauseAudio(**HEAD, seconds=60.0),
        m.SetLimits(**HEAD, low=45.0, high=130.0),
        m.Admit(**HEAD, profile=PATIENT, location=m.Location("ICU", "3")),
        m.Discharge(**HEAD),
        m.CommandDone(
            id="c-1",
            patient="p-1",
            time=1_750_000_051.0,
            by="nurse-7",
            action="acknowledge",
            refused="unknown_alarm",
            detail="no such alarm",
        ),
        m.Subscribe(
            channels=("alarms", "beats"),
            patients=("p-1",),
            units=("ICU",),
            after="kwGBAIEA",
            credential="secret",
            receiver="desk-1",
        ),
        m.Snapshot(cursor="kwGBAIEA", alarms=(ALARM,)),
        m.Event(cursor="kwGBAIEA", event=ALARM),
        m.Confirm(alarms=(m.Taken(ALARM.id, 3),)),
    )
}


def strategy(kind: Any) -> st.SearchStrategy[Any]:
    """Values that a field of this type may have, from its annotation."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _limited(args[0], args[1])
    if origin is tuple:
        return st.lists(strategy(args[0]), max_size=3).map(tuple)
    if args:
        return st.one_of(*(strategy(arg) for arg in args))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return struct(kind)
    return _PLAIN[kind] if kind in _PLAIN else st.sampled_from(list(kind))


def struct(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Instances of a struct; `v` keeps its default."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return st.builds(kind, **{name: strategy(hint) for name, hint in hints.items() if name != "v"})


_FLOAT = st.floats(allow_nan=False, allow_infinity=False, width=64)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**63 - 1),
    float: _FLOAT,
    str: st.text(st.characters(codec="utf-8"), max_size=20),
    bytes: st.binary(max_size=40),
    bool: st.booleans(),
    type(None): st.none(),
}


def _limited(base: Any, meta: msgspec.Meta) -> st.SearchStrategy[Any]:
    if base is str and meta.max_length is not None:
        text = st.text(st.characters(codec="utf-8"), max_size=min(meta.max_length, 20))
        return text.filter(re.compile(meta.pattern or "").search)
    if meta.pattern is not None:
        return st.from_regex(meta.pattern.removesuffix("$") + r"\Z", fullmatch=True)
    if base is int:
        return st.integers(meta.ge, 2**63 - 1 if meta.le is None else meta.le)
    if base is float:
        low = meta.ge if meta.gt is None else meta.gt
        return st.floats(low, meta.le, exclude_min=meta.gt is not None, allow_nan=False)
    if base is bytes:
        return st.binary(min_size=meta.min_length, max_size=40)
    inner = strategy(typing.get_args(base)[0])
    return st.lists(inner, min_size=meta.min_length or 0, max_size=3).map(tuple)
