"""A log as its service publishes it: checkpoints, tiles and, for auditors, entry bundles.

The service is not trusted: answers are bounded in size and time. What it refuses is a finding or
a gap; what it does not answer at all, after a few tries, ends the audit as UNKNOWN.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

from provenance.core.digests import HASH_SIZE, LeafHash
from provenance.core.entry import MAX_ENTRY_BYTES
from provenance.core.errors import TooDeepError
from provenance.core.jcs import check_depth
from provenance.core.notes import MAX_NOTE_BYTES
from provenance.core.tiles import TILE_WIDTH, Tile, tile_at
from provenance.verify.audit.groups import Group, split_hashes
from provenance.verify.errors import LogReadError

AHEAD: Final = 8
"""Groups that are fetched while others are checked: a megabyte."""
TRIES: Final = 3
"""Attempts at one request before a server that fails is given up."""
PAGE: Final = 1_000
"""Checkpoints that are asked for at once."""
_MAX_TILE: Final = TILE_WIDTH * HASH_SIZE
_MAX_BUNDLE: Final = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)
_MAX_PAGE: Final = PAGE * (MAX_NOTE_BYTES + 4096)
_MISSING: Final = (404, 410)
_DENIED: Final = (401, 403)


@dataclass(frozen=True, slots=True)
class PublishedCheckpoint:
    """A checkpoint as the service lists it: a size, and a signed note that should be of it."""

    size: int
    note: str


class WebLog:
    """A log by the URL of its service; ``key`` is an auditor's API key, needed for entries.

    Use it in ``async with``, or call :meth:`aclose`. ``timeout`` is in seconds; ``transport``
    takes the place of the network.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base = url.rstrip("/") + "/v1/log"
        self._key = key
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            timeout=timeout, follow_redirects=False, transport=transport
        )

    @property
    def has_key(self) -> bool:
        """Whether entries can be asked for."""
        return self._key is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def latest_checkpoint(self) -> str | None:
        """The latest anchored checkpoint, a signed note; None where nothing is anchored.

        Raises:
            LogReadError: the service could not be asked.

        """
        data = await self._get("checkpoint", limit=MAX_NOTE_BYTES)
        return None if data is None else data.decode("utf-8", "replace")

    async def checkpoints(self) -> AsyncIterator[PublishedCheckpoint]:
        """All checkpoints that the service lists, in its order; none where it says it has no list.

        Raises:
            LogReadError: the service could not be asked, or its list makes no sense.

        """
        above: int | None = 0
        while above is not None:
            data = await self._get(f"checkpoints?above={above}&limit={PAGE}", limit=_MAX_PAGE)
            if data is None:
                return
            page, following = _read_page(data)
            if following is not None and following <= above:
                raise LogReadError("the service's list of checkpoints goes round in a circle")
            for item in page:
                yield item
            above = following

    async def tile(self, tile: Tile) -> bytes | None:
        """Bytes of a hash tile; None where the service says that there is none.

        Raises:
            LogReadError: the service could not be asked.

        """
        return await self._get(f"tile/{tile.path()}", limit=_MAX_TILE)

    async def bundle(self, tile: Tile) -> list[bytes] | None:
        """Entries of a bundle, as many as it holds; None without a key.

        Raises:
            LogReadError: the service could not be asked, or does not accept the key.

        """
        if self._key is None:
            return None
        data = await self._get(f"tile/{tile.path()}", limit=_MAX_BUNDLE)
        return [] if data is None else _entries(data)

    async def _get(self, path: str, *, limit: int) -> bytes | None:
        reason = ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(0.2 * attempt)
            try:
                async with asyncio.timeout(self._timeout):
                    status, data = await self._exchange(path, limit)
            except TimeoutError:
                reason = f"no answer within {self._timeout:g} s"
                continue
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                reason = type(error).__name__
                continue
            if status == httpx.codes.OK:
                return data
            if status in _MISSING:
                return None
            if status in _DENIED:
                raise LogReadError(
                    f"{path}: the API key does not allow it; an auditor's is needed: give it with "
                    "--key or in PROVENANCE_KEY"
                )
            reason = f"HTTP {status}"
        raise LogReadError(f"{self._base}/{path} could not be read ({reason})")

    async def _exchange(self, path: str, limit: int) -> tuple[int, bytes]:
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        async with self._client.stream("GET", f"{self._base}/{path}", headers=headers) as response:
            data = bytearray()
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > limit:
                    raise LogReadError(f"{path}: the answer has more than {limit} bytes")
            return response.status_code, bytes(data)


@dataclass(frozen=True, slots=True)
class WebSource:
    """The log of ``size`` as a source of groups, fetched ahead of their use."""

    log: WebLog
    size: int

    async def groups(self) -> AsyncIterator[Group]:
        """All groups in order; raises a LogReadError."""
        pending: deque[asyncio.Task[Group]] = deque()
        total = -(-self.size // TILE_WIDTH)
        following = 0
        try:
            while pending or following < total:
                while following < total and len(pending) < AHEAD:
                    pending.append(asyncio.create_task(self._group(following)))
                    following += 1
                yield await pending.popleft()
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def tile(self, tile: Tile) -> bytes | None:
        """A tile above level 0; raises a LogReadError."""
        return await self.log.tile(tile)

    async def lost_leaves(self) -> list[LeafHash]:
        """None: who looks from outside learns them from nobody."""
        return []

    async def _group(self, n: int) -> Group:
        tile = tile_at(0, n, size=self.size)
        data = await self.log.tile(tile)
        entries = await self.log.bundle(Tile(level=-1, n=n, width=tile.width))
        cut = data is None and entries is not None and len(entries) < tile.width
        if cut:
            data = await self._served_part(tile)
        return Group(
            n=n,
            width=tile.width,
            entries=entries,
            hashes=[] if data is None else split_hashes(data),
            cut=cut,
        )

    async def _served_part(self, tile: Tile) -> bytes | None:
        """Largest part of a tile that is served: it ends where an entry is missing."""
        low, high, best = 0, tile.width, None
        while high - low > 1:
            middle = (low + high) // 2
            data = await self.log.tile(Tile(level=tile.level, n=tile.n, width=middle))
            if data is None:
                high = middle
            else:
                low, best = middle, data
        return best


def _entries(data: bytes) -> list[bytes]:
    """Entries of a bundle, up to where it is cut."""
    entries: list[bytes] = []
    position = 0
    while position + 2 <= len(data) and len(entries) < TILE_WIDTH:
        end = position + 2 + int.from_bytes(data[position : position + 2], "big")
        if end > len(data):
            break
        entries.append(data[position + 2 : end])
        position = end
    return entries


def _read_page(data: bytes) -> tuple[list[PublishedCheckpoint], int | None]:
    try:
        text = data.decode()
        check_depth(text, maximum=8)
        value = json.loads(text)
        items = [_listed(item) for item in value["checkpoints"]]
        following = value.get("next_above")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, TooDeepError):
        raise LogReadError("the service's list of checkpoints makes no sense") from None
    if following is not None and not isinstance(following, int):
        raise LogReadError("the service's list of checkpoints makes no sense")
    return items, following


def _listed(item: Any) -> PublishedCheckpoint:
    size, note = item["size"], item["checkpoint"]
    if not isinstance(size, int) or not isinstance(note, str):
        raise TypeError
    return PublishedCheckpoint(size=size, note=note)
