"""The alarm report: kinds against truth, alarms per patient-day, and the challenge's score."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from ecg.types import Priority
from inference.evaluation.alarm_truth import truths
from inference.evaluation.alarms import Score, judge, quantile
from inference.evaluation.annotations import load
from inference.evaluation.cinc2015 import KINDS, Case, Tally, cases, read_alarms, tally
from inference.evaluation.episodes import annotated
from inference.evaluation.events import Event, Raised, raised, read_events
from inference.evaluation.records import length, sampling_rate
from inference.evaluation.report import number, share, without_nan

_DAY_S: Final = 86400.0
_METHOD: Final = (
    "Truth and tolerances: inference/evaluation/alarm_truth.py. Delay from the last QRS "
    "(ASYSTOLE, PAUSE), the third (V_RUN, NSVT) or fifth (VTACH) beat, else from the onset."
)

_HELD: Final = "all, with alarms that began before the 20 s and still held"


def build_alarms(folder: Path, reference: Path, names: Sequence[str]) -> dict[str, Any]:
    """Judge the events in `folder` against the rhythm and beat annotations in `reference`."""
    events = read_events(folder)
    known, seconds = {}, 0.0
    for name in tqdm(names, unit="record"):
        found = load(reference / name, "atr")
        lasts = length(reference / name)
        known[name] = truths(annotated(found, sampling_rate(reference / name, found), lasts))
        seconds += lasts
    wanted = {name: events.get(name, []) for name in names}
    alarms = {name: _alarms(lines) for name, lines in wanted.items()}
    scores = judge(known, {name: _judged(lines) for name, lines in wanted.items()})
    report = {
        "records": len(names),
        "hours": seconds / 3600,
        "kinds": {name: _score(score) for name, score in scores.items()},
        "false_share": _false_share(scores),
        "per_patient_day": _per_day([a for some in alarms.values() for a in some], seconds),
    }
    cleaned: dict[str, Any] = without_nan(report)
    return cleaned


def _alarms(events: Sequence[Event]) -> list[Raised]:
    return raised(event for event in events if not event.is_condition)


def _judged(events: Sequence[Event]) -> list[Raised]:
    """Conditions where the file has them: the book's time-outs hide no miss and no false one."""
    conditions = [event for event in events if event.is_condition]
    return raised(conditions) if conditions else _alarms(events)


def _score(score: Score) -> dict[str, Any]:
    return {
        "episodes": score.episodes,
        "found": score.found,
        "alarms": score.alarms,
        "right": score.right,
        "delay_median_s": quantile(score.delays, 0.5),
        "delay_p95_s": quantile(score.delays, 0.95),
        "delay_max_s": quantile(score.delays, 1.0),
        "missed": [list(item) for item in score.missed],
        "false": [list(item) for item in score.false],
    }


def _false_share(scores: Mapping[str, Score]) -> dict[str, int]:
    """Alarms of the kinds that have a truth, each once (V_RUN repeats its kinds)."""
    kinds = [score for name, score in scores.items() if name != "V_RUN"]
    return {
        "judged": sum(score.alarms for score in kinds),
        "false": sum(score.alarms - score.right for score in kinds),
    }


def _per_day(alarms: Sequence[Raised], seconds: float) -> dict[str, Any]:
    factor = _DAY_S / seconds if seconds else 0.0
    by_kind = dict.fromkeys(sorted({alarm.kind for alarm in alarms}), 0.0)
    by_priority = {priority.name.lower(): 0.0 for priority in reversed(Priority)}
    for alarm in alarms:
        by_kind[alarm.kind] += factor
        by_priority[alarm.priority.name.lower()] += factor
    return {"all": len(alarms) * factor, "priority": by_priority, "kind": by_kind}


def build_cinc2015(folder: Path, reference: Path, names: Sequence[str]) -> dict[str, Any]:
    """Score the events in `folder` against the challenge's `ALARMS` in `reference`."""
    alarms = {name: _alarms(lines) for name, lines in read_events(folder).items()}
    found = cases(read_alarms(reference / "ALARMS"), names, alarms)
    kinds = {kind: _tally(tally(c for c in found if c.kind == kind)) for kind in KINDS}
    return {
        "records": len(found),
        "all": _tally(tally(found)),
        "held": _tally(tally(found, held=True)),
        "kinds": kinds,
        "cases": [_case(case) for case in found],
    }


def _tally(counted: Tally) -> dict[str, Any]:
    return {
        "tp": counted.tp,
        "fp": counted.fp,
        "fn": counted.fn,
        "tn": counted.tn,
        "score": counted.score,
    }


def _case(case: Case) -> dict[str, Any]:
    return {
        "record": case.record,
        "kind": case.kind,
        "true": case.true,
        "confirmed": case.confirmed,
        "held": case.held,
    }


def alarm_markdown(report: Mapping[str, Any]) -> str:
    """The report of `build_alarms` as Markdown."""
    lines = [
        f"# Alarms: {report['records']} records, {report['hours']:.1f} h",
        "",
        _METHOD,
        "",
        "| kind | Se | +P | delay median / 95 % / max, s |",
        "| --- | ---: | ---: | ---: |",
    ]
    for kind, score in report["kinds"].items():
        delays = " / ".join(number(score[f"delay_{name}_s"]) for name in ("median", "p95", "max"))
        se = share(score["found"], score["episodes"])
        lines.append(f"| {kind} | {se} | {share(score['right'], score['alarms'])} | {delays} |")
    false = report["false_share"]
    lines += ["", f"False of all alarms with a truth: {share(false['false'], false['judged'])}."]
    lines += ["", *_day_table(report["per_patient_day"])]
    return "\n".join(lines) + "\n"


def _day_table(day: Mapping[str, Any]) -> list[str]:
    rows = {"all": day["all"], **day["priority"], **day["kind"]}
    lines = ["| alarms | per patient-day |", "| --- | ---: |"]
    return lines + [f"| {name} | {number(value)} |" for name, value in rows.items()]


def cinc2015_markdown(report: Mapping[str, Any]) -> str:
    """The report of `build_cinc2015` as Markdown."""
    lines = [
        f"# CinC 2015: {report['records']} records, ECG alone",
        "",
        "| kind | score | TP | FP | FN | TN |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind, row in {**report["kinds"], "all": report["all"], _HELD: report["held"]}.items():
        counted = " | ".join(str(row[name]) for name in ("tp", "fp", "fn", "tn"))
        lines.append(f"| {kind} | {number(row['score'])} | {counted} |")
    return "\n".join(lines) + "\n"
