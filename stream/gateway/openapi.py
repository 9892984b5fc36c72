"""The OpenAPI document: what FastAPI sees of the routes, and what holds for every one of them.

A route says what is its own: body, answer, its own problems. What middleware and guards answer
(401, 403, 413, 415, 429, 500) is added here, so that no route can forget it.
"""

from typing import Any, Final

import msgspec
from fastapi import FastAPI

from ecg import messages as m
from stream.gateway.problems import Details, responses

NOT_MEDICAL: Final = (
    "**Not a medical device.** Beatwire is modelled on IEC 60601-1-8 and conforms to no standard; "
    "do not use it to care for a patient."
)

TAGS: Final = {
    "alarms": "The alarm book: what sounds, what sounded, with its strip.",
    "patients": "Who lies where, and their trends.",
    "disclosure": "The stored signal of a patient, and the beats in it.",
    "review": "Alarms as files, and how many a bed had.",
    "commands": "What people ask of the book. Answered 202: done when the book says so.",
    "audit": "Who did what.",
    "feedback": "What people say of beats and alarms; models learn from it.",
    "uploads": "A file through the stream's engine: its beats, conditions, heart rate.",
    "predict": "Verdicts on people's measurements, and what the models are.",
    "server": "What is asked of the process itself.",
}
"""Tag → what its routes are for; a test holds that no route has another."""


class Api(FastAPI):
    """An application whose document is complete."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            title="Beatwire",
            version=str(m.VERSION),
            summary="Real-time ECG monitor",
            description=NOT_MEDICAL,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            openapi_tags=[{"name": name, "description": text} for name, text in TAGS.items()],
            docs_url=None,  # theirs needs a network beyond this server; ours is in pages.py
            redoc_url=None,
            **options,
        )

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, not ours
                schemas.pop(unused, None)
            schemas["Problem"] = msgspec.json.schema(Details)["$defs"]["Details"]
            for operations in document["paths"].values():
                for operation in operations.values():
                    _complete(operation)
        assert self.openapi_schema is not None
        return self.openapi_schema


def _complete(operation: dict[str, Any]) -> None:
    """Add the answers that the route has no hand in."""
    statuses = [429, 500]
    if "security" in operation:
        statuses += [401, 403]
    if "requestBody" in operation:
        statuses += [413, 415, 422]
    if operation.get("parameters"):
        statuses += [422]
    described = {str(status): answer for status, answer in responses(*statuses).items()}
    operation["responses"] = dict(sorted((operation["responses"] | described).items()))
