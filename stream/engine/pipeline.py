"""All rooms in order, for the whole bank: arrive → clean → detect → segment → classify → rhythm.

`Pipeline.push` takes whatever has come from the log, of any patients, and gives back what happened,
in order of time for each patient. It holds no clock: the time at which a record arrived comes with
it. The classifier comes in as a callable.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg.errors import ModelError
from ecg.messages import Block, Gap, Goodbye
from ecg.types import CLASSES, BeatClass
from ecg.window import CONTEXT, WINDOW
from stream.engine import arrive, chain, merge, rhythm
from stream.engine.arrive import Hole, Run
from stream.engine.bank import Bank
from stream.engine.outcome import Closed, Opened, Outcome
from stream.engine.report import Report, lead_off_changes, lead_off_vitals
from stream.engine.streams import Stream, note, open_stream

Floats = NDArray[np.float32]

BEATS_PER_SECOND = 5
"""The detector's refractory time of 0.2 s allows no more."""


class Classifier(Protocol):
    """Names beats; any callable of this shape will do."""

    model_id: str

    def __call__(self, windows: Floats, contexts: Floats, /) -> tuple[NDArray[np.int8], Floats]:
        """Classify windows (n, WINDOW) with contexts (n, CONTEXT), both float32.

        Returns:
            Indices into `CLASSES` (n,) int8 and probabilities (n, 5) float32.

        Raises:
            ModelError: the model cannot answer.
        """
        ...


class Pipeline:
    """The engine of one worker: every patient's rooms, and the order in which they are called.

    Args:
        classifier: names the beats; when it fails, beats are Q and everything else goes on.
        lead: position of the analysed lead in the blocks (the last one where there are fewer).

    Attributes:
        failure: code of the classifier's last failure, empty when its last call went well.
    """

    def __init__(self, classifier: Classifier, lead: int = 0) -> None:
        self.failure = ""
        self._classifier = classifier
        self._lead = lead
        self._bank = Bank()
        self._streams: dict[str, Stream] = {}
        self._waiting: dict[str, list[Run | Hole]] = {}

    # ── Streams ───────────────────────────────────────────────────────────────────────────────

    def push(self, arrivals: Iterable[tuple[Block | Goodbye, float]]) -> list[Outcome]:
        """Take records of the sample log, each with its arrival time (seconds since 1970).

        Returns:
            What happened, in order of time for each patient.
        """
        outcomes: list[Outcome] = []
        for record, now in arrivals:
            if isinstance(record, Block):
                self._block(record, now, outcomes)
            else:
                self._goodbye(record, now, outcomes)
        self._advance(outcomes)
        return outcomes

    @property
    def model_id(self) -> str:
        """The model that names the beats."""
        return self._classifier.model_id

    @property
    def patients(self) -> list[str]:
        """Everyone who has a stream."""
        return list(self._streams)

    def stream(self, patient: str) -> Stream | None:
        """Where a patient's stream stands."""
        return self._streams.get(patient)

    def forget(self, patient: str) -> None:
        """Drop a patient's stream and free its row."""
        stream = self._streams.pop(patient, None)
        if stream is not None:
            self._bank.give(stream.row)

    def save(self, patient: str) -> bytes:
        """Everything about one patient's stream: what `restore` needs to go on exactly."""
        stream = self._streams[patient]
        return msgspec.msgpack.encode((stream, self._bank.save(stream.row)))

    def restore(self, data: bytes) -> None:
        """Put back a patient's stream.

        Raises:
            ValueError: not from this version of the engine.
        """
        try:
            stream, state = msgspec.msgpack.decode(data, type=tuple[Stream, bytes])
        except msgspec.DecodeError as error:
            raise ValueError(f"a checkpoint that cannot be read: {error}") from None
        self.forget(stream.patient)
        stream.row = self._bank.take()
        try:
            self._bank.restore(stream.row, state)
        except ValueError:
            self._bank.give(stream.row)
            raise
        self._streams[stream.patient] = stream

    def _block(self, block: Block, now: float, outcomes: list[Outcome]) -> None:
        stream = self._streams.get(block.patient)
        if stream is None or stream.session != block.session:
            if stream is not None and block.session in stream.retired:
                return
            stream = self._open(block, stream, now, outcomes)
        note(stream, block)
        pieces = arrive.accept(stream.arrival, block, stream.lead, now)
        if pieces:
            self._waiting.setdefault(block.patient, []).extend(pieces)

    def _open(
        self, block: Block, before: Stream | None, now: float, outcomes: list[Outcome]
    ) -> Stream:
        """Begin a session; what came of the one before is finished first."""
        if before is not None:
            self._advance(outcomes)
            self.forget(before.patient)
        stream = open_stream(block, self._lead, self._bank.take(), before)
        chain.init(*self._signal_rooms(), stream.row, block.rate)
        rhythm.init(self._bank.rooms["rhythm"][stream.row])
        self._streams[stream.patient] = stream
        outcomes.append(Opened(stream.patient, stream.session, now))
        return stream

    def _goodbye(self, goodbye: Goodbye, now: float, outcomes: list[Outcome]) -> None:
        stream = self._streams.get(goodbye.patient)
        if stream is None or stream.session != goodbye.session:
            return
        pieces = arrive.finish(stream.arrival, stream.lead, goodbye.end)
        self._waiting.setdefault(goodbye.patient, []).extend(pieces)
        self._advance(outcomes)
        self._finish_beats(stream, outcomes)
        outcomes.append(Closed(stream.patient, stream.session, stream.arrival.next, now))

    # ── Signal ────────────────────────────────────────────────────────────────────────────────

    def _signal_rooms(self) -> list[NDArray[Any]]:
        return [array for name, array in self._bank.rooms.items() if name != "rhythm"]

    def _advance(self, outcomes: list[Outcome]) -> None:
        """Use up all waiting pieces: runs of all patients together, then each one's next hole."""
        while self._waiting:
            self._run(outcomes)
            for patient in list(self._waiting):
                pieces = self._waiting[patient]
                if pieces:
                    self._hole(self._streams[patient], pieces.pop(0), outcomes)
                if not pieces:
                    del self._waiting[patient]

    def _run(self, outcomes: list[Outcome]) -> None:
        """Advance every patient over the runs that come before its next hole."""
        rows, signals = [], []
        for patient, pieces in self._waiting.items():
            runs = _leading_runs(pieces)
            if not runs:
                continue
            stream = self._streams[patient]
            outcomes += lead_off_changes(stream, runs[0].first, off=False)
            rows.append(stream)
            signals.append(np.concatenate([run.signal for run in runs]))
        if rows:
            self._signal(rows, signals, outcomes)

    def _signal(
        self, streams: Sequence[Stream], signals: Sequence[Floats], outcomes: list[Outcome]
    ) -> None:
        """One pass of the compiled rooms over new samples, classification, rhythm, report."""
        lengths = np.array([len(signal) for signal in signals], np.int64)
        rates = np.array([stream.arrival.rate for stream in streams])
        seconds = lengths / rates
        beats, windows, contexts = _beat_space(int((seconds * BEATS_PER_SECOND + 8).sum()))
        hops = np.empty(int((seconds * 10 + 2).sum()), chain.HOP_OUT)
        found, passed = chain.advance(
            *self._signal_rooms(),
            np.array([stream.row for stream in streams], np.int64),
            np.concatenate([[0], np.cumsum(lengths)]),
            np.concatenate(signals),
            beats,
            windows,
            contexts,
            hops,
        )
        self._conclude(
            streams, beats[:found], windows[:found], contexts[:found], hops[:passed], outcomes
        )

    def _conclude(
        self,
        streams: Sequence[Stream],
        beats: NDArray[Any],
        windows: Floats,
        contexts: Floats,
        hops: NDArray[Any],
        outcomes: list[Outcome],
    ) -> None:
        """Name the beats, tell the rhythm room, and report; `place` indexes `streams`."""
        labels, probabilities = self._classify(windows, contexts)
        confidences = probabilities[np.arange(len(labels)), labels]
        changes = np.empty(len(hops) * rhythm.MAX_CHANGES, rhythm.CHANGE)
        vitals = np.empty(len(hops), rhythm.VITALS)
        items = np.empty(len(beats) + len(vitals) + len(changes), merge.ITEM)
        _, _, count = merge.judge(
            self._bank.rooms["rhythm"], beats, labels, confidences, hops, changes, vitals, items
        )
        report = Report(beats, labels, probabilities, changes, vitals, self._classifier.model_id)
        outcomes += report.outcomes(streams, items[:count])

    def _classify(self, windows: Floats, contexts: Floats) -> tuple[NDArray[np.int8], Floats]:
        """Classes and probabilities; all Q with certainty 0 when the model fails."""
        try:
            answer = self._classifier(windows, contexts)
        except ModelError as error:
            self.failure = error.code
            labels = np.full(len(windows), CLASSES.index(BeatClass.Q), np.int8)
            return labels, np.zeros((len(windows), len(CLASSES)), np.float32)
        if len(windows):
            self.failure = ""
        return answer

    # ── Holes ─────────────────────────────────────────────────────────────────────────────────

    def _hole(self, stream: Stream, piece: Run | Hole, outcomes: list[Outcome]) -> None:
        """Pass over device samples that cannot be analysed."""
        assert isinstance(piece, Hole)
        self._finish_beats(stream, outcomes)
        state = self._bank.rooms["rhythm"][stream.row]
        start = int(self._bank.rooms["clean"][stream.row]["n"])
        end = chain.restart(*self._signal_rooms(), stream.row, piece.end)
        rhythm.gap(state, start, end)
        if piece.lead_off:
            outcomes += lead_off_changes(stream, piece.first, off=True)
            outcomes += lead_off_vitals(stream, start, end)
        else:
            outcomes.append(
                Gap(
                    patient=stream.patient, session=stream.session, first=piece.first, end=piece.end
                )
            )

    def _finish_beats(self, stream: Stream, outcomes: list[Outcome]) -> None:
        """Classify the beats that still wait for samples that will not come."""
        beats, windows, contexts = _beat_space(8)
        found = chain.flush(self._bank.rooms["segment"], stream.row, beats, windows, contexts)
        if found:
            none = np.empty(0, chain.HOP_OUT)
            self._conclude(
                [stream], beats[:found], windows[:found], contexts[:found], none, outcomes
            )


def _leading_runs(pieces: list[Run | Hole]) -> list[Run]:
    """Take the runs off the front of `pieces`, up to the first hole."""
    runs: list[Run] = []
    while pieces and isinstance(pieces[0], Run):
        runs.append(pieces.pop(0))  # type: ignore[arg-type]
    return runs


def _beat_space(most: int) -> tuple[NDArray[Any], Floats, Floats]:
    """Room for `most` beats and their inputs."""
    return (
        np.empty(most, chain.BEAT_OUT),
        np.empty((most, WINDOW), np.float32),
        np.empty((most, CONTEXT), np.float32),
    )
