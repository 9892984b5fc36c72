"""The measurements that the interval classifier takes: names, units and plausible ranges.

They are what a resting 12-lead electrocardiograph prints beside the tracing (the columns of the
Chapman-Shaoxing database, Zheng et al. 2020, whose machine was a GE MUSE). A range is what a living
person and a working machine can give; it is wider than the training data and refuses slips of the
pen, seconds for milliseconds, and the like.
"""

from typing import Final, NamedTuple

GENDERS: Final = {"F": 0.0, "M": 1.0}
"""How each answer to Gender enters the model."""


class Input(NamedTuple):
    """One measurement; `low` and `high` are inclusive."""

    name: str
    unit: str
    low: float
    high: float
    text: str
    column: str
    """Its column in the training table."""


INPUTS: Final = (
    Input("Age", "years", 0, 120, "Age", "PatientAge"),
    Input("Gender", "", 0, 1, "Sex: F or M", "Gender"),
    Input("ECG_QTC_INTERVAL", "ms", 150, 800, "QT corrected by Bazett", "QTCorrected"),
    Input("ECG_QRS_DURATION", "ms", 30, 400, "QRS duration", "QRSDuration"),
    Input("ECG_VENT_RATE", "/min", 10, 350, "Ventricular rate", "VentricularRate"),
    Input("ECG_ATRIAL_RATE", "/min", 0, 700, "Atrial rate, 0 for none found", "AtrialRate"),
    Input("ECG_QT_INTERVAL", "ms", 80, 900, "QT interval", "QTInterval"),
    Input("ECG_R_AXIS", "degrees", -180, 360, "Axis of the QRS complex", "RAxis"),
    Input("ECG_T_AXIS", "degrees", -180, 360, "Axis of the T wave", "TAxis"),
    Input("ECG_QRS_COUNT", "in 10 s", 1, 60, "QRS complexes in the 10 s recorded", "QRSCount"),
    Input("ECG_Q_ONSET", "2 ms", 0, 600, "Start of QRS in the median beat", "QOnset"),
    Input("ECG_Q_OFFSET", "2 ms", 0, 600, "End of QRS in the median beat", "QOffset"),
    Input("ECG_T_OFFSET", "2 ms", 0, 600, "End of T in the median beat", "TOffset"),
)
"""In the order in which values stand in a row of the model's input."""

NAMES: Final = tuple(one.name for one in INPUTS)
COUNT: Final = len(INPUTS)
REQUIRED: Final = NAMES[:4]
"""Without these there is no verdict; any of the others may be absent."""
ORDERED: Final = ("ECG_Q_ONSET", "ECG_Q_OFFSET", "ECG_T_OFFSET")
"""Each of these that is given must be later than those before it."""
