"""The address that `beatwire serve` is to listen on: looked at before anything is started there."""

import errno
import socket
import sys
import time
from typing import Final

WAIT_SECONDS: Final = 10.0
"""A server that was killed leaves roles behind, which end in order within so long."""


def is_free(host: str, port: int) -> bool:
    """Whether one can listen there; one that is taken is waited for. If not, it is said why."""
    until = time.monotonic() + WAIT_SECONDS
    told = False
    while (error := _refusal(host, port)) is not None:
        taken = error.errno == errno.EADDRINUSE
        if not told:
            then = f"; --port chooses another, waiting for {WAIT_SECONDS:g} s" if taken else ""
            what = f"cannot listen on {host}:{port}: {error.strerror}{then}"
            print(f"beatwire serve: {what}", file=sys.stderr)  # noqa: T201
            told = True
        if not taken or time.monotonic() >= until:
            return False
        time.sleep(0.2)
    return True


def _refusal(host: str, port: int) -> OSError | None:
    """Why one cannot listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            trial.bind(address)
    except OSError as error:
        return error
    return None
