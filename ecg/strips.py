"""Strips: a stretch of one session's signal, cut from blocks wherever they come from."""

from collections.abc import Iterable

from ecg.messages import Block, Strip


def cut(blocks: Iterable[Block], session: str, first: int, end: int) -> Strip:
    """The blocks of `session` that touch samples `first` … `end`, in order, each once."""
    touching = {
        block.first: block
        for block in blocks
        if block.session == session and block.first < end and block.end > first
    }
    return Strip(first, end, tuple(touching[start] for start in sorted(touching)))
