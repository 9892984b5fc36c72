"""The model card: what a bundle is, what it was trained on, what it reaches, what it cannot do."""

from typing import Any

_TEXT = """# {name} {version}

Classifies one ECG beat as N, S or V (AAMI EC57) from a single lead, from the beat and its past only.
{architecture}

Not a medical device. F and Q are never said: F has too few patients to learn (372 of 414 training
beats come from one), Q (paced) is not trained.

## Training

- Data: mitdb DS1 (22 records) and 52 `svdb` records; 473 AF and 246
  normal strips of `cinc2017` (beats of the normal ones N; those of AF N or V as a first network says, never S);
  the beats of these patients and of 494 more normal strips played in other rhythms (AF, single to sustained S beats,
  irregular sinus rhythm; `inference/training/rhythms.py`); lead 0, and lead 1 of the same records as further patients, streamed through Beatwire's own `clean`, `detect` and `segment`; labels by
  matching our detected beats to the annotations (150 ms). e, j, n count as N; a detection without an
  annotation counts as N; F, Q and beats in ventricular flutter are left out.
{feedback}- Held out, never trained on or used for a choice: mitdb DS2 (but 202 is of the same patient as 201 in DS1). All our `svdb` patients are trained on;
  rows named cross-validated judge each patient by a network and thresholds of the same recipe that never saw it
  (5 folds of whole patients, its retimed beats and second lead held with it; seeds of the folds: {folds}).
- {method}
- Seeds {seeds}; thresholds S {thresholds[S]}, V {thresholds[V]}, by the same folds (best mean of the databases' F1).
- The same folds, F1 in per cent of the beats found, thresholds nested: {compared}.
- Code {code_version}; data {data_sha256}.
- Made by `beatwire train --seeds {seeds} --folds {folds}`.

## Figures

End to end: beats found by our detector on streamed samples, lead 0, matching as bxb does it (150 ms,
first 5 minutes skipped), misses and false detections counted, gross, in per cent. They are the classifier's own:
`beatwire annotate` also tells V where a fast beat goes on with a run of V, so `beatwire evaluate` prints others (README.md).

| Records | V F1 (Se / +P) | S F1 (Se / +P) | N/S/V accuracy |
| --- | --- | --- | --- |
{table}

Several seeds, same recipe (mean ± SD of F1): {spread}.

Variants (size, p99 of one beat with its features, F1): {variants}. mixed is served: float16 weights in the second layer.

On annotated R peaks, with the next RR known, means per patient and intervals: `python benchmarks/classes.py`.

75 % of DS2's S beats are one patient's (232): read S on DS2 with and without it.
"""


def _line(name: str, f: dict[str, float]) -> str:
    v = f"{f['v_f1']:.1f} ({f['v_se']:.1f} / {f['v_ppv']:.1f})"
    s = f"{f['s_f1']:.1f} ({f['s_se']:.1f} / {f['s_ppv']:.1f})"
    return f"| {name} | {v} | {s} | {f['accuracy']:.2f} |"


def write(facts: dict[str, Any], figures: dict[str, dict[str, float]], spread: str) -> str:
    """The card's text; `facts` fill its blanks, `figures` are per set of records."""
    table = "\n".join(_line(name, values) for name, values in figures.items())
    return _TEXT.format(**facts, table=table, spread=spread)


def again(text: str, title: str, figures: dict[str, dict[str, float]]) -> str:
    """An older card with this title and these figures; what it says of the training stays."""
    fresh = {f"| {name} ": _line(name, values) for name, values in figures.items()}
    lines = [
        next((new for start, new in fresh.items() if line.startswith(start + "|")), line)
        for line in text.splitlines()
    ]
    return "\n".join([f"# {title}", *lines[1:], ""])
