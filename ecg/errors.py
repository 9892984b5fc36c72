"""The one error that bad input raises: a stable code, the offending field, the limit it broke."""


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
