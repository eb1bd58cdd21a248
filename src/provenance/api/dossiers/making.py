"""A dossier that is being made for a request, in a task of its own.

Whoever asked may read slowly, or not at all: nothing here waits for them while a process works.
"""

import asyncio
from collections import deque
from contextlib import AsyncExitStack
from typing import Final

from starlette.requests import Request

from provenance.api.dossiers.order import Order, Refused, Told
from provenance.api.dossiers.refusals import refused
from provenance.api.dossiers.runs import ProcessRuns
from provenance.api.dossiers.spool import Spooled
from provenance.api.errors import IncompleteBodyError

_KEPT: Final = 256
"""Lines that wait for whoever reads them; of more the oldest go."""

News = Told | Spooled | Refused
"""How far it has come; at last the dossier, or why there is none."""


class Making:
    """Makes ``order``; what came of it is there until :meth:`aclose`."""

    def __init__(self, runs: ProcessRuns, order: Order) -> None:
        self._order = order
        self._held = AsyncExitStack()
        self._told: deque[Told] = deque(maxlen=_KEPT)
        self._news = asyncio.Event()
        self._task = asyncio.create_task(runs.make(order, self._held, tell=self._tell))
        self._task.add_done_callback(lambda _: self._news.set())

    async def news(self) -> News:
        """Return what is told next, as soon as there is something.

        Raises:
            OverloadedError: too many wait already, or there is no room.
            DossierFailedError: the process ended before it was whole.

        """
        await self._news.wait()
        if self._told:
            return self._told.popleft()
        if self._task.done():
            return self._task.result()
        self._news.clear()
        return await self.news()

    async def news_or_refusal(self) -> News:
        """Return :meth:`news` where a status cannot be told any more."""
        try:
            return await self.news()
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told
            return refused(error, self._order.reference)

    async def outcome(self, request: Request) -> Spooled | Refused:
        """Return what comes of it, unless ``request`` is given up before.

        Raises:
            IncompleteBodyError: whoever asked has gone away.
            ProvenanceError: as :meth:`news`.

        """
        gone = asyncio.create_task(_gone(request))
        try:
            await asyncio.wait((self._task, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        if not self._task.done():
            raise IncompleteBodyError("the connection was closed before the dossier was made")
        return self._task.result()

    async def aclose(self) -> None:
        """End it, and give up what came of it."""
        self._task.cancel()
        try:
            await asyncio.wait((self._task,))
        finally:
            await self._held.aclose()
        if not self._task.cancelled():
            # It was told, or nobody is there any more.
            self._task.exception()

    def _tell(self, line: Told) -> None:
        self._told.append(line)
        self._news.set()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
