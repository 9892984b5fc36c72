"""Figures of probabilities: ranking (ROC-AUC), Brier score, calibration."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

from inference.intervals.classifier import Calibration, logit

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
BINS: Final = 10


def auc(abnormal: Flags, score: Floats) -> float:
    """Share of pairs (abnormal, normal) in the right order, ties half: Mann and Whitney's U."""
    ranks = rankdata(score)
    positive = int(abnormal.sum())
    negative = len(abnormal) - positive
    u = ranks[abnormal].sum() - positive * (positive + 1) / 2
    return float(u / (positive * negative))


def auc_error(abnormal: Flags, area: float) -> float:
    """Standard error of a ROC-AUC for so many people (Hanley and McNeil 1982)."""
    positive = int(abnormal.sum())
    negative = len(abnormal) - positive
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    spread = (positive - 1) * (one - area**2) + (negative - 1) * (two - area**2)
    return float(np.sqrt((area * (1 - area) + spread) / (positive * negative)))


def brier(abnormal: Flags, probability: Floats) -> float:
    """Mean squared difference of probability and outcome."""
    return float(np.mean((probability - abnormal) ** 2))


def calibrate(abnormal: Flags, probability: Floats) -> Calibration:
    """Platt's line through the log-odds, by maximum likelihood on people not trained on."""
    x, y = logit(probability), abnormal.astype(np.float64)

    def loss(line: Floats) -> float:
        z = line[0] * x + line[1]
        return float(np.mean(np.logaddexp(0.0, z) - y * z))

    slope, offset = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return Calibration(round(float(slope), 4), round(float(offset), 4))


def calibrated(probability: Floats, line: Calibration) -> Floats:
    """As the classifier serves it."""
    result: Floats = expit(line.slope * logit(probability) + line.offset)
    return result


def reliability(abnormal: Flags, probability: Floats) -> list[list[float]]:
    """For each tenth of the range that is not empty: mean probability, share abnormal, people."""
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    found = []
    for k in np.unique(place):
        inside = place == k
        mean, share = probability[inside].mean(), abnormal[inside].mean()
        found.append([round(float(mean), 4), round(float(share), 4), int(inside.sum())])
    return found


def measure(abnormal: Flags, probability: Floats) -> dict[str, float]:
    """ROC-AUC and Brier score, and the Brier score of always saying the share of the abnormal."""
    share, area = abnormal.mean(), auc(abnormal, probability)
    return {
        "roc_auc": round(area, 4),
        "roc_auc_error": round(auc_error(abnormal, area), 4),
        "brier": round(brier(abnormal, probability), 4),
        "brier_of_the_share": round(float(share * (1 - share)), 4),
        "people": len(abnormal),
    }
