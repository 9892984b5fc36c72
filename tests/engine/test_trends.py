"""Minutes of vital signs: known beats and rates give known rows."""

from ecg.messages import Beat, Vitals
from ecg.types import BeatClass
from stream.engine.trends import Trends

MINUTE = 28_333_333
START = MINUTE * 60.0


def beat(at: float, label: str = "N", patient: str = "p") -> Beat:
    return Beat(
        patient=patient,
        session="s",
        sample=int(250 * at),
        time=START + at,
        label=BeatClass(label),
        probabilities=(1.0,),
        rr=None,
        quality=1.0,
        model="m",
    )


def vitals(at: float, rate: float | None, patient: str = "p") -> Vitals:
    return Vitals(
        patient=patient,
        session="s",
        sample=int(250 * at),
        time=START + at,
        heart_rate=rate,
        v_per_minute=None,
        rhythm="unknown",
        quality=1.0,
    )


def test_a_minute_counts_beats_and_rates():
    """Counts by class, the extremes and the sum of the known rates, the seconds."""
    trends = Trends()
    for event in (
        beat(1),
        beat(2, "V"),
        beat(3, "S"),
        vitals(1, None),
        vitals(2, 60),
        vitals(3, 90),
    ):
        trends.add(event)
    trends.add(vitals(60.0, 70))
    ((patient, row),) = trends.take()
    assert (patient, row.minute) == ("p", MINUTE)
    assert (row.beats, row.v_beats, row.s_beats, row.seconds) == (3, 1, 1, 3)
    assert (row.rates, row.rate_sum, row.rate_min, row.rate_max) == (2, 150, 60, 90)


def test_a_minute_is_complete_with_the_next_one_and_taken_once():
    """Until then it runs; minutes without anything do not exist."""
    trends = Trends()
    trends.add(vitals(59.9, 60))
    assert trends.take() == []
    trends.add(vitals(200.0, 60))
    assert [row.minute for _, row in trends.take()] == [MINUTE]
    assert trends.take() == []
    assert trends.running["p"].minute == MINUTE + 3


def test_a_clock_that_is_fitted_anew_does_not_open_a_minute_twice():
    """A beat that is dated a little back belongs to the running minute."""
    trends = Trends()
    trends.add(vitals(60.2, 60))
    trends.add(beat(59.8))
    assert trends.take() == []
    assert trends.running["p"].beats == 1


def test_patients_are_counted_apart_and_finished_alone():
    """The last minute of one who leaves is as complete as it gets."""
    trends = Trends()
    trends.add(vitals(1, 60))
    trends.add(vitals(1, 80, "q"))
    trends.finish("p")
    trends.finish("nobody")
    assert [patient for patient, _ in trends.take()] == ["p"]
    assert list(trends.running) == ["q"]
