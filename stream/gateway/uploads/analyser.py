"""The analyser's process (`python -m stream.files`): started when first needed, started anew if it dies."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import msgspec

from stream.uploads import Order, Report


class Analyser:
    """One process, one order at a time.

    Args:
        model: as of `beatwire serve --model`; empty: the one that ships.
        memory: bytes of data that the process may have.
    """

    def __init__(self, model: str, memory: int) -> None:
        self._command = [sys.executable, "-m", "stream.files", "--memory", str(memory)]
        self._command += ["--model", model] if model else []
        self._process: asyncio.subprocess.Process | None = None

    async def carry_out(self, order: Order) -> AsyncIterator[Report]:
        """Hand over an order and give its reports, until one is the last or the process dies."""
        process = await self._living()
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(ConnectionError):  # it has died: there is no report then either
            process.stdin.write(msgspec.json.encode(order) + b"\n")
            await process.stdin.drain()
        while line := await process.stdout.readline():
            report = msgspec.json.decode(line, type=Report)
            if report.id == order.id:
                yield report
                if report.done or report.failure is not None:
                    return
        await self.end()

    async def end(self) -> None:
        """Kill the process, if there is one; whatever it does is lost."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _living(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is not None:
            self._process = None
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C is the gateway's to pass on
            )
        return self._process
