"""What alarm review asks over HTTP: alarms and strips as files, and the burden of a unit."""

import asyncio
import time
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Response

from ecg import messages as m
from stream.gateway import export, recorded
from stream.gateway.access import answer, documented
from stream.gateway.commands import AlarmId
from stream.gateway.problems import Refusal, responses
from stream.gateway.queries import Sought, Wanted
from stream.log import Log, LogError
from stream.store import Burden, Store

DAY: Final = 86_400.0
MOST_DAYS: Final = 31

Days = Annotated[int, Query(ge=1, le=MOST_DAYS)]
Until = Annotated[float | None, Query(ge=0, le=1e11, description="seconds since 1970; now")]
East = Annotated[int, Query(ge=-840, le=840, description="minutes ahead of UTC: where days begin")]


class BurdenList(msgspec.Struct):
    """By day, unit, bed and kind; a bed without alarms is absent."""

    burden: list[Burden]


EXAMPLE: Final = Burden(19675, "ICU", "3", "bed-1", "VTACH", 3, 4, 2, 1)

STRIP: Final = "sample,seconds,II_mV,beat\n5000,-10.0000,0.0125,N\n"


def review_routes(log: Log, store: Store) -> APIRouter:
    """The routes under /v1 that alarm review needs."""
    router = APIRouter(tags=["review"])
    history = store.history

    @router.get("/alarms.csv", **_file("text/csv", ",".join(export.COLUMNS), 503))
    def export_alarms(wanted: Wanted) -> Response:
        """List alarms as CSV; the same parameters as /v1/alarms."""
        return _download(export.alarms_csv(history.alarms(wanted)), "text/csv", "alarms.csv")

    @router.get("/alarms/{alarm}/strip.csv", **_file("text/csv", STRIP, 404, 503))
    async def export_strip(alarm: AlarmId) -> Response:
        """Give an alarm's strip as CSV: a row a sample, in mV, with the beats' classes."""
        found, strip, beats = await _strip(log, store, alarm)
        text = await asyncio.to_thread(export.strip_csv, found, strip, beats)
        return _download(text, "text/csv", "strip.csv")

    @router.get("/alarms/{alarm}/strip.zip", **_file("application/zip", "PK…", 404, 503))
    async def export_record(alarm: AlarmId) -> Response:
        """Give an alarm's strip as a zipped WFDB record with the beats as annotations."""
        found, strip, beats = await _strip(log, store, alarm)
        packed = await asyncio.to_thread(export.strip_wfdb, found, strip, beats)
        return _download(packed, "application/zip", "strip.zip")

    @router.get("/burden", **documented(BurdenList, BurdenList([EXAMPLE]), 503))
    def show_burden(
        days: Days = 7,
        until: Until = None,
        unit: Sought = "",
        east: East = 0,
    ) -> Response:
        """Count alarms by bed, day and kind, with the share that somebody called wrong."""
        end = time.time() if until is None else until
        return answer(
            BurdenList(history.burden(end - days * DAY, end, unit=unit, east=60.0 * east))
        )

    return router


async def _strip(log: Log, store: Store, alarm: str) -> tuple[m.Alarm, m.Strip, list[m.Beat]]:
    """An alarm, its strip and the beats in it, as far as the log still has them."""
    found = await asyncio.to_thread(store.history.alarm, alarm)
    if found is None or found.strip is None or not found.strip.blocks:
        raise Refusal(404, "not_found", f"no strip of an alarm {alarm}")
    strip, rate = found.strip, found.strip.blocks[0].rate
    since = found.onset_time - (found.onset_sample - strip.first) / rate - 1
    until = found.onset_time + (strip.end - found.onset_sample) / rate + 1
    try:
        beats = await recorded.beats(log, found.patient, since, until)
    except (TimeoutError, LogError):
        beats = []  # the strip is worth having without them
    return found, strip, [beat for beat in beats if beat.session == found.session]


def _download(body: str | bytes, media: str, name: str) -> Response:
    disposition = f'attachment; filename="{name}"'
    return Response(body, media_type=media, headers={"Content-Disposition": disposition})


def _file(media: str, example: str, *errors: int) -> dict[str, Any]:
    described = {"schema": {"type": "string"}, "example": example}
    found = {"description": "The file", "content": {media: described}}
    return {"response_class": Response, "responses": {200: found, **responses(*errors)}}
