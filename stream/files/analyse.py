"""One order: find the record, play it through the engine, leave the result in its folder."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from client.formats.record import RecordError
from client.records import Record, open_record
from inference.classifier import BeatClassifier
from stream.files.recorder import Recorder, overall
from stream.files.single_rows import answer_rows
from stream.files.unpack import find_record
from stream.offline import check_rate, play
from stream.uploads import (
    GAPS,
    MOST_LISTED,
    RESULT,
    SIGNAL,
    SOURCE,
    Options,
    Order,
    Report,
    Result,
    Stretch,
)

BLOCK_SECONDS: Final = 0.5
"""A third of the time of 0.1 s blocks; an alarm is decided at most so much later. Beats and onsets
are the same whatever the size of blocks."""
_STEP_SECONDS: Final = 30.0
"""Of signal, between two reports."""
_FORMATS: Final = {".hea": "wfdb", ".edf": "edf", ".bdf": "edf"}

Tell = Callable[[Report], None]


def analyse(order: Order, classifier: BeatClassifier, tell: Tell) -> None:
    """Carry out an order and report `done`.

    Raises:
        RecordError: the file cannot be used; `where` names the uploaded file.
    """
    folder = Path(order.folder)
    with contextlib.chdir(folder / SOURCE):  # so that errors name the file as its owner does
        path = find_record(Path(), order.max_bytes)
        try:
            record = _open(path, order.options)
        except RecordError as error:
            if error.code != "single-beats":
                raise
            result = answer_rows(path, folder)
        else:
            result = _analyse(record, path, order, classifier, tell)
    (folder / RESULT).write_bytes(msgspec.json.encode(result))
    tell(Report(order.id, result.seconds, result.seconds, done=True))


def _analyse(
    record: Record, path: Path, order: Order, classifier: BeatClassifier, tell: Tell
) -> Result:
    folder = Path(order.folder)
    with Recorder(record, folder) as recorder:
        _play(record, classifier, recorder, order.id, tell)
    _write_signal(record, folder)
    kind = _FORMATS.get(path.suffix.lower(), "csv")
    return _result(record, kind, classifier.model_id, recorder)


def _open(path: Path, options: Options) -> Record:
    record = open_record(
        path,
        [options.lead],
        rate=options.rate,
        unit=options.unit or "",
        uv_per_lsb=options.uv_per_lsb,
    )
    check_rate(record, path)
    return record


def _play(
    record: Record, classifier: BeatClassifier, recorder: Recorder, order: str, tell: Tell
) -> None:
    told = 0.0
    tell(Report(order, 0.0, record.seconds))
    for now, event in play(record, classifier, BLOCK_SECONDS):
        recorder.add(event)
        if now - told >= _STEP_SECONDS:
            told = now
            tell(Report(order, now, record.seconds))


def _write_signal(record: Record, folder: Path) -> None:
    record.samples[:, 0].astype("<i2", copy=False).tofile(folder / SIGNAL)
    np.array(record.gaps, "<i8").tofile(folder / GAPS)


def _result(record: Record, kind: str, model: str, recorder: Recorder) -> Result:
    trend = recorder.trend()
    missing = sum(end - start for start, end in record.gaps)
    return Result(
        name=record.name,
        format=kind,
        model=model,
        rate=record.rate,
        lead=record.labels[0],
        leads=record.available,
        uv_per_lsb=record.uv_per_lsb[0],
        samples=len(record),
        seconds=round(record.seconds, 3),
        gap_seconds=round(missing / record.rate, 3),
        gaps=tuple(Stretch(*gap) for gap in record.gaps[:MOST_LISTED]),
        gaps_total=len(record.gaps),
        beats=recorder.counts,
        heart_rate=overall(trend),
        conditions=recorder.kinds(),
        alarms=tuple(sorted(recorder.alarms, key=lambda alarm: alarm.onset_sample)),
        alarms_total=recorder.alarms_total,
        trend=trend,
        notes=record.notes,
    )
