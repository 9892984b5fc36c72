"""Verdicts of the interval classifier in the API's words, and the judge who gives them."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from ecg.errors import WireError
from inference.intervals.classifier import IntervalClassifier
from inference.intervals.inputs import NAMES
from inference.intervals.person import EXAMPLE, Row, decode, explain, matrix, missing
from inference.intervals.shapley import contributions

MAX_ROWS: Final = 10_000
MAX_EXPLAINED: Final = 100
"""Rows of a batch whose contributions are asked: each may cost 16 ms of CPU."""
DIGITS: Final = 6

Probability = Annotated[float, Meta(ge=0, le=1)]


class Explained(msgspec.Struct):
    """Exact Shapley values in points of probability: base and contributions add up to it."""

    base: Probability
    """What the model says of somebody of whom nothing is known."""
    inputs: dict[str, float]


class Verdict(msgspec.Struct, omit_defaults=True):
    """How probable it is that this electrocardiogram is abnormal, and what was not given."""

    index: Annotated[int, Meta(ge=0)]
    probability: Probability
    label: Annotated[str, Meta(pattern="^(ab)?normal$")]
    missing: tuple[str, ...]
    line: Annotated[int, Meta(ge=1)] | msgspec.UnsetType = msgspec.UNSET
    contributions: Explained | msgspec.UnsetType = msgspec.UNSET


class RowError(msgspec.Struct, omit_defaults=True):
    """Why a row has no verdict; `code`, `field` and `limit` as in problem details."""

    index: Annotated[int, Meta(ge=0)]
    code: str
    detail: str
    line: Annotated[int, Meta(ge=1)] | msgspec.UnsetType = msgspec.UNSET
    field: str = ""
    limit: str = ""


class Verdicts(msgspec.Struct):
    """Verdicts in the order of the rows, then the rows that have none."""

    model: str
    threshold: Probability
    predictions: list[Verdict]
    errors: list[RowError]


class BatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """Rows, and from which probability on a person is called abnormal."""

    data: Annotated[list[msgspec.Raw], Meta(max_length=MAX_ROWS)]
    threshold: Probability = 0.5
    contributions: bool = False


_batch: Final = msgspec.json.Decoder(BatchBody)


class Judge:
    """Gives verdicts; may be used from several threads."""

    def __init__(self, classify: IntervalClassifier) -> None:
        self._classify = classify
        self.model_id = classify.model_id

    def one(self, body: bytes, threshold: float, *, explained: bool = False) -> Verdicts:
        """The verdict on one person; WireError when a measurement cannot be."""
        return self._verdicts([decode(body)], threshold, [], explained=explained)

    def batch(self, body: bytes) -> bytes:
        """The JSON answer on a batch: good rows are answered, bad ones named by their index.

        Raises:
            WireError: the body itself is at fault.
        """
        asked = _read(body)
        rows: list[tuple[int, Row]] = []
        errors: list[RowError] = []
        for index, raw in enumerate(asked.data):
            try:
                rows.append((index, decode(raw)))
            except WireError as error:
                errors.append(row_error(index, error))
        found = self._verdicts(
            [row for _, row in rows], asked.threshold, errors, explained=asked.contributions
        )
        for (index, _), verdict in zip(rows, found.predictions, strict=True):
            verdict.index = index
        return msgspec.json.encode(found)

    def judge(self, rows: Sequence[Row], threshold: float) -> list[Verdict]:
        """Verdicts, numbered from 0."""
        probabilities = self._classify(matrix(rows)).round(DIGITS).tolist()
        return [
            Verdict(k, p, "abnormal" if p >= threshold else "normal", missing(row))
            for k, (row, p) in enumerate(zip(rows, probabilities, strict=True))
        ]

    def _verdicts(
        self, rows: Sequence[Row], threshold: float, errors: list[RowError], *, explained: bool
    ) -> Verdicts:
        verdicts = self.judge(rows, threshold)
        if explained:
            for row, verdict in zip(rows, verdicts, strict=True):
                verdict.contributions = self._explain(row)
        return Verdicts(self.model_id, threshold, verdicts, errors)

    def _explain(self, row: Row) -> Explained:
        found = contributions(self._classify, np.array(row))
        each = zip(NAMES, found.each.round(DIGITS).tolist(), strict=True)
        given = {name: value for name, value in each if name not in missing(row)}
        return Explained(round(found.base, DIGITS), given)


def row_error(index: int, error: WireError) -> RowError:
    """A WireError as an entry of `errors`."""
    return RowError(index, error.code, error.text, field=error.field, limit=error.limit)


def _read(body: bytes) -> BatchBody:
    try:
        asked = _batch.decode(body)
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise WireError("malformed", f"body cannot be read: {error}") from None
    if asked.contributions and len(asked.data) > MAX_EXPLAINED:
        text = f"contributions of {len(asked.data)} rows"
        limit = f"<= {MAX_EXPLAINED} rows"
        raise WireError("out_of_range", text, field="contributions", limit=limit)
    return asked


_ABSENT: Final = tuple(name for name in NAMES if name not in EXAMPLE)
VERDICT: Final[dict[str, Any]] = {
    "model": "interval-0.1.0-0a1b2c3d",
    "threshold": 0.5,
    "predictions": [
        {"index": 0, "probability": 0.614, "label": "abnormal", "missing": list(_ABSENT)}
    ],
    "errors": [],
}
"""An answer for the OpenAPI document."""
BATCH: Final[dict[str, Any]] = {"data": [EXAMPLE, EXAMPLE | {"Gender": "F"}], "threshold": 0.5}
