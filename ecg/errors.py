"""Errors that cross rooms: bad input (code, field, limit) and a model that cannot be used."""


class WireError(ValueError):
    """Input that breaks the protocol.

    Attributes:
        code: stable, machine-readable (the list is in docs/protocol.md).
        field: dotted path of the offending field, empty when the frame as a whole is at fault.
        limit: the limit that was broken, in words, empty where there is none.
    """

    def __init__(self, code: str, text: str, *, field: str = "", limit: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.field = field
        self.limit = limit
        self.text = text


class ModelError(Exception):
    """A model or bundle cannot be used; `code` is stable and goes into alarms and logs.

    Codes: bundle_missing, bundle_malformed, bundle_labels, bundle_hash, bundle_input,
    feedback_missing, registry_missing, registry_failed, model_malformed, model_shape, model_probe,
    input_not_finite, output_not_finite.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
