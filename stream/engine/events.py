"""What leaves the ward: messages for everybody who listens."""

from collections.abc import Iterable

from ecg.messages import Alarm, Beat, Command, CommandDone, Gap, Vitals
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


def refusal(command: Command, now: float, code: str) -> CommandDone:
    """The answer to a command that does not reach the book."""
    return CommandDone(
        id=command.id,
        patient=command.patient,
        time=now,
        by=command.by,
        action=type(command).__name__.lower(),
        refused=code,
    )
