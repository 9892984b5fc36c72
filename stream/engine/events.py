"""What leaves the ward: messages for everybody who listens."""

from collections.abc import Iterable

from ecg.messages import Alarm, Beat, CommandDone, Gap, Vitals
from stream.engine.alarms import Done, Instruction, Publish

Event = Beat | Vitals | Gap | Alarm | CommandDone
"""What is published."""


def published(instructions: Iterable[Instruction]) -> list[Event]:
    """The messages in the book's instructions."""
    events: list[Event] = []
    for instruction in instructions:
        if isinstance(instruction, Publish):
            events.append(instruction.alarm)
        elif isinstance(instruction, Done):
            events.append(instruction.done)
    return events
