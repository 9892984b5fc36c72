"""What the ward takes in: records of the sample log with their times, in batches by patient."""

from collections import deque
from collections.abc import Iterable, Iterator

from ecg.messages import Block, Goodbye, Hello

Arrived = tuple[Block | Goodbye | Hello, float]
"""A record of the sample log and when it arrived, seconds since 1970."""


def patient_of(record: Block | Goodbye | Hello) -> str:
    """Of whom a record of the sample log is."""
    return record.patient.id if isinstance(record, Hello) else record.patient


def batches(records: Iterable[Arrived]) -> Iterator[list[Arrived]]:
    """Cut records into batches with at most one of each patient, keeping each one's order."""
    waiting: dict[str, deque[Arrived]] = {}
    for record, now in records:
        waiting.setdefault(patient_of(record), deque()).append((record, now))
    while waiting:
        yield [queue.popleft() for queue in waiting.values()]
        waiting = {patient: queue for patient, queue in waiting.items() if queue}
