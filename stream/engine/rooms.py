"""The rooms behind `arrive`, over the whole bank: clean → detect → segment → choose → classify → rhythm.

`Rooms` owns every patient's state of signal; `pipeline` tells it which samples come next, and which
are missing. The classifier comes in as a callable.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg.messages import Gap
from ecg.types import CLASSES, BeatClass
from ecg.window import CONTEXT, WINDOW
from stream.engine import bank, chain, choose, heard, intervals, merge, rhythm
from stream.engine.arrive import Hole, Run
from stream.engine.bank import Bank
from stream.engine.naming import Classifier, Floats, Namer
from stream.engine.outcome import Outcome
from stream.engine.report import Report, lead_off_changes, lead_off_vitals
from stream.engine.streams import Stream

BEATS_PER_SECOND: Final = 5
"""The detector's refractory time of 0.2 s allows no more."""


class Found(NamedTuple):
    """What one pass of the signal rooms gives, or what is heard of it: `chain`'s …_OUT."""

    beats: NDArray[Any]
    waves: NDArray[Any]
    hops: NDArray[Any]


class Groups(NamedTuple):
    """Whose beats, waves and hops stand where in a pass: arrays as `heard.follow` takes them."""

    places: NDArray[np.int64]
    leads: NDArray[np.int64]
    ends: NDArray[np.int64]


class Rooms:
    """The state of all patients' signal, and what advances it.

    Args:
        classifier: names the beats; when it fails, beats are Q and everything else goes on.

    Attributes:
        namer: the classifier.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._leads = Bank(bank.LEAD)
        self._patients = Bank(bank.PATIENT)
        self.namer = Namer(classifier)

    # ── Rows ──────────────────────────────────────────────────────────────────────────────────

    def open(self, stream: Stream) -> None:
        """Take rows for a stream, noted in it, ready for the sample of the session that comes next."""
        stream.row, stream.lead_rows = self._take(len(stream.leads))
        choose.init(self._patients.rooms["choose"][stream.row])
        rhythm.init(self._patients.rooms["rhythm"][stream.row])
        for lead_row in stream.lead_rows:
            chain.init(*self._leads.rooms.values(), lead_row, stream.arrival.rate)
        if stream.arrival.next:
            self._skip(stream, stream.arrival.next)

    def close(self, stream: Stream) -> None:
        """Free the rows of a stream."""
        self._patients.give(stream.row)
        for lead_row in stream.lead_rows:
            self._leads.give(lead_row)

    def save(self, stream: Stream) -> bytes:
        """The state of a stream's signal."""
        leads = [self._leads.save(lead_row) for lead_row in stream.lead_rows]
        return b"".join([self._patients.save(stream.row), *leads])

    def restore(self, stream: Stream, data: bytes) -> None:
        """Put back what `save` gave, in rows that are noted in the stream.

        Raises:
            ValueError: not the size of a state of so many leads, so not from this engine.
        """
        size, first = self._leads.size, self._patients.size
        if len(data) != first + len(stream.leads) * size:
            raise ValueError(f"a state of {len(stream.leads)} leads has not {len(data)} bytes")
        stream.row, stream.lead_rows = self._take(len(stream.leads))
        self._patients.restore(stream.row, data[:first])
        for k, lead_row in enumerate(stream.lead_rows):
            self._leads.restore(lead_row, data[first + k * size : first + (k + 1) * size])

    def _take(self, leads: int) -> tuple[int, tuple[int, ...]]:
        return self._patients.take(), tuple(self._leads.take() for _ in range(leads))

    # ── Signal ────────────────────────────────────────────────────────────────────────────────

    def turn(self, stream: Stream, run: Run, outcomes: list[Outcome]) -> None:
        """Before a run: some of its leads have just gone off, or are back."""
        if run.off == stream.off:
            return
        gone = [lead for lead in run.off if lead not in stream.off]
        self.finish_beats(stream, outcomes, gone)
        for lead in stream.off:
            if lead not in run.off:
                chain.restart(*self._leads.rooms.values(), stream.lead_rows[lead], run.first)
        outcomes += lead_off_changes(stream, run.first, run.off)

    def advance(
        self,
        streams: Sequence[Stream],
        signals: Sequence[tuple[int, int, Floats]],
        outcomes: list[Outcome],
    ) -> None:
        """One pass of the compiled rooms over new samples, classification, rhythm, report.

        Args:
            streams: each once.
            signals: which lead of which of `streams`, in this order, and its next samples, microvolts.
            outcomes: takes what happened.
        """
        places, leads, rows, lengths = np.array(
            [
                (place, lead, streams[place].lead_rows[lead], len(signal))
                for place, lead, signal in signals
            ],
            np.int64,
        ).T.copy()
        rates = np.array([stream.arrival.rate for stream in streams])[places]
        seconds = lengths / rates
        most = int((seconds * BEATS_PER_SECOND + 8).sum())
        beats, windows, contexts = _beat_space(most)
        waves = np.empty(most, chain.WAVE_OUT)
        hops = np.empty(int((seconds * 10 + 2).sum()), chain.HOP_OUT)
        ends = np.empty((len(signals), 3), np.int64)
        chain.advance(
            *self._leads.rooms.values(),
            places,
            leads,
            rows,
            np.concatenate([[0], np.cumsum(lengths)]),
            np.concatenate([signal for _, _, signal in signals]),
            beats,
            windows,
            contexts,
            waves,
            hops,
            ends,
        )
        found, whole, passed = ends[-1]
        every = Found(beats[:found], waves[:whole], hops[:passed])
        groups = Groups(places, leads, ends)
        self._conclude(streams, groups, every, windows, contexts, outcomes)

    def hole(self, stream: Stream, piece: Hole, outcomes: list[Outcome]) -> None:
        """Pass over device samples that cannot be analysed."""
        self.finish_beats(stream, outcomes)
        start = int(self._leads.rooms["clean"]["n"][list(stream.lead_rows)].max())
        end = self._skip(stream, piece.end)
        rhythm.gap(self._patients.rooms["rhythm"][stream.row], start, end)
        if piece.lead_off:
            every = tuple(range(len(stream.leads)))
            outcomes += lead_off_changes(stream, piece.first, every)
            outcomes += lead_off_vitals(stream, start, end)
        else:
            outcomes.append(
                Gap(
                    patient=stream.patient, session=stream.session, first=piece.first, end=piece.end
                )
            )

    def _skip(self, stream: Stream, sample: int) -> int:
        """Let the rooms go on at device sample `sample`; returns the grid sample that is."""
        end = 0
        for lead_row in stream.lead_rows:
            end = int(chain.restart(*self._leads.rooms.values(), lead_row, sample))
        choose.restart(self._patients.rooms["choose"][stream.row], end)
        return end

    def finish_beats(
        self, stream: Stream, outcomes: list[Outcome], leads: Sequence[int] | None = None
    ) -> None:
        """Classify the beats that still wait for samples that will not come, of all leads or some."""
        leads = range(len(stream.leads)) if leads is None else leads
        beats, windows, contexts = _beat_space(8 * len(leads))
        ends = np.zeros((len(leads), 3), np.int64)
        found = 0
        for k, lead in enumerate(leads):
            row, rooms = stream.lead_rows[lead], self._leads.rooms
            found = chain.flush(
                rooms["quality"],
                rooms["detect"],
                rooms["segment"],
                rooms["wide"],
                lead,
                row,
                beats,
                windows,
                contexts,
                found,
            )
            ends[k, 0] = found
        if found:
            every = Found(beats[:found], np.empty(0, chain.WAVE_OUT), np.empty(0, chain.HOP_OUT))
            groups = Groups(np.zeros(len(leads), np.int64), np.array(leads, np.int64), ends)
            self._conclude([stream], groups, every, windows, contexts, outcomes)

    def _conclude(
        self,
        streams: Sequence[Stream],
        groups: Groups,
        every: Found,
        windows: Floats,
        contexts: Floats,
        outcomes: list[Outcome],
    ) -> None:
        """Choose, name the beats, tell rhythm and intervals, and report; `place` indexes `streams`."""
        patients = np.array([stream.row for stream in streams], np.int64)
        beats, waves, hops = self._hear(patients, groups, every)
        labels, probabilities = self.namer.name(beats["window"], windows, contexts)
        confidences = probabilities[np.arange(len(labels)), labels]
        changes = np.empty(len(hops) * rhythm.MAX_CHANGES, rhythm.CHANGE)
        vitals = np.empty(len(hops), rhythm.VITALS)
        measures = np.empty(len(hops), intervals.MEASURE)
        items = np.empty(len(beats) + len(vitals) + len(changes), merge.ITEM)
        _, _, count = merge.judge(
            self._patients.rooms["rhythm"],
            patients,
            self._leads.rooms["intervals"],
            beats,
            labels,
            confidences,
            np.ascontiguousarray(probabilities[:, CLASSES.index(BeatClass.V)]),
            waves,
            hops,
            changes,
            vitals,
            measures,
            items,
        )
        report = Report(
            beats, labels, probabilities, changes, vitals, measures, self.namer.model_id
        )
        outcomes += report.outcomes(streams, items[:count])

    def _hear(self, patients: NDArray[np.int64], groups: Groups, every: Found) -> Found:
        """What is heard of all that was found: each patient's lead of the moment."""
        beats = np.empty(len(every.beats) + choose.WAITING * len(patients), chain.BEAT_OUT)
        waves, hops = np.empty_like(every.waves), np.empty_like(every.hops)
        b, w, h = heard.follow(
            self._patients.rooms["choose"], patients, *groups, *every, beats, waves, hops
        )
        return Found(beats[:b], waves[:w], hops[:h])


def _beat_space(most: int) -> tuple[NDArray[Any], Floats, Floats]:
    """Room for `most` beats and their inputs."""
    return (
        np.empty(most, chain.BEAT_OUT),
        np.empty((most, WINDOW), np.float32),
        np.empty((most, CONTEXT), np.float32),
    )
