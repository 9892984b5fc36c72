"""A table as Markdown, for benchmarks whose rows have the same fields."""

from collections.abc import Callable, Sequence
from typing import Any


def markdown(rows: Sequence[dict[str, Any]], cell: Callable[[Any], str] = str) -> str:
    """A table of rows that have the same fields; `cell` writes a value."""
    lines = [" | ".join(rows[0]), " | ".join("---" for _ in rows[0])]
    lines += [" | ".join(cell(value) for value in row.values()) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"
