"""Tables of isolated beats: 187 values a row at 125 Hz, scaled to 0 … 1, perhaps a label after them.

Many people have such a table: it is how Kachuee et al. ("ECG Heartbeat Classification: A Deep
Transferable Representation", 2018) published beats of MIT-BIH. A row begins at an R peak, runs for
1.2 median RR intervals of its 10 s and is filled up with zeros. What came before the R peak is not
there, nor the amplitude, nor the neighbours.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from client.formats.csv_dialect import Dialect
from client.formats.csv_rows import read_head, read_rows

VALUES: Final = 187
RATE: Final = 125.0
"""Hz."""


def is_table(path: Path, dialect: Dialect) -> bool:
    """Whether the file at `path` holds single beats: 187 columns, or 188, of values 0 … 1."""
    if not VALUES <= len(dialect.columns) <= VALUES + 1:
        return False
    values = read_head(path, dialect, VALUES)
    return bool(len(values) and ((values >= 0.0) & (values <= 1.0)).all())


def read_beats(
    path: Path, dialect: Dialect
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """The rows in blocks: float32 (n, 187), and the file's line of each.

    Raises:
        RecordError: `bad-value` with line and column.
    """
    for rows in read_rows(path, dialect, range(VALUES), None):
        yield rows.values.astype(np.float32), rows.lines
