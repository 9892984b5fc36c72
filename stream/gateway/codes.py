"""Why a connection of ours is closed: the codes in the close frame, for devices and subscribers.

Codes 4000–4999 are the application's own (RFC 6455, section 7.4.2). The list stands in
docs/protocol.md with what the other side should do; a test keeps both in step.
"""

from enum import IntEnum

from ecg import messages as m


class Close(IntEnum):
    """Close codes; the name, in lower case, is the close frame's reason."""

    NORMAL = 1000
    """After GOODBYE, when everything is durable."""
    INVALID = 4400
    """A frame broke the protocol; the Problem before it says how. Do not resend it."""
    UNAUTHORIZED = 4401
    """The credential is missing or wrong. Do not reconnect without another one."""
    SLOW = 4408
    """The subscriber stayed full. Reconnect and resume after the last cursor."""
    SUPERSEDED = 4409
    """A newer connection serves this patient. Do not reconnect by yourself."""
    SILENT = 4410
    """Nothing was heard for too long. Reconnect."""
    TOO_MANY = 4429
    """More blocks in flight than the credit allows. Reconnect, and keep to the credit."""
    UNAVAILABLE = 4503
    """The gateway cannot take this now (full, or its log fails). Reconnect with a back-off."""


class Ended(Exception):  # noqa: N818 - not an error of ours
    """The connection must end: with which Problem and close code."""

    def __init__(
        self, close: Close, code: str, text: str, field: str = "", limit: str = ""
    ) -> None:
        super().__init__(text)
        self.close = close
        self.problem = m.Problem(code=code, text=text[:256], field=field[:256], limit=limit[:256])
