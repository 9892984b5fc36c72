"""Room `alarms`: the alarm book, and the limits that people set."""

from stream.engine.alarms.book import Book
from stream.engine.alarms.commands import answer
from stream.engine.alarms.state import Context, Done, Instruction, Publish, Settings

__all__ = [
    "Book",
    "Context",
    "Done",
    "Instruction",
    "Publish",
    "Settings",
    "answer",
]
