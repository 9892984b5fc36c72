"""From a streamed real record over somebody's correction to the training set."""

import asyncio

import numpy as np
from house import House, Watcher

from client.records import open_record
from client.replay import Options, replay
from inference import beat_input, features
from inference.training import feedback
from inference.training.harvest import harvest
from inference.training.records import read

SECONDS = 75.0


async def beats_of(house, record):
    """The beats that a subscriber is shown while a record is replayed."""
    async with Watcher(house.url) as watcher:
        await replay([record], house.url, Options(speed=20, stop=SECONDS))
        last = (SECONDS - 5) * record.rate
        await watcher.until(
            lambda: watcher.beats("208")[-1:] and watcher.beats("208")[-1].sample > last, 60
        )
        return watcher.beats("208")


def test_a_corrected_beat_of_the_stream_is_in_the_training_set(house: House, data_dir):
    """The store's minute of signal gives the row that the live path had, with the right label."""
    path = data_dir / "mitdb" / "208"
    shown = asyncio.run(beats_of(house, open_record(path, [0])))
    beat = next(one for one in shown if one.sample > 65 * 360 and one.label == "N")
    about = {
        "type": "beat",
        "patient": beat.patient,
        "session": beat.session,
        "sample": beat.sample,
        "time": beat.time,
        "label": "S",
    }
    house.post("/v1/feedback", {"by": "dr-2", "verdict": "wrong", "about": about})
    (listed,) = house.get("/v1/feedback?patient=208")["feedback"]
    assert listed["sample"] == beat.sample
    (one,) = feedback.patients(feedback.read(str(house.folder)))
    assert (one.name, one.labels.tolist()) == ("208", [1])
    record = read(path)
    whole = harvest(record.signal[: int(SECONDS * record.rate)], record.rate)
    live = features.transform(whole.windows, whole.context)[np.abs(whole.at - beat.sample).argmin()]
    shape = [beat_input.NAMES.index(f"beat_{name}") for name in ("height", "duration", "area")]
    np.testing.assert_allclose(one.inputs[0][shape], live[shape], rtol=0.02)
