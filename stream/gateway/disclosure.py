"""Full disclosure over HTTP: the stored signal of a patient, its envelope, and the beats in it."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Response

from ecg import messages as m
from ecg.objects import to_object, twin
from ecg.types import BeatClass, Lead
from stream.gateway import recorded
from stream.gateway.access import answer, documented
from stream.gateway.commands import Patient
from stream.gateway.problems import Refusal
from stream.gateway.stretches import Stretch, envelope
from stream.log import Log

SIGNAL_SECONDS: Final = 120
"""Two minutes of 12 leads at 1000 Hz are 3 MB."""
HOUR_SECONDS: Final = 3600
MIN_STEP: Final = 0.02
"""Seconds of a column: an hour has 180,000 of them at most."""

Since = Annotated[float, Query(ge=0, le=1e11, description="seconds since 1970", examples=[1.7e9])]
Short = Annotated[float, Query(gt=0, le=SIGNAL_SECONDS)]
Long = Annotated[float, Query(gt=0, le=HOUR_SECONDS)]
Step = Annotated[float, Query(ge=MIN_STEP, le=60, description="seconds of a column")]
OneLead = Annotated[Lead | None, Query(description="the only lead wanted")]


class Piece(msgspec.Struct):
    """Signal without a hole; `samples` is base64 of lead-major int16, little-endian."""

    session: str
    first: int
    rate: float
    time: float
    leads: tuple[Lead, ...]
    uv_per_lsb: tuple[float, ...]
    count: int
    samples: bytes


class Signal(msgspec.Struct):
    """What is stored of a stretch of time; what is missing is between the pieces."""

    patient: str
    pieces: list[Piece]


class Outline(msgspec.Struct):
    """Least and greatest value of each column of `step` samples, base64 of int16."""

    session: str
    first: int
    step: int
    rate: float
    time: float
    uv_per_lsb: float
    count: int
    low: bytes
    high: bytes


class Envelopes(msgspec.Struct):
    """The outline of what is stored of one lead; what is missing is between the pieces."""

    patient: str
    lead: str
    pieces: list[Outline]


class Beats(msgspec.Struct):
    """By time; `sample` says where in the session's signal."""

    patient: str
    beats: list[twin(m.Beat)]  # type: ignore[valid-type]


# ── Examples ──────────────────────────────────────────────────────────────────────────────────

PIECE: Final = Piece("boot-1", 5000, 250.0, 1.7e9, (Lead.II,), (5.0,), 2, b"\0\0\1\0")
OUTLINE: Final = Outline("boot-1", 5000, 10, 250.0, 1.7e9, 5.0, 1, b"\0\0", b"\1\0")
BEAT: Final = m.Beat(
    patient="bed-1",
    session="boot-1",
    sample=5000,
    time=1.7e9,
    label=BeatClass.N,
    probabilities=(0.98, 0.01, 0.01, 0.0, 0.0),
    rr=0.8,
    quality=1.0,
    model="beat-0.2.0",
)


# ── Routes ────────────────────────────────────────────────────────────────────────────────────


def disclosure_routes(log: Log) -> APIRouter:
    """The routes under /v1/patients that read the stored stream."""
    router = APIRouter(prefix="/patients/{patient}", tags=["disclosure"])

    @router.get("/signal", **documented(Signal, Signal("bed-1", [PIECE]), 503))
    async def show_signal(
        patient: Patient, since: Since, seconds: Short = 60, lead: OneLead = None
    ) -> Response:
        """Show the stored signal, up to two minutes of it."""
        found = await _signal(log, patient, since, seconds, lead)
        return answer(Signal(patient, [_piece(stretch) for stretch in found]))

    @router.get("/envelope", **documented(Envelopes, Envelopes("bed-1", "II", [OUTLINE]), 503))
    async def show_envelope(
        patient: Patient, since: Since, lead: Lead, seconds: Long = HOUR_SECONDS, step: Step = 0.04
    ) -> Response:
        """Outline the stored signal of one lead, up to an hour of it."""
        found = await _signal(log, patient, since, seconds, lead)
        return answer(Envelopes(patient, lead, [_outline(stretch, step) for stretch in found]))

    @router.get(
        "/beats", **documented(Beats, {"patient": "bed-1", "beats": [to_object(BEAT)]}, 503)
    )
    async def list_beats(patient: Patient, since: Since, seconds: Long = 60) -> Response:
        """List the beats that were found, up to an hour of them."""
        try:
            found = await recorded.beats(log, patient, since, since + seconds)
        except TimeoutError:
            raise _slow() from None
        return answer({"patient": patient, "beats": [to_object(beat) for beat in found]})

    return router


async def _signal(
    log: Log, patient: str, since: float, seconds: float, lead: Lead | None
) -> list[Stretch]:
    try:
        return await recorded.signal(log, patient, since, since + seconds, lead)
    except TimeoutError:
        raise _slow() from None


def _slow() -> Refusal:
    limit = f"{recorded.SECONDS:g} s"
    return Refusal(503, "log_unavailable", "the log takes too long to find it", limit=limit)


def _piece(stretch: Stretch) -> Piece:
    return Piece(
        session=stretch.session,
        first=stretch.first,
        rate=stretch.rate,
        time=stretch.time,
        leads=stretch.leads,
        uv_per_lsb=stretch.uv_per_lsb,
        count=stretch.count,
        samples=stretch.samples.astype("<i2").tobytes(),
    )


def _outline(stretch: Stretch, step: float) -> Outline:
    found = envelope(stretch, max(1, round(step * stretch.rate)))
    return Outline(
        session=found.session,
        first=found.first,
        step=found.step,
        rate=found.rate,
        time=found.time,
        uv_per_lsb=found.uv_per_lsb,
        count=len(found.low),
        low=found.low.astype("<i2").tobytes(),
        high=found.high.astype("<i2").tobytes(),
    )
