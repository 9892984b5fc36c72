"""What the OpenAPI document says of the upload routes, with examples."""

from typing import Any, Final

import msgspec
from fastapi.responses import FileResponse

from stream.gateway.access import content, documented
from stream.gateway.problems import responses
from stream.gateway.uploads import results
from stream.gateway.uploads.answers import Upload
from stream.gateway.uploads.receive import MAX_FILES
from stream.uploads import Result, example

MAX_WAIT: Final = 30.0
DEFAULT_WAIT: Final = 5.0
"""Seconds that a request waits for its result: a file of some hours is analysed within that."""
JSON_LINES: Final = "application/jsonl"

_ID: Final = "0123456789abcdef0123456789abcdef"
_EXAMPLE: Final = {
    "id": _ID,
    "state": "running",
    "progress": 0.42,
    "url": f"/v1/uploads/{_ID}",
    "created_at": 1.7e9,
}
_ITEM: Final = results.BeatItem(
    107628, 298.967, "V", dict(zip("NSVFQ", (0.01, 0.0, 0.98, 0.01, 0.0), strict=True)), 0.31, 0.93
)
_SIGNAL: Final = results.SignalPage(0, 4, 360.0, 5.0, 1, [-29, -29, -28, 3], [-29, -29, -28, 3])
_FORM: Final = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "array",
            "items": {"type": "string", "contentMediaType": "application/octet-stream"},
            "minItems": 1,
            "maxItems": MAX_FILES,
            "description": "The record: CSV, EDF, BDF, WFDB header and signal file, or a zip of one",
        },
        "rate": {"type": "number", "exclusiveMinimum": 0, "description": "Hz, of a CSV file"},
        "unit": {"enum": ["V", "mV", "uV", "nV"], "description": "of a CSV file's values"},
        "uv_per_lsb": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "microvolts per unit of a CSV file with a converter's raw numbers",
        },
        "lead": {"type": "string", "maxLength": 64, "description": "number from 0, or name"},
        "wait": {
            "type": "number",
            "minimum": 0,
            "maximum": MAX_WAIT,
            "default": DEFAULT_WAIT,
            "description": "seconds to wait for the result",
        },
    },
}


UPLOAD: Final[dict[str, Any]] = {
    "responses": {
        200: content(
            Upload,
            "Analysed",
            _EXAMPLE | {"state": "done", "progress": 1.0, "result": example()},
        ),
        202: content(Upload, "Being analysed", _EXAMPLE),
        **responses(408, 501, 503),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": _FORM,
                    "example": {"file": ["time,II\n0.000,0.01\n0.004,0.02\n"], "wait": 10},
                }
            },
        }
    },
}
BEATS: Final[dict[str, Any]] = documented(
    results.BeatPage, results.BeatPage(2653, [_ITEM], 1), 404, 409
)
BEATS["responses"][200]["content"] |= {
    JSON_LINES: {"example": msgspec.json.encode(_ITEM).decode() + "\n"},
    "text/csv": {"example": "sample,time,class,p_N,p_S,p_V,p_F,p_Q,rr,quality\r\n"},
}
ALARMS: Final[dict[str, Any]] = {
    "response_class": FileResponse,
    "responses": {
        200: {"description": "Found", "content": {JSON_LINES: {"example": "{}\n"}}},
        **responses(404, 409),
    },
}
SHOW: Final = documented(Upload, _EXAMPLE, 404)
RESULT: Final = documented(Result, example(), 404, 409)
SIGNAL: Final = documented(results.SignalPage, _SIGNAL, 404, 409)
