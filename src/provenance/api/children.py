"""Processes beside the API that take one task after the other, and wait for the next in between.

What they read stays in their memory for a while: one that waits too long is ended, and so are all
when something is erased, those at work once they are done.
"""

import asyncio
import sys
from contextlib import suppress
from typing import Final

_PIECE: Final = 1 << 18


class Child:
    """A Python module as a process, with pipes to its input and from its output.

    ``tasks`` counts what it was given; ``limit`` is how much of its output is read ahead, in bytes.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self.input = process.stdin
        self.output = process.stdout
        self.tasks = 0

    @classmethod
    async def start(cls, module: str, *, limit: int) -> "Child":
        """Start ``python -m module``; raises OSError."""
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", module)
        return cls(
            await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=limit)
        )

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended, as far as is known."""
        return self._process.returncode is None

    async def status(self) -> int:
        """Status with which it ends, once it has closed its output by itself."""
        return await self._process.wait()

    async def end(self) -> None:
        """End it, whatever it does."""
        self.input.close()
        if self.is_alive:
            with suppress(ProcessLookupError):
                self._process.kill()
        # What is left in the pipe is read, so that it closes.
        while await self.output.read(_PIECE):
            pass
        await self._process.wait()


class Children:
    """Those of one module that wait; the newest is taken first."""

    def __init__(self, module: str, *, limit: int, idle_s: float) -> None:
        self._module = module
        self._limit = limit
        self._idle_s = idle_s
        self._idle: list[Child] = []
        self._ending: set[asyncio.Task[None]] = set()
        self.forgotten = 0
        """How often :meth:`forget` was called."""

    async def take(self) -> Child:
        """One that waits, or a new one; raises OSError."""
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            await child.end()
        return await Child.start(self._module, limit=self._limit)

    async def give_back(self, child: Child, *, forgotten: int) -> None:
        """Let it wait for a while, unless something was forgotten since it was taken."""
        if forgotten != self.forgotten:
            await child.end()
            return
        self._idle.append(child)
        asyncio.get_running_loop().call_later(self._idle_s, self._retire, child, child.tasks)

    async def forget(self) -> None:
        """End what still has in its memory what it read before: something was erased."""
        self.forgotten += 1
        while self._idle:
            await self._idle.pop().end()

    async def aclose(self) -> None:
        """End what waits."""
        await self.forget()
        await asyncio.gather(*self._ending)

    def _retire(self, child: Child, tasks: int) -> None:
        # It may have worked since, and wait anew.
        if child in self._idle and child.tasks == tasks:
            self._idle.remove(child)
            task = asyncio.get_running_loop().create_task(child.end())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
