"""What the models are: `GET /v1/model/info`, as their bundles say it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Response

from inference import registry
from inference.bundle import BeatManifest, Bundle
from inference.intervals import classifier
from inference.intervals.classifier import Intervals
from inference.intervals.inputs import INPUTS, REQUIRED
from stream.config import Settings
from stream.gateway.access import answer, content
from stream.gateway.drift import DriftInfo, DriftView


class ModelInput(msgspec.Struct, omit_defaults=True):
    """One input; the beat model's are features that it makes itself."""

    name: str
    unit: str = ""
    required: bool = True
    low: float | None = None
    high: float | None = None
    description: str = ""


class ModelInfo(msgspec.Struct):
    """One model; `figures` are those of its card, by the people or records they were taken on."""

    id: str
    name: str
    version: str
    task: str
    outputs: list[str]
    sha256: str
    data_sha256: str
    code_version: str
    seeds: list[int]
    decision: dict[str, float]
    """What turns the model's output into a verdict: thresholds, or the line of its calibration."""
    inputs: list[ModelInput]
    figures: dict[str, Any]
    drift: DriftInfo | None = None
    """Of the beat model: how far today's beats are from those of training."""


class Models(msgspec.Struct):
    """The models in use."""

    models: list[ModelInfo]


EXAMPLE: Final = Models(
    [
        ModelInfo(
            id="interval-0.1.0-0a1b2c3d",
            name="interval",
            version="0.1.0",
            task="Probability that a resting electrocardiogram is abnormal",
            outputs=["abnormal"],
            sha256="0a1b2c3d",
            data_sha256="4e5f",
            code_version="0.1.0+123456789abc",
            seeds=[1],
            decision={"slope": 1.0, "offset": 0.0},
            inputs=[ModelInput("Age", "years", low=0.0, high=120.0, description="Age")],
            figures={"unseen people": {"all measurements": {"roc_auc": 0.976}}},
            drift=DriftInfo(52_000, {"class": 0.31}, 0.25, warning=True, over=["class"]),
        )
    ]
)


def load_models(settings: Settings) -> tuple[Bundle[BeatManifest], Intervals]:
    """The bundles that were chosen, else those that ship; ModelError when one does not fit."""
    intervals = Path(settings.interval_model) if settings.interval_model else classifier.SHIPPED
    return registry.find(settings.model), classifier.load(intervals)


def model_routes(beat: Bundle[BeatManifest], intervals: Intervals, drift: DriftView) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["predict"])
    beats, people = _beat(beat), _intervals(intervals)

    @router.get("/model/info", responses={200: content(Models, "Beats and intervals", EXAMPLE)})
    async def model_info() -> Response:
        """Show both models: identity, hash, inputs with their limits, and the figures of their cards."""
        return answer(Models([msgspec.structs.replace(beats, drift=await drift.info()), people]))

    return router


def _beat(made: Bundle[BeatManifest]) -> ModelInfo:
    names = made.manifest.input["features"]
    task = "Class of one beat by AAMI EC57, from one lead"
    inputs = [ModelInput(name) for name in names]
    return _info(made, task, made.manifest.outputs, made.manifest.thresholds, inputs)


def _intervals(made: Intervals) -> ModelInfo:
    inputs = [
        ModelInput(one.name, one.unit, one.name in REQUIRED, one.low, one.high, one.text)
        for one in INPUTS
    ]
    task = "Probability that a resting electrocardiogram is not sinus rhythm without any finding"
    return _info(made, task, ["abnormal"], made.manifest.calibration._asdict(), inputs)


def _info(
    made: Any,
    task: str,
    outputs: Sequence[str],
    decision: dict[str, float],
    inputs: list[ModelInput],
) -> ModelInfo:
    said = made.manifest
    return ModelInfo(
        id=made.model_id,
        name=said.name,
        version=said.version,
        task=task,
        outputs=list(outputs),
        sha256=said.model_sha256,
        data_sha256=said.data_sha256,
        code_version=said.code_version,
        seeds=said.seeds,
        decision=decision,
        inputs=inputs,
        figures=said.figures,
    )
