"""What the segmenter hands to the classifier: the beat window and the context, by name and place.

The window is `SHAPES_SHOWN` rows of `LENGTH` samples at `WINDOW_RATE`, float32 microvolts about
their own mean: the beat, the patient's dominant shape, the late (sinus) shape, the beat before.
The R peak is at index `R`: the window runs from R - 0.400 s to R + 0.360 s.
"""

from typing import Final

WINDOW_RATE: Final = 125
"""Samples per second of a window."""
LENGTH: Final = 96
"""Samples of one shape."""
R: Final = 50
"""Index of the R peak."""
SHAPES_SHOWN: Final = 4
"""Beat, dominant, late, previous."""
WINDOW: Final = SHAPES_SHOWN * LENGTH

QRS: Final = (R - 13, R + 18)
"""Span of the QRS complex: R - 104 ms to R + 144 ms, wide enough for a ventricular one."""
P: Final = (R - 30, R - 7)
"""Span of the P wave: R - 240 ms to R - 56 ms."""

CONTEXT_NAMES: Final = (
    # RR to the beat before (s; the mean where unknown), 1 if known, share of 32 RR known, their mean
    "rr", "rr_known", "history", "mean",
    # RR over: mean of 32, median of 32, means of about 60 s and 300 s, mean of 8, the RR 1 and 2 before
    "rr_mean", "rr_median", "rr_slow", "rr_slowest", "rr_mean8", "rr_previous", "rr_second",
    # the RR 1 and 2 before over the mean; RR over upper quartile, lower quartile, longest of 32
    "previous_mean", "second_mean", "rr_upper", "rr_lower", "rr_longest",
    # SD of 32, SD of their lower half, RMS of successive differences of 32 and of 8, over the mean
    "spread", "spread_low", "jitter", "jitter8",
    # shares of 32: within 6 % of this RR; over 1.15 x this RR; successive change over 10 % of the mean
    "alike", "longer", "irregular",
    # QRS correlations: best and second shape of the bank, dominant (and its lag), late, previous beat
    "corr_best", "corr_second", "corr_dominant", "lag_dominant", "corr_late", "corr_previous",
    # the beat 2 before against dominant; weights of own and dominant shape; how early own shape's
    # members came and how long the pause after them was (over the mean RR); how many (of 32)
    "second_dominant", "own_weight", "dominant_weight", "own_early", "own_pause", "own_members",
    # the beat before: its dominant correlation and its RR over the mean; usual dominant correlation
    "previous_dominant", "previous_early", "typical_corr",
    # P wave correlations: late, dominant, previous; usual late one; beats in the late shape (of 32)
    "p_late", "p_dominant", "p_previous", "p_typical", "lates",
    # RR and mean of 32 over the calm RR (a mean that follows gradual, not abrupt changes of rate);
    # share of the last 32 that came early (under 0.88 of the mean of their time)
    "rr_calm", "mean_calm", "earlies",
    # quality of the beat and its running mean
    "quality", "typical_quality",
    # over the last 8 RR: change over two beats against over one (small in bigeminy), long minus short
    # in turns and median step over the mean; of 32 RR: share of pairs alike, of these again alike
    "alternate", "turn", "step", "order", "again",
    # run of like RR: beats (ln), RR before it over this RR, its first RR over the mean of then;
    # after early beats: RR over the mean; how early those were
    "run_beats", "run_before", "run_onset", "early_pause", "early_depth",
    # P wave: best correlation with the late one over shifts, that shift; size against the late one
    # and what that usually is
    "p_best", "p_shift", "p_gain", "p_gain_typical",
)  # fmt: skip
"""Entries of the context, all from the beat and its past."""
CONTEXT: Final = len(CONTEXT_NAMES)
