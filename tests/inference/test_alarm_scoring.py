"""Events against truth, and the challenge's score, by cases made by hand."""

import argparse
import dataclasses
import json
import math
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg.types import Priority
from inference.evaluation.alarms import RULES, Score, judge, quantile
from inference.evaluation.annotations import EvaluationError, load
from inference.evaluation.cinc2015 import KINDS, cases, read_alarms, tally
from inference.evaluation.command import configure, run
from inference.evaluation.episodes import Episode, Truth
from inference.evaluation.events import Event, Raised, raised, read_events

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")


def event(phase, time, kind="VTACH", key=None):
    """One line of the file."""
    return Event("r", kind, phase, Priority.HIGH, time, key or kind)


def alarm(kind, start, end=math.inf, record="r", *, escalated=False):
    """One raised alarm."""
    return Raised(record, kind, Priority.HIGH, start, end, escalated)


def score(name, must, may, alarms):
    """Score of one rule on one record."""
    truth = {rule.truth: Truth([], []) for rule in RULES}
    truth[name] = Truth([Episode(a, b, a) for a, b in must], may)
    return judge({"r": truth}, {"r": alarms})[name]


# --- events


def test_start_and_end_are_one_alarm():
    """Updates change nothing."""
    found = raised([event("start", 1), event("update", 2), event("end", 3)])
    assert found == [alarm("VTACH", 1, 3)]


def test_an_alarm_without_end_lasts():
    """The record ended first."""
    assert raised([event("start", 1)]) == [alarm("VTACH", 1)]


def test_a_latched_alarm_is_over():
    """Its condition has ended, though nobody has acknowledged it; its end then changes nothing."""
    latched = dataclasses.replace(event("update", 4), latched=True)
    assert [a.end for a in raised([event("start", 1), latched, event("end", 9)])] == [4]


def test_an_escalation_to_another_kind_ends_the_lower_one():
    """NSVT at the third beat, VTACH at the fifth, of one alarm."""
    found = raised(
        [
            event("start", 1, "NSVT", "a"),
            event("escalate", 2, "VTACH", "a"),
            event("end", 9, "VTACH", "a"),
        ]
    )
    assert found == [alarm("NSVT", 1, 2), alarm("VTACH", 2, 9, escalated=True)]


def test_an_escalation_of_priority_is_the_same_alarm():
    """NO_DATA from low to medium."""
    found = raised(
        [
            event("start", 3, "NO_DATA"),
            event("escalate", 10, "NO_DATA"),
            event("end", 12, "NO_DATA"),
        ]
    )
    assert [(a.start, a.end) for a in found] == [(3, 12)]


def test_conditions_are_set_cleared_or_happen_once():
    """The same as alarms, without the book."""
    found = raised([event("set", 1), event("clear", 4), event("once", 5, "R_ON_T")])
    assert found == [alarm("VTACH", 1, 4), alarm("R_ON_T", 5, 5)]


def test_a_new_start_ends_the_one_before():
    """Two starts are two alarms even when an end is missing; an end alone is none."""
    assert [a.start for a in raised([event("start", 1), event("start", 5), event("end", 6)])] == [
        1,
        5,
    ]
    assert raised([event("end", 1)]) == []


@given(
    phases=st.lists(
        st.sampled_from(["start", "update", "escalate", "end", "set", "clear", "once"]), max_size=30
    )
)
def test_every_start_is_one_alarm(phases):
    """Whatever the sequence: as many alarms as starts, and none ends before it starts."""
    found = raised([event(phase, float(i)) for i, phase in enumerate(phases)])
    starts = sum(phase in {"start", "set", "once"} for phase in phases)
    assert starts <= len(found) <= starts + phases.count("escalate")
    assert all(a.start <= a.end for a in found)


LINE = {"record": "100", "kind": "PAUSE", "phase": "start", "priority": 2, "sample": 7, "time": 1.5}


def test_lines_are_read_with_either_spelling_of_the_priority(tmp_path):
    """Number or name; files in order, records apart."""
    lines = [
        LINE,
        {**LINE, "priority": "medium", "time": 0.5},
        {**LINE, "record": "101", "id": "x"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    found = read_events(tmp_path)
    assert [e.time for e in found["100"]] == [0.5, 1.5]
    assert {e.priority for e in found["100"]} == {Priority.MEDIUM}
    assert found["101"][0].key == "x"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"record": None}, "record: None"),
        ({"kind": ""}, "kind: ''"),
        ({"phase": "begin"}, "phase: 'begin'"),
        ({"priority": 9}, "priority: 9"),
        ({"priority": "urgent"}, "priority: 'urgent'"),
        ({"time": "now"}, "time: 'now'"),
        ({"time": True}, "time: True"),
        ({"time": float("nan")}, "time: nan"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, change, message):
    """File, line, field and value."""
    (tmp_path / "a.jsonl").write_text(json.dumps(LINE) + "\n" + json.dumps({**LINE, **change}))
    with pytest.raises(EvaluationError, match="a.jsonl:2: " + message):
        read_events(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "1"])
def test_what_is_no_object_is_refused(tmp_path, text):
    """Broken JSON, a list, a number."""
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(EvaluationError, match=r"a\.jsonl:1"):
        read_events(tmp_path)


def test_a_folder_without_events_is_refused(tmp_path):
    """No alarm and no file are not the same."""
    with pytest.raises(EvaluationError, match=r"no \.jsonl file"):
        read_events(tmp_path)


# --- judging


def test_an_alarm_in_the_episode_finds_it_and_is_right():
    """With its delay from the onset."""
    found = score("VFIB", [(10, 20)], [(10, 20)], [alarm("VFIB", 14)])
    assert (found.episodes, found.found, found.alarms, found.right) == (1, 1, 1, 1)
    assert found.delays == [4]


@pytest.mark.parametrize(("start", "right"), [(8.9, 0), (9, 1), (25, 1), (25.1, 0)])
def test_an_alarm_belongs_to_an_episode_from_1_s_before_to_its_lateness(start, right):
    """VFIB: 5 s after the end at most; the same for finding and for being right."""
    found = score("VFIB", [(10, 20)], [(10, 20)], [alarm("VFIB", start)])
    assert (found.found, found.right) == (right, right)


def test_a_higher_alarm_of_the_chain_finds_the_lower_episode():
    """VTACH for an NSVT; but it is not judged as an NSVT."""
    found = score("NSVT", [(10, 12)], [(10, 12)], [alarm("VTACH", 11)])
    assert (found.found, found.alarms) == (1, 0)


def test_an_alarm_in_the_tolerance_is_neither_right_for_an_episode_nor_false():
    """It starts where an alarm may be right, before where it must."""
    found = score("HR_HIGH", [(15, 30)], [(5, 40)], [alarm("HR_HIGH", 6)])
    assert (found.found, found.right, found.alarms) == (1, 1, 1)
    assert found.delays == [0]


def test_a_lasting_alarm_finds_the_next_episode():
    """AFIB still on when the next span begins; one that ended before does not."""
    spans = [(100, 200), (220, 300)]
    on = score("AFIB", spans, spans, [alarm("AFIB", 160, 400)])
    off = score("AFIB", spans, spans, [alarm("AFIB", 160, 205)])
    assert (on.found, off.found) == (2, 1)
    assert off.missed == [("r", 220)]


def test_a_latched_alarm_does_not_find_the_next_episode():
    """A high alarm that nobody ended must be raised anew."""
    found = score("VTACH", [(10, 12), (50, 52)], [(10, 12), (50, 52)], [alarm("VTACH", 11)])
    assert found.found == 1


def test_a_run_s_escalation_is_not_a_second_alarm():
    """NSVT and VTACH of one run are one alarm of the row of all runs."""
    alarms = [alarm("NSVT", 11), alarm("VTACH", 12, escalated=True)]
    found = score("V_RUN", [(10, 14)], [(10, 14)], alarms)
    assert (found.alarms, found.right) == (1, 1)


def test_false_alarms_are_listed():
    """Record, kind and time, to look at."""
    assert score("ASYSTOLE", [], [], [alarm("ASYSTOLE", 7)]).false == [("r", "ASYSTOLE", 7)]


def test_scores_add_up_over_records():
    """Two records, one rule."""
    total = Score()
    truth = Truth([Episode(1, 2, 1)], [(1, 2)])
    rule = next(r for r in RULES if r.truth == "VFIB")
    total.add("a", rule, truth, [alarm("VFIB", 1)])
    total.add("b", rule, truth, [])
    assert (total.episodes, total.found) == (2, 1)


@given(values=st.lists(st.floats(0, 100), min_size=1, max_size=30), share=st.floats(0.01, 1))
def test_quantiles_are_values_that_enough_do_not_exceed(values, share):
    """The definition itself."""
    found = quantile(values, share)
    assert found in values
    assert sum(v <= found for v in values) >= share * len(values) - 1e-9
    assert sum(v < found for v in values) < share * len(values) + 1e-9


# --- the challenge


@pytest.mark.parametrize(
    ("start", "confirmed"), [(279.9, False), (280, True), (300, True), (300.1, False)]
)
def test_an_alarm_in_the_20_s_before_confirms(start, confirmed):
    """From 280 to 300 s, whenever it ends."""
    found = cases({"a": ("Asystole", True)}, ["a"], {"a": [alarm("ASYSTOLE", start)]})
    assert found[0].confirmed is confirmed


@pytest.mark.parametrize(("end", "held"), [(279.9, False), (280, True), (400, True)])
def test_an_alarm_that_began_before_is_held_while_its_condition_is(end, held):
    """It confirms nothing by the challenge's rule, and is counted apart."""
    truth = {"a": ("Bradycardia", True)}
    found = cases(truth, ["a"], {"a": [alarm("EXTREME_BRADY", 100, end)]})
    assert (found[0].confirmed, found[0].held) == (False, held)
    assert (tally(found).tp, tally(found, held=True).tp) == (0, int(held))


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_record_s_kind_confirms(kind):
    """Each of the five against each of ours."""
    for ours in KINDS.values():
        found = cases({"a": (kind, True)}, ["a"], {"a": [alarm(ours, 290)]})
        assert found[0].confirmed == (ours == KINDS[kind])


def test_the_score_punishes_a_missed_alarm_five_times():
    """100 (TP + TN) / (TP + TN + FP + 5 FN)."""
    truth = {
        "a": ("Asystole", True),
        "b": ("Asystole", True),
        "c": ("Asystole", False),
        "d": ("Asystole", False),
    }
    ours = {"a": [alarm("ASYSTOLE", 290)], "c": [alarm("ASYSTOLE", 290)]}
    counted = tally(cases(truth, list("abcd"), ours))
    assert (counted.tp, counted.fn, counted.fp, counted.tn) == (1, 1, 1, 1)
    assert counted.score == 100 * 2 / (2 + 1 + 5)


def test_always_and_never_alarming_score_as_published(data_dir):
    """On the 76 records: 31 true of 76; the formula gives 100·31/76 always, 100·45/(45+155) never."""
    truth = read_alarms(data_dir / "cinc2015" / "ALARMS")
    always = {name: [alarm(KINDS[kind], 290)] for name, (kind, _) in truth.items()}
    assert tally(cases(truth, list(truth), always)).score == pytest.approx(100 * 31 / 76)
    assert tally(cases(truth, list(truth), {})).score == pytest.approx(100 * 45 / (45 + 5 * 31))


@pytest.mark.parametrize("line", ["a,Asystole", "a,Asystole,2", "a,Flutter,1"])
def test_malformed_alarms_file_is_named(tmp_path, line):
    """With its line."""
    (tmp_path / "ALARMS").write_text("b,Asystole,1\n" + line)
    with pytest.raises(EvaluationError, match="ALARMS:2"):
        read_alarms(tmp_path / "ALARMS")


def test_a_record_that_the_challenge_does_not_have_is_named():
    """Not silently left out."""
    with pytest.raises(EvaluationError, match="no line of z"):
        cases({}, ["z"], {})


# --- the command


def evaluate(*words):
    """Run the command with these arguments; its exit code."""
    parser = argparse.ArgumentParser()
    configure(parser)
    return run(parser.parse_args([str(word) for word in words]))


def annotated(folder, name, events):
    """A folder as `annotate` leaves it."""
    (folder / f"{name}.bw").write_bytes(b"\0\0")
    with (folder / "events.jsonl").open("a") as file:
        for kind, phase, time in events:
            line = {**LINE, "record": name, "kind": kind, "phase": phase, "time": time}
            file.write(json.dumps(line) + "\n")


def test_alarm_report_of_207(data_dir, tmp_path, capsys):
    """Six flutters, one of them alarmed 3 s after its onset (40.74 s), one alarm false."""
    annotated(
        tmp_path, "207", [("VFIB", "start", 43.7), ("VFIB", "end", 51), ("VFIB", "start", 700)]
    )
    assert evaluate("--alarms", tmp_path, "--reference", data_dir / "mitdb", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    vfib = report["kinds"]["VFIB"]
    assert (vfib["episodes"], vfib["found"], vfib["alarms"], vfib["right"]) == (6, 1, 2, 1)
    assert vfib["delay_median_s"] == pytest.approx(43.7 - 40.736, abs=0.01)
    assert vfib["false"] == [["207", "VFIB", 700]]
    assert report["per_patient_day"]["kind"]["VFIB"] == pytest.approx(2 * 86400 / (650000 / 360))
    assert report["false_share"] == {"judged": 2, "false": 1}


def test_conditions_are_judged_where_the_file_has_them(data_dir, tmp_path, capsys):
    """A pause that the book's time-out silenced is not a missed pause."""
    pauses = [("PAUSE", "once", 0.0)]
    annotated(tmp_path, "100", [("PAUSE", "start", 0.0), *pauses, ("PAUSE", "once", 9.0)])
    assert evaluate("--alarms", tmp_path, "--reference", data_dir / "mitdb", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["kinds"]["PAUSE"]["alarms"] == 2
    assert report["per_patient_day"]["all"] == pytest.approx(86400 / (650000 / 360))


def test_markdown_of_both_reports(data_dir, tmp_path, capsys):
    """Counts beside every percentage; the challenge where the reference has ALARMS."""
    annotated(tmp_path, "100", [])
    assert evaluate("--alarms", tmp_path, "--reference", data_dir / "mitdb") == 0
    assert "| VFIB | – (0/0) | – (0/0) | – / – / – |" in capsys.readouterr().out
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    annotated(tmp_path, "a185l", [("ASYSTOLE", "start", 299.0)])
    assert evaluate("--alarms", tmp_path, "--reference", data_dir / "cinc2015") == 0
    assert "| all | 100.0 | 1 | 0 | 0 | 0 |" in capsys.readouterr().out


def test_a_record_without_events_is_judged_too(data_dir, tmp_path, capsys):
    """Annotated and silent: a true alarm that was missed, a false one that was rejected."""
    annotated(tmp_path, "a185l", [])
    annotated(tmp_path, "a134s", [])
    assert evaluate("--alarms", tmp_path, "--reference", data_dir / "cinc2015", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["all"] == {"tp": 0, "fp": 0, "fn": 1, "tn": 1, "score": 100 / 6}
    assert report["held"] == report["all"]


def test_truth_and_alarms_meet_on_the_same_clock(data_dir, tmp_path, capsys):
    """A pause of record 232, found when the alarm comes 2 s after the annotated beat before it."""
    found = load(data_dir / "mitdb" / "232", "atr")
    beats = found.samples[[s in "NLRAaJSVFjEe/fQ" for s in found.symbols]] / 360
    last = beats[int(np.argmax(np.diff(beats)))]
    annotated(tmp_path, "232", [("PAUSE", "start", float(last) + 2.0)])
    assert evaluate("--alarms", tmp_path, "--reference", data_dir / "mitdb", "--json") == 0
    pause = json.loads(capsys.readouterr().out)["kinds"]["PAUSE"]
    assert (pause["found"], pause["right"]) == (1, 1)
    assert pause["delay_max_s"] == pytest.approx(2.0, abs=0.01)
