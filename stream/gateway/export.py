"""Alarms as files: the list as CSV, and an alarm's strip as CSV or as a WFDB record with its beats.

These build bytes and touch no network; a route calls them in a thread.
"""

import csv
import io
import math
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecg.messages import Alarm, Beat, Strip
from stream.gateway import wfdb_bytes
from stream.gateway.stretches import Stretch, Taken, stretches

COLUMNS: Final = (
    "id", "patient", "unit", "bed", "kind", "priority", "state", "text", "onset_time",
    "detected_time", "session", "onset_sample", "ended_sample", "value", "limit", "measure",
    "acknowledged_by", "acknowledged_at", "suppressed_by", "note", "ended_time",
)  # fmt: skip
NOT_MEDICAL: Final = "Beatwire. Not a medical device."
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so would be computed by a spreadsheet."""


def alarms_csv(alarms: Iterable[Alarm]) -> str:
    """The list, a row an alarm; times in seconds since 1970."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for alarm in alarms:
        rows.writerow([_cell(getattr(alarm, name)) for name in COLUMNS])
    return text.getvalue()


def strip_csv(alarm: Alarm, strip: Strip, beats: Sequence[Beat]) -> str:
    """The strip, a row a sample: index, seconds from the onset, leads in mV, the beat's class.

    What is missing has no rows.
    """
    text = io.StringIO()
    rows = csv.writer(text)
    found = list(_pieces(alarm, strip))
    leads = found[0].leads if found else ()
    rows.writerow(["sample", "seconds", *(f"{lead}_mV" for lead in leads), "beat"])
    classes = {beat.sample: beat.label.value for beat in beats}
    for piece in found:
        gains = np.asarray(piece.uv_per_lsb) / 1000
        for row, values in enumerate(piece.samples.T * gains):
            sample = piece.first + row
            seconds = (sample - alarm.onset_sample) / piece.rate
            millivolts = (f"{value:.4f}" for value in values)
            rows.writerow([sample, f"{seconds:.4f}", *millivolts, classes.get(sample, "")])
    return text.getvalue()


def strip_wfdb(alarm: Alarm, strip: Strip, beats: Sequence[Beat]) -> bytes:
    """The strip as a zipped WFDB record with an annotation file `atr`; empty if it has no signal."""
    found = list(_pieces(alarm, strip))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _record(alarm, found, beats) if found else ():
            archive.writestr(name, content)
    return zipped.getvalue()


def _record(
    alarm: Alarm, found: Sequence[Stretch], beats: Sequence[Beat]
) -> Iterator[tuple[str, bytes]]:
    """The record's files: name and content."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", alarm.id)
    first, head, samples = found[0].first, found[0], _joined(found)
    lasted = "" if alarm.ended_time is None else f", {alarm.ended_time - alarm.onset_time:.1f} s"
    comments = (f"{alarm.kind} at sample {alarm.onset_sample - first}{lasted}", NOT_MEDICAL)
    yield (
        f"{name}.hea",
        wfdb_bytes.header(name, head.rate, samples, head.leads, head.uv_per_lsb, comments),
    )
    yield f"{name}.dat", wfdb_bytes.signal(samples)
    inside = [(b.sample - first, b.label) for b in beats if first <= b.sample < found[-1].end]
    yield f"{name}.atr", wfdb_bytes.annotations(sorted(inside))


def _joined(found: Sequence[Stretch]) -> NDArray[np.int16]:
    """Shape (count, leads); holes are marked."""
    first = found[0].first
    shape = (found[-1].end - first, len(found[0].leads))
    samples = np.full(shape, wfdb_bytes.NO_SAMPLE, np.int16)
    for piece in found:
        samples[piece.first - first : piece.end - first] = piece.samples.T
    return samples


def _pieces(alarm: Alarm, strip: Strip) -> Iterator[Stretch]:
    """The strip's signal as its first block has it: other leads or gains are holes."""
    taken = [Taken(block, 0.0) for block in strip.blocks if block.session == alarm.session]
    head: Stretch | None = None
    for piece in stretches(taken):
        head = head or piece
        same = (piece.leads, piece.uv_per_lsb, piece.rate)
        if same == (head.leads, head.uv_per_lsb, head.rate):
            yield piece


def _cell(value: object) -> object:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return getattr(value, "name", value)
