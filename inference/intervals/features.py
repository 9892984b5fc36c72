"""From measurements to the classifier's input: the one code path of training and serving.

A feature needs one or more measurements; it is unknown (NaN) when one of them is absent. `rows`
gives the network scaled features with 0 for the unknown, and for each measurement whether it was
given, so that the network can tell "typical" from "not measured".
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from inference.intervals.inputs import COUNT, NAMES

Floats = npt.NDArray[np.float64]

FEATURES: Final = {
    "age": (50, 20),
    "male": (0.5, 0.5),
    "qtc": (430, 40),
    "qrs": (90, 15),
    "rate": (80, 25),
    "rate_near_60": (60, 4),
    "rate_near_100": (100, 4),
    "atrial": (80, 25),
    "atrial_high": (250, 100),
    "qt": (380, 50),
    "r_axis": (40, 40),
    "t_axis": (45, 40),
    "count": (13, 4),
    "q_onset": (219, 6),
    "q_offset": (264, 10),
    "t_offset": (410, 30),
    "atrial_less_rate": (0, 5),
    "atrial_over_rate": (1, 0.5),
    "rate_of_qt": (80, 25),
    "rate_of_qt_less_rate": (-0.3, 0.3),
    "qt_bazett_less_qtc": (0.9, 0.4),
    "qt_fridericia": (410, 35),
    "qt_left": (0, 25),
    "count_less_rate": (-0.2, 0.6),
    "count_less_atrial": (-0.2, 0.6),
    "count_over_rate": (1, 0.1),
    "axes_apart": (30, 30),
    "st_t": (290, 40),
    "st_t_corrected": (330, 35),
    "qt_share": (0.45, 0.08),
    "qrs_share": (0.24, 0.05),
    "onset_share": (0.35, 0.08),
    "rate_less_rest": (0, 25),
    "axis_off": (0, 40),
    "t_axis_off": (0, 40),
    "age_less_rate": (90, 30),
}
"""Name → (centre, scale), round numbers near mean and spread of adults; a unit is one scale."""

CUT: Final = 4.0
"""Scaled features are cut here: one far outside must not drown the others."""

INPUT: Final = len(FEATURES) + COUNT
"""Width of the network's input: features, then a flag for each measurement."""

DESCRIPTION: Final[dict[str, Any]] = {
    "version": 1,
    "inputs": list(NAMES),
    "features": {name: list(map(float, pair)) for name, pair in FEATURES.items()},
    "cut": CUT,
}
"""What a bundle says its model was trained on; raise `version` when a formula changes."""

_CENTRE: Final = np.array([pair[0] for pair in FEATURES.values()], np.float64)
_SCALE: Final = np.array([pair[1] for pair in FEATURES.values()], np.float64)


def scaled(values: Floats) -> Floats:
    """Scaled features (n, len(FEATURES)) of measurements (n, COUNT); NaN is absent and unknown."""
    result = (_features(values) - _CENTRE) / _SCALE
    return np.clip(result, -CUT, CUT)


def rows(values: Floats) -> npt.NDArray[np.float32]:
    """The network's input (n, INPUT), always finite, of measurements (n, COUNT) with NaN absent."""
    known = np.isfinite(values)
    return np.concatenate([np.nan_to_num(scaled(values)), known], axis=1).astype(np.float32)


def _features(values: Floats) -> Floats:
    """Unscaled features, in the order of FEATURES.

    Bazett: QTc = QT / √RR; Fridericia: QT / ∛RR; RR in seconds (60 / rate). A rate so recovered
    from QT and QTc is that of the machine's own beats before it was rounded. The machine's time
    unit for onsets is 2 ms (500 Hz), and its count covers 10 s.
    """
    age, male, qtc, qrs, rate, atrial, qt, r_axis, t_axis, count, onset, offset, end = values.T
    r_axis, t_axis = _turn(r_axis), _turn(t_axis)
    rr = 60.0 / rate
    with np.errstate(divide="ignore", invalid="ignore"):
        share = count * 6.0 / rate
    rate_of_qt = 60.0 * (qtc / qt) ** 2
    named = {
        "age": age,
        "male": male,
        "qtc": qtc,
        "qrs": qrs,
        "rate": rate,
        "rate_near_60": rate,
        "rate_near_100": rate,
        "atrial": atrial,
        "atrial_high": atrial,
        "qt": qt,
        "r_axis": r_axis,
        "t_axis": t_axis,
        "count": count,
        "q_onset": onset,
        "q_offset": offset,
        "t_offset": end,
        "atrial_less_rate": atrial - rate,
        "atrial_over_rate": atrial / rate,
        "rate_of_qt": rate_of_qt,
        "rate_of_qt_less_rate": rate_of_qt - rate,
        "qt_bazett_less_qtc": qt / np.sqrt(rr) - qtc,
        "qt_fridericia": qt / np.cbrt(rr),
        "qt_left": qt - qtc * np.sqrt(rr),
        "count_less_rate": count - rate / 6.0,
        "count_less_atrial": count - atrial / 6.0,
        "count_over_rate": share,
        "axes_apart": np.abs((r_axis - t_axis + 180.0) % 360.0 - 180.0),
        "st_t": qt - qrs,
        "st_t_corrected": (qt - qrs) / np.sqrt(rr),
        "qt_share": qt / rr / 1000.0,
        "qrs_share": qrs / qt,
        "onset_share": (250.0 - onset) / qrs,
        "rate_less_rest": np.abs(rate - 80.0),
        "axis_off": np.abs(r_axis - 45.0),
        "t_axis_off": np.abs(t_axis - 45.0),
        "age_less_rate": 220.0 - age - rate,
    }
    return np.stack([named[name] for name in FEATURES], axis=1)


def _turn(axis: Floats) -> Floats:
    """The same direction within (−90°, 270°], as the training data have it."""
    return 270.0 - (270.0 - axis) % 360.0
