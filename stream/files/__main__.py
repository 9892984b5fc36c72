"""`python -m stream.files`: analyse uploaded files as ordered on standard input, one after the other.

Orders come and reports go as JSON lines (stream/uploads.py). It yields to the live streams, keeps
within a bound of memory, and ends when its standard input closes, also in the middle of a file.
"""

import argparse
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import IO, Final

import msgspec

from client.formats.record import RecordError
from stream.uploads import Failure, Order, Report, no_room
from stream.version import keep_compiled_kernels

NICENESS: Final = 10


def main() -> None:
    """Serve until standard input closes."""
    parser = argparse.ArgumentParser(description="Analyses uploaded files for the gateway.")
    parser.add_argument("--model", default="", help="as of `beatwire serve`")
    parser.add_argument("--memory", type=int, required=True, metavar="BYTES")
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the gateway, which ends us
    _yield_to_others(args.memory)
    reports = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no report
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    serve(orders.get, reports, args.model)


def _yield_to_others(memory: int) -> None:
    """The streams come first; a file that would need more memory fails alone."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not everywhere

        os.nice(NICENESS)
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _listen(orders: "queue.SimpleQueue[bytes]") -> None:
    while line := sys.stdin.buffer.readline():
        orders.put(line)
    os._exit(0)  # nobody waits for what is under way


def serve(next_order: Callable[[], bytes], reports: IO[bytes], model: str) -> None:
    """Carry out orders for ever."""
    keep_compiled_kernels()
    from inference import registry  # noqa: PLC0415 - after the cache folder is set
    from inference.classifier import BeatClassifier  # noqa: PLC0415
    from stream.files.analyse import analyse  # noqa: PLC0415

    def tell(report: Report) -> None:
        reports.write(msgspec.json.encode(report) + b"\n")

    classifier = BeatClassifier(registry.find(model))
    while True:
        order = msgspec.json.decode(next_order(), type=Order)
        try:
            analyse(order, classifier, tell)
        except RecordError as error:
            tell(Report(order.id, failure=_failure(error)))
        except OSError as error:
            tell(Report(order.id, failure=no_room(error)))
        except MemoryError:
            what = "the file needs more memory than an upload may use"
            tell(Report(order.id, failure=Failure("too_large", what)))


def _failure(error: RecordError) -> Failure:
    code = error.code.replace("-", "_")
    return Failure(code, error.what, error.field, error.limit, error.where)


if __name__ == "__main__":
    main()
