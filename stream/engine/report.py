"""From the rooms' arrays to messages: beats, vitals and changes in the device's own samples."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec.structs import replace
from numpy.typing import NDArray

from ecg.conditions import Change, Edge
from ecg.messages import Beat, Vitals
from ecg.types import CLASSES
from stream.engine import merge, rhythm
from stream.engine.outcome import Changed, HeartRate, Outcome
from stream.engine.streams import Stream

EDGES: Final = {rhythm.CLEAR: Edge.CLEAR, rhythm.SET: Edge.SET, rhythm.ONCE: Edge.ONCE}


class Report:
    """The arrays that one pass has filled, and the words for them.

    Args:
        beats: `chain.BEAT_OUT`, with labels (n,) and probabilities (n, 5).
        changes: `rhythm.CHANGE`.
        vitals: `rhythm.VITALS`.
        measures: `intervals.MEASURE`, as many.
        model: id of the model that named the beats.
    """

    def __init__(
        self,
        beats: NDArray[Any],
        labels: NDArray[Any],
        probabilities: NDArray[Any],
        changes: NDArray[Any],
        vitals: NDArray[Any],
        measures: NDArray[Any],
        model: str,
    ) -> None:
        self._beats = beats
        self._labels = labels
        self._probabilities = probabilities
        self._changes = changes
        self._vitals = vitals
        self._measures = measures
        self._model = model

    def outcomes(self, streams: Sequence[Stream], items: NDArray[Any]) -> Iterator[Outcome]:
        """Every item of `merge.judge` in words; `place` of an item indexes `streams`."""
        for what, index, place, lead, n in items.tolist():
            stream = streams[place]
            name = stream.names[lead]
            if what == merge.BEAT:
                yield self._beat(stream, name, index)
            elif what == merge.VITALS:
                yield self._vital(stream, name, index, n)
            elif what == merge.HEART_RATE:
                rate = float(self._vitals[index]["heart_rate"])
                yield HeartRate(stream.patient, stream.session, stream.device(n), rate, name)
            else:
                yield self._change(stream, name, index)

    def _beat(self, stream: Stream, lead: str, index: int) -> Beat:
        _, _, _, _, _, at, rr, quality, *_ = self._beats[index].item()
        sample = stream.device(at)
        return Beat(
            patient=stream.patient,
            session=stream.session,
            sample=sample,
            time=stream.time(sample),
            label=CLASSES[self._labels[index]],
            probabilities=tuple(self._probabilities[index].tolist()),
            rr=rr if rr > 0.0 else None,
            quality=quality,
            model=self._model,
            flags=stream.flags,
            lead=lead,
        )

    def _vital(self, stream: Stream, lead: str, index: int, n: int) -> Vitals:
        heart_rate, v_per_minute, quality, name = self._vitals[index].item()
        found = vitals(
            stream,
            n,
            lead,
            heart_rate=_known(heart_rate),
            v_per_minute=_known(v_per_minute),
            rhythm=rhythm.RHYTHMS[name],
            quality=quality,
        )
        qrs, qt, bazett, fridericia, confidence = self._measures[index].item()
        if not confidence or stream.is_paced(found.sample):
            return found
        return replace(
            found,
            qrs_ms=qrs,
            qt_ms=qt,
            qtc_ms=bazett,
            qtc_fridericia_ms=fridericia,
            interval_confidence=confidence,
        )

    def _change(self, stream: Stream, lead: str, index: int) -> Changed:
        kind, edge, onset, at, value = self._changes[index].item()
        name = rhythm.KINDS[kind]
        measure = rhythm.MEASURES.get(name, "")
        change = Change(
            kind=name,
            edge=EDGES[edge],
            onset=stream.device(onset),
            at=stream.device(at),
            value=value if measure else None,
            measure=measure,
        )
        return changed(stream, lead, change)


def vitals(
    stream: Stream,
    n: int,
    lead: str = "",
    *,
    heart_rate: float | None = None,
    v_per_minute: float | None = None,
    rhythm: str = "unknown",
    quality: float = 0.0,
) -> Vitals:
    """The vital signs of a stream at grid sample `n`, from the lead that is heard."""
    sample = stream.device(n)
    return Vitals(
        patient=stream.patient,
        session=stream.session,
        sample=sample,
        time=stream.time(sample),
        heart_rate=heart_rate,
        v_per_minute=v_per_minute,
        rhythm=rhythm,
        quality=quality,
        unit=stream.unit,
        bed=stream.bed,
        rate=stream.arrival.fitted or None,
        lead=lead,
    )


def without_intervals(found: Vitals) -> Vitals:
    """The same, its intervals unknown: a paced complex has none of the heart's own."""
    if found.interval_confidence is None:
        return found
    return replace(
        found,
        qrs_ms=None,
        qt_ms=None,
        qtc_ms=None,
        qtc_fridericia_ms=None,
        interval_confidence=None,
    )


def changed(stream: Stream, lead: str, change: Change) -> Changed:
    """A change with its stream, its lead and its times."""
    return Changed(
        stream.patient,
        stream.session,
        change,
        stream.time(change.onset),
        stream.time(change.at),
        lead,
    )


def lead_off_changes(stream: Stream, sample: int, off: tuple[int, ...]) -> Iterator[Outcome]:
    """What is set or cleared when exactly the leads `off` are, from device sample `sample` on."""
    before, stream.off = stream.off, off
    if before == off:
        return
    for leads, edge in ((before, Edge.CLEAR), (off, Edge.SET)):
        if leads:
            kind = "LEADS_OFF" if len(leads) == len(stream.leads) else "LEAD_OFF"
            names = " ".join(stream.names[lead] for lead in leads)
            yield changed(stream, names, Change(kind, edge, sample, sample))


def lead_off_vitals(stream: Stream, start: int, end: int) -> Iterator[Outcome]:
    """With all leads off the vitals go on, and say that nothing is known."""
    first = -(-start // merge.VITALS_EVERY) * merge.VITALS_EVERY
    for n in range(first, end, merge.VITALS_EVERY):
        yield vitals(stream, n)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
