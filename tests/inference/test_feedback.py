"""Training rows from feedback, cut from real records as the gateway cuts them."""

import numpy as np
import pytest

from ecg.errors import ModelError
from ecg.messages import Block, Strip
from ecg.types import Lead
from inference import beat_input, features
from inference.training import beats, feedback
from inference.training.harvest import harvest
from inference.training.records import read
from stream.store import Feedback, Store

GAIN = 5.0
SHAPE = [
    beat_input.NAMES.index(f"beat_{name}")
    for name in ("height", "top", "bottom", "slope", "duration", "area", "plateau", "wave")
]
"""Of the beat alone, and none that counts samples: the minute's resampling starts elsewhere."""


def strip_of(record, sample) -> Strip:
    """The minute before a sample and a moment after it, in blocks of half a second."""
    first, end = max(0, sample - round(60 * record.rate)), sample + round(3 * record.rate)
    size = round(record.rate / 2)
    blocks = []
    for start in range(first, end, size):
        digital = np.rint(record.signal[start : start + size] / GAIN).astype("<i2")
        blocks.append(
            Block(
                patient=record.name,
                session="s",
                seq=start // size,
                first=start,
                rate=record.rate,
                leads=(Lead.MLII,),
                uv_per_lsb=(GAIN,),
                payload=digital.tobytes(),
            )
        )
    return Strip(first, end, tuple(blocks))


def said(record, sample, label, number=0, at=0.0) -> Feedback:
    """Somebody's word on a beat of a record."""
    return Feedback(
        id=f"{record.name}-{sample}-{number}",
        at=at,
        by="dr",
        about="beat",
        verdict="wrong",
        patient=record.name,
        session="s",
        sample=int(sample),
        time=sample / record.rate,
        label=label,
    )


@pytest.fixture(scope="module")
def record(data_dir):
    """A training record with V beats."""
    return read(data_dir / "mitdb" / "208")


def test_a_corrected_beat_is_a_training_row_of_its_patient(record):
    """With the class that was said and the shape that the live path sees there."""
    whole = harvest(record.signal, record.rate)
    inputs = features.transform(whole.windows, whole.context)
    samples = record.truth.samples[[100, 150, 151]]
    judged = [
        feedback.Judged(said(record, at, label), strip_of(record, at))
        for at, label in zip(samples, "VSN", strict=True)
    ]
    (one,) = feedback.patients(judged)
    assert (one.name, one.group) == ("208", feedback.GROUP)
    assert one.labels.tolist() == [2, 1, 0]
    for row, sample in zip(one.inputs, samples, strict=True):
        live = inputs[np.abs(whole.at - sample).argmin()]
        np.testing.assert_allclose(row[SHAPE], live[SHAPE], rtol=0.02, atol=0.05)


def test_what_cannot_be_trained_is_left_out(record):
    """Fusion and paced beats, and a place where there is no beat of ours."""
    beat = int(record.truth.samples[100])
    between = int(record.truth.samples[100:102].mean())
    strip = strip_of(record, beat)
    for sample, label in ((beat, "F"), (beat, "Q"), (between, "V")):
        assert feedback.patients([feedback.Judged(said(record, sample, label), strip)]) == []
    artefact = feedback.patients([feedback.Judged(said(record, beat, "artefact"), strip)])
    assert artefact[0].labels.tolist() == [0]


def test_corrected_patients_are_trained_on_but_never_judged(record):
    """They weigh as a patient of so few beats does, and count neither as strips nor in a fold."""
    beat = int(record.truth.samples[100])
    judged = feedback.Judged(said(record, beat, "V"), strip_of(record, beat))
    (one,) = feedback.patients([judged])
    lesson = beats.rows([one])
    assert lesson.weights.tolist() == [1.0]
    assert lesson.targets.tolist() == [[0.0, 0.0, 1.0]]
    assert one.group not in {beats.STRIPS, "mitdb", "svdb"}
    assert "1 beats of 1 patients" in feedback.summary([one])
    assert feedback.digest("d", [one]) != feedback.digest("d", []) == "d"


def test_of_two_words_on_a_beat_the_last_counts(record, tmp_path):
    """A folder is read as well as a URL; feedback without signal teaches nothing."""
    sample = int(record.truth.samples[100])
    with Store(tmp_path / "store.db") as store:
        for number, label in enumerate("SV"):
            one = said(record, sample, label, number, at=float(number))
            store.feedback.add(one, strip_of(record, sample))
        store.feedback.add(said(record, sample + 9, "V"), None)
    for place in (str(tmp_path), f"sqlite:///{tmp_path}/store.db"):
        (only,) = feedback.read(place)
        assert only.said.label == "V"


def test_a_store_that_is_not_there_is_an_error(tmp_path):
    """And none is made in its place."""
    with pytest.raises(ModelError, match="feedback_missing"):
        feedback.read(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
