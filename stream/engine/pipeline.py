"""All rooms in order, for the whole bank: arrive → clean → detect → segment → choose → classify → rhythm.

`Pipeline.push` takes whatever has come from the log, of any patients, and gives back what happened,
in order of time for each patient. It holds no clock: the time at which a record arrived comes with
it. The classifier comes in as a callable.
"""

from collections.abc import Iterable

import msgspec
import numpy as np

from ecg.messages import Block, Goodbye
from stream.engine import arrive
from stream.engine.arrive import Hole, Run
from stream.engine.naming import Classifier
from stream.engine.outcome import Closed, Opened, Outcome
from stream.engine.rooms import Rooms
from stream.engine.streams import MOST_LEADS, Stream, analysed, note, open_stream

__all__ = ["Classifier", "Pipeline"]


class Pipeline:
    """The engine of one worker: every patient's stream, and the order in which rooms are called.

    Args:
        classifier: names the beats; when it fails, beats are Q and everything else goes on.
        lead: position in the blocks of the lead that is heard if it can be (the last one where there
            are fewer).
        leads: how many are analysed, 1 or 2: that one and the next, which is heard in its place.

    Raises:
        ValueError: another number of leads.
    """

    def __init__(self, classifier: Classifier, lead: int = 0, leads: int = MOST_LEADS) -> None:
        if not 1 <= leads <= MOST_LEADS:
            raise ValueError(f"1 to {MOST_LEADS} leads are analysed, not {leads}")
        self._lead, self._most = lead, leads
        self._rooms = Rooms(classifier)
        self._streams: dict[str, Stream] = {}
        self._replaced: dict[tuple[str, str], Stream] = {}
        self._waiting: dict[str, list[Run | Hole]] = {}

    # ── Streams ───────────────────────────────────────────────────────────────────────────────

    def push(self, arrivals: Iterable[tuple[Block | Goodbye, float]]) -> list[Outcome]:
        """Take records of the sample log, each with its arrival time (seconds since 1970).

        Returns:
            What happened, in order of time for each patient.
        """
        self._replaced.clear()
        outcomes: list[Outcome] = []
        for record, now in arrivals:
            if isinstance(record, Block):
                self._block(record, now, outcomes)
            else:
                self._goodbye(record, now, outcomes)
        self._advance(outcomes)
        return outcomes

    @property
    def failure(self) -> str | None:
        """Code of the classifier's failure in its last call, empty when it went well."""
        return self._rooms.namer.failure

    @property
    def model_id(self) -> str:
        """The model that names the beats."""
        return self._rooms.namer.model_id

    @property
    def patients(self) -> list[str]:
        """Everyone who has a stream."""
        return list(self._streams)

    def stream(self, patient: str, session: str = "") -> Stream | None:
        """Where a patient's stream stands; with a session, also one that the last push replaced."""
        stream = self._streams.get(patient)
        if stream is None or session in {"", stream.session}:
            return stream
        return self._replaced.get((patient, session))

    def forget(self, patient: str) -> None:
        """Drop a patient's stream, with what waits of it, and free its row."""
        self._waiting.pop(patient, None)
        stream = self._streams.pop(patient, None)
        if stream is not None:
            self._rooms.close(stream)

    def save(self, patient: str) -> bytes:
        """Everything about one patient's stream: what `restore` needs to go on exactly."""
        stream = self._streams[patient]
        anywhere = msgspec.structs.replace(stream, row=-1, lead_rows=())
        return msgspec.msgpack.encode((anywhere, self._rooms.save(stream)))

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
        self._rooms.restore(stream, state)
        self._streams[stream.patient] = stream

    def _block(self, block: Block, now: float, outcomes: list[Outcome]) -> None:
        stream = self._streams.get(block.patient)
        if stream is None or stream.session != block.session:
            if stream is not None and block.session in stream.retired:
                return
            stream = self._open(block, stream, now, outcomes)
        note(stream, block)
        pieces = arrive.accept(stream.arrival, block, stream.leads, now)
        if pieces:
            self._waiting.setdefault(block.patient, []).extend(pieces)

    def _open(
        self, block: Block, before: Stream | None, now: float, outcomes: list[Outcome]
    ) -> Stream:
        """Begin a session; what came of the one before is finished first."""
        if before is not None:
            self._finish(before, before.arrival.next, outcomes)
            self.forget(before.patient)
            self._replaced[before.patient, before.session] = before
        leads = analysed(block, self._lead, self._most)
        stream = open_stream(block, leads, before)
        self._rooms.open(stream)
        self._streams[stream.patient] = stream
        outcomes.append(Opened(stream.patient, stream.session, now))
        return stream

    def _goodbye(self, goodbye: Goodbye, now: float, outcomes: list[Outcome]) -> None:
        stream = self._streams.get(goodbye.patient)
        if stream is None or stream.session != goodbye.session:
            return
        self._finish(stream, goodbye.end, outcomes)
        stream.closed = True
        outcomes.append(Closed(stream.patient, stream.session, stream.arrival.next, now))

    def _finish(self, stream: Stream, end: int, outcomes: list[Outcome]) -> None:
        """Nothing more comes of a session that ends at sample `end`: use what still waits."""
        pieces = arrive.finish(stream.arrival, stream.leads, end)
        if pieces:
            self._waiting.setdefault(stream.patient, []).extend(pieces)
        self._advance(outcomes)
        self._rooms.finish_beats(stream, outcomes)

    # ── Signal ────────────────────────────────────────────────────────────────────────────────

    def _advance(self, outcomes: list[Outcome]) -> None:
        """Use up all waiting pieces: runs of all patients together, then each one's next hole."""
        while self._waiting:
            self._run(outcomes)
            for patient in list(self._waiting):
                pieces = self._waiting[patient]
                if pieces and isinstance(piece := pieces[0], Hole):
                    del pieces[0]
                    self._rooms.hole(self._streams[patient], piece, outcomes)
                if not pieces:
                    del self._waiting[patient]

    def _run(self, outcomes: list[Outcome]) -> None:
        """Advance every patient up to its next hole, or to where a lead goes off or on."""
        streams: list[Stream] = []
        signals = []
        for patient, pieces in self._waiting.items():
            runs = _leading_runs(pieces)
            if not runs:
                continue
            stream = self._streams[patient]
            self._rooms.turn(stream, runs[0], outcomes)
            for lead in range(len(stream.leads)):
                if lead not in stream.off:
                    signal = np.concatenate([run.signals[lead] for run in runs])
                    signals.append((len(streams), lead, signal))
            streams.append(stream)
        if streams:
            self._rooms.advance(streams, signals, outcomes)


def _leading_runs(pieces: list[Run | Hole]) -> list[Run]:
    """Take the runs with the same leads off the front of `pieces`."""
    runs: list[Run] = []
    while pieces and isinstance(piece := pieces[0], Run) and (not runs or piece.off == runs[0].off):
        runs.append(piece)
        del pieces[0]
    return runs
