"""What people read over HTTP: alarms with their strips, patients, trends, the audit trail.

These are plain functions, so FastAPI runs them in its threads: a query never holds up the loop.
"""

import time
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BeforeValidator, WithJsonSchema

from ecg import messages as m
from ecg.objects import to_object, twin
from ecg.types import Priority
from stream.gateway.access import answer, documented
from stream.gateway.commands import AlarmId, Patient
from stream.gateway.problems import Refusal
from stream.gateway.roster import Placed, roster
from stream.store import AlarmFilter, Audit, Store, Trend

DAY: Final = 86_400.0
MAX_MINUTES: Final = 31 * 1440
"""A month of trends, about 4 MB."""

Sought = Annotated[str, Query(max_length=256, pattern=m.STORABLE)]
Names = Annotated[list[Sought], Query(max_length=256)]
Seconds = Annotated[float | None, Query(ge=0, le=1e11, description="seconds since 1970")]
Count = Annotated[int, Query(ge=1, le=1000)]


LEVELS: Final[dict[object, int]] = {priority.name.lower(): int(priority) for priority in Priority}
Level = Annotated[
    int,
    BeforeValidator(lambda given: LEVELS.get(given, given)),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 3},
                {"type": "string", "enum": list(LEVELS)},
            ]
        }
    ),
    Query(ge=0, le=3, description="a number, or its name"),
]


def alarm_filter(
    patient: Names = [],  # noqa: B006 - FastAPI copies it
    unit: Names = [],  # noqa: B006
    kind: Names = [],  # noqa: B006
    state: Names = [],  # noqa: B006
    min_priority: Level = 0,
    since: Seconds = None,
    until: Seconds = None,
    open_only: bool = False,  # noqa: FBT001, FBT002 - a query parameter
    limit: Count = 100,
) -> AlarmFilter:
    """Which alarms are asked for, from the query's parameters."""
    return AlarmFilter(
        patients=tuple(patient),
        units=tuple(unit),
        kinds=tuple(kind),
        states=tuple(state),
        min_priority=min_priority,
        since=since,
        until=until,
        open_only=open_only,
        limit=limit,
    )


Wanted = Annotated[AlarmFilter, Depends(alarm_filter)]


class Alarms(msgspec.Struct):
    """The latest onset first, without strips."""

    alarms: list[twin(m.Alarm)]  # type: ignore[valid-type]


class Patients(msgspec.Struct):
    """By unit and bed."""

    patients: list[Placed]


class Trends(msgspec.Struct):
    """Minutes without data are absent."""

    trends: list[Trend]


class AuditTrail(msgspec.Struct):
    """The latest first."""

    audit: list[Audit]


# ── Examples ──────────────────────────────────────────────────────────────────────────────────

ALARM: Final = m.Alarm(
    id="bed-1:boot-1:VTACH:5000",
    update_no=0,
    phase="start",
    state="active",
    patient="bed-1",
    session="boot-1",
    kind="VTACH",
    priority=Priority.HIGH,
    text="Ventricular tachycardia",
    code=199832,
    onset_sample=5000,
    onset_time=1.7e9,
    detected_sample=6000,
    detected_time=1.7e9 + 4,
    value=171.0,
    limit=100.0,
    measure="/min",
    lead="II",
    unit="ICU",
    bed="3",
)
PLACED: Final = Placed("bed-1", "ICU", "3", 1950, "F", "adult", "unknown", 1.7e9, 1.7e9 + 3600)
TREND: Final = Trend("bed-1", 28333333, 61.0, 68.5, 77.0, 69, 1, 0, 60.0)
AUDIT: Final = Audit("cmd-1", 1.7e9, "nurse-7", "pause", "bed-1")


# ── Routes ────────────────────────────────────────────────────────────────────────────────────


def query_routes(store: Store) -> APIRouter:
    """The routes under /v1 that read."""
    router = APIRouter()
    history = store.history

    @router.get(
        "/alarms", tags=["alarms"], **documented(Alarms, {"alarms": [to_object(ALARM)]}, 503)
    )
    def list_alarms(wanted: Wanted) -> Response:
        """List alarms; parameters restrict, repeated ones are alternatives."""
        return answer({"alarms": [to_object(alarm) for alarm in history.alarms(wanted)]})

    @router.get(
        "/alarms/{alarm}", tags=["alarms"], **documented(twin(m.Alarm), to_object(ALARM), 404, 503)
    )
    def show_alarm(alarm: AlarmId) -> Response:
        """Show one alarm with its strip (payloads are base64: lead-major int16)."""
        found = history.alarm(alarm)
        if found is None:
            raise Refusal(404, "not_found", f"no alarm {alarm}")
        return answer(to_object(found))

    @router.get("/patients", tags=["patients"], **documented(Patients, Patients([PLACED]), 503))
    def list_patients(
        unit: Sought = "",
        discharged: bool = False,  # noqa: FBT001, FBT002 - a query parameter
    ) -> Response:
        """List who is admitted or monitored, by unit and bed; with `discharged`, who has left, too."""
        admissions = history.patients(present_only=not discharged)
        return answer(Patients(roster(admissions, history.beds(), time.time(), unit)))

    @router.get(
        "/patients/{patient}/trends", tags=["patients"], **documented(Trends, Trends([TREND]), 503)
    )
    def show_trends(patient: Patient, since: Seconds = None, until: Seconds = None) -> Response:
        """Show heart rate and beat counts by minute; the last 24 hours if not told otherwise."""
        end = time.time() if until is None else until
        start = end - DAY if since is None else since
        last = int(end // 60) + 1
        first = max(int(start // 60), last - MAX_MINUTES)
        return answer({"trends": history.trends(patient, first, last)})

    @router.get("/audit", tags=["audit"], **documented(AuditTrail, AuditTrail([AUDIT]), 503))
    def show_audit(
        patient: Sought = "",
        before: Seconds = None,
        limit: Count = 100,
    ) -> Response:
        """Show who did what, the latest first."""
        found = history.audit(patient=patient, before=before, limit=limit)
        return answer({"audit": found})

    return router
