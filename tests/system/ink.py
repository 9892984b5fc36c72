"""The trace on a canvas of the pages as numbers, and how well it follows a known signal."""

import numpy as np
from known_bed import RATE
from numpy.typing import NDArray

INK = """canvas => {
  const pen = canvas.getContext('2d'), {width, height} = canvas;
  const {data} = pen.getImageData(0, 0, width, height);
  return Array.from({length: width}, (_, x) => {
    for (let y = 18; y < height; y++) {
      const i = 4 * (y * width + x);
      if (data[i + 1] > 120 && data[i + 1] > 1.5 * data[i]) return y;
    }
    return null;
  });
}"""
"""The topmost pixel of the trace in each column: the only thing below the labels that is that green."""
Values = NDArray[np.float64]
MM = 96 / 25.4
MARGIN = 7 * MM
"""As the page draws them: CSS millimetres, and what is left of the trace."""


def trace(ink: list[list[int | None]], begin: float) -> tuple[Values, Values]:
    """Height of the trace in pixels, NaN where there is none, and its seconds in the session."""
    heights, at = [], []
    for row, columns in enumerate(ink):
        for x in range(30, len(columns) - 2):
            heights.append(np.nan if columns[x] is None else float(columns[x] or 0))
            at.append(begin + 10 * row + (x - MARGIN) / (25 * MM))
    return np.array(heights), np.array(at)


def fitted(drawn: Values, at: Values, known: Values) -> tuple[float, float]:
    """How far the trace lies beside the known samples (s), and pixels per microvolt, at best."""
    column = np.lib.stride_tricks.sliding_window_view(known, round(RATE / (25 * MM)) + 1).max(1)
    best = (0.0, 0.0, 0.0)
    for shift in np.arange(-0.4, 0.4, 0.004):
        place = np.round((at + shift) * RATE).astype(int)
        inside = (place >= 0) & (place < len(column)) & ~np.isnan(drawn)
        expected = column[place[inside]]
        both = ~np.isnan(expected)
        pair = expected[both], drawn[inside][both]
        fit = float(np.corrcoef(*pair)[0, 1])
        if fit < best[0]:
            best = fit, float(abs(shift)), float(np.polyfit(*pair, 1)[0])
    assert best[0] < -0.95, "the trace does not follow the samples"
    return best[1:]
