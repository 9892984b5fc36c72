"""The evaluation's tables, as Markdown for people and as plain data for JSON."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from inference.evaluation.ec57 import LABELS
from inference.evaluation.records import RecordResult
from inference.evaluation.runs import ALONE, RXR
from inference.evaluation.summary import (
    DETECTION,
    bootstrap,
    by_patient,
    counts,
    fiducial,
    figures,
    gross,
    mean,
    run_counts,
    table,
)

SEED: Final = 57
"""Of the bootstrap, so that a report can be reproduced to the last digit."""

DOMINANT: Final = "232"
"""mitdb's record with three quarters of DS2's S beats: S is also reported without it."""

_NAMES: Final = {
    "qrs_se": "QRS Se",
    "qrs_ppv": "QRS +P",
    "qrs_der": "QRS DER",
    "v_se": "V Se",
    "v_ppv": "V +P",
    "v_fpr": "V FPR",
    "v_f1": "V F1",
    "s_se": "S Se",
    "s_ppv": "S +P",
    "s_f1": "S F1",
    "accuracy": "accuracy N S V",
}


def build(results: Sequence[RecordResult], *, ej_as_n: bool) -> dict[str, Any]:
    """Everything that the report says, as plain data (NaN becomes None)."""
    rows = table(results)
    patients = by_patient(results, rows)
    matrix = np.zeros((len(LABELS), len(LABELS)), np.int64)
    for result in (r for r in results if r.classified):
        matrix += result.comparison.matrix
    report = {
        "method": _method(ej_as_n=ej_as_n),
        "records": len(results),
        "patients": len(patients),
        "gross": gross(rows),
        "interval_95": bootstrap(patients, SEED),
        "record_mean": mean(rows),
        "patient_mean": mean(patients),
        "other_mapping": _only(gross(table(results, other=True)), "s_", "v_", "accuracy"),
        "without_232": _without_dominant(results),
        "matrix": matrix.tolist(),
        "fiducial": fiducial(results),
        "shutdown_s": sum(r.comparison.shutdown_s for r in results),
        **{k: run_counts([r.runs[k] for r in results if r.classified]) for k in ALONE | RXR},
        "per_record": [_record(result) for result in results],
    }
    cleaned: dict[str, Any] = without_nan(report)
    return cleaned


def _method(*, ej_as_n: bool) -> dict[str, str]:
    here, there = "N, as most papers", "S, as bxb"
    return {
        "comparison": "EC57 as bxb and rxr: 150 ms, first 5 min and VF left out",
        "e_j_n": here if ej_as_n else there,
        "other_mapping": there if ej_as_n else here,
        "paced": "102 104 107 217: detection only",
        "interval": f"bootstrap over patients, seed {SEED}",
    }


def _only(values: Mapping[str, float], *prefixes: str) -> dict[str, float]:
    return {name: value for name, value in values.items() if name.startswith(prefixes)}


def _without_dominant(results: Sequence[RecordResult]) -> dict[str, float] | None:
    rest = [result for result in results if result.record != DOMINANT]
    if len(rest) in {0, len(results)}:
        return None
    return _only(gross(table(rest)), "s_") | {
        f"other_{name}": value
        for name, value in _only(gross(table(rest, other=True)), "s_").items()
    }


def _record(result: RecordResult) -> dict[str, Any]:
    values = {k: float(v) for k, v in figures(counts(result.comparison.matrix)).items()}
    kept = values if result.classified else {name: values[name] for name in DETECTION}
    return {
        "record": result.record,
        "patient": result.patient,
        "classified": result.classified,
        "figures": kept,
        "matrix": result.comparison.matrix.tolist(),
        "fiducial": fiducial([result]),
        **{name: run_counts([matrices]) for name, matrices in result.runs.items()},
    }


def without_nan(value: Any) -> Any:
    """Plain data with None in place of NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def markdown(report: Mapping[str, Any]) -> str:
    """The report of `build` as Markdown tables."""
    parts = [_heading(report), _gross(report), _matrix(report), _runs(report), _records(report)]
    return "\n\n".join(parts) + "\n"


def _heading(report: Mapping[str, Any]) -> str:
    method = report["method"]
    return (
        f"# EC57: {report['records']} records of {report['patients']} patients\n\n"
        f"{method['comparison']}; e, j, n are {method['e_j_n']}; paced {method['paced']}; "
        f"{method['interval']}."
    )


def _gross(report: Mapping[str, Any]) -> str:
    lines = [
        "| % | gross | 95 % interval | record mean | patient mean | e j n otherwise | without 232 |"
    ]
    lines.append("| --- |" + " ---: |" * 6)
    for key, name in _NAMES.items():
        low, high = report["interval_95"][key]
        cells = (
            percent(report["gross"][key]),
            f"{percent(low)} – {percent(high)}",
            percent(report["record_mean"][key]),
            percent(report["patient_mean"][key]),
            percent(report["other_mapping"].get(key)),
            percent((report["without_232"] or {}).get(key)),
        )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    spread = report["fiducial"]
    lines.append("")
    lines.append(
        f"Fiducial: mean {number(spread['mean_ms'])} ms, SD {number(spread['sd_ms'])} ms "
        f"(worst record {number(spread['worst_sd_ms'])} ms). "
        f"Shutdown: {report['shutdown_s']:.0f} s."
    )
    return "\n".join(lines)


def _matrix(report: Mapping[str, Any]) -> str:
    lines = [
        "| reference (unpaced) \\ test | " + " | ".join(label.lower() for label in LABELS) + " |"
    ]
    lines.append("| --- |" + " ---: |" * len(LABELS))
    for label, row in zip(LABELS, report["matrix"], strict=True):
        lines.append(f"| {label} | " + " | ".join(str(cell) for cell in row) + " |")
    return "\n".join(lines)


def _runs(report: Mapping[str, Any]) -> str:
    lines = ["| runs | beats alone: Se | +P | as rxr, with F, VF, AF: Se | +P |"]
    lines.append("| --- |" + " ---: |" * 4)
    names = {"couplet": "couplets", "short": "3 to 5", "long": "6 and more", "run": "3 and more"}
    for alone, rxr in zip(ALONE, RXR, strict=True):
        for kind, name in names.items():
            cells = []
            for c in (report[alone][kind], report[rxr][kind]):
                cells += [share(c["found"], c["actual"]), share(c["true"], c["called"])]
            lines.append(f"| {alone[0].upper()} {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _records(report: Mapping[str, Any]) -> str:
    keys = ("qrs_se", "qrs_ppv", "v_se", "v_ppv", "v_f1", "s_se", "s_ppv", "s_f1")
    lines = ["| record | missed | false | " + " | ".join(_NAMES[k] for k in keys) + " | SD ms |"]
    lines.append("| --- |" + " ---: |" * (len(keys) + 3))
    for entry in report["per_record"]:
        matrix = entry["matrix"]
        missed = sum(sum(row[5:]) for row in matrix[:5])
        false = sum(sum(row[:5]) for row in matrix[5:])
        cells = " | ".join(percent(entry["figures"].get(key)) for key in keys)
        sd = number(entry["fiducial"]["sd_ms"])
        lines.append(f"| {entry['record']} | {missed} | {false} | {cells} | {sd} |")
    return "\n".join(lines)


def percent(value: float | None) -> str:
    """A ratio as a percentage with two decimals, – where there is none."""
    return "–" if value is None else f"{100 * value:.2f}"


def number(value: float | None) -> str:
    """One decimal, – where there is none."""
    return "–" if value is None else f"{value:.1f}"


def share(part: int, whole: int) -> str:
    """A percentage with its counts, – where the whole is nothing."""
    return f"{100 * part / whole:.1f} ({part}/{whole})" if whole else "– (0/0)"
