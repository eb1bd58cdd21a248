"""Handlers of the public log."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import (
    BINARY,
    IMMUTABLE,
    JSON,
    TEXT,
    bytes_answer,
    encode,
    public_answer,
)
from provenance.api.authentication import Principal
from provenance.api.errors import MissingError, ParameterError
from provenance.api.parameters import Parameters, path_integer, path_text
from provenance.api.publiclog.answers import AnchoredCheckpoint, Checkpoints, ConsistencyProof
from provenance.api.publiclog.store import AnchoredRow, CheckpointStore
from provenance.api.services import Services
from provenance.core.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, encode_bundle

LATEST: Final = "public, max-age=1"
"""For what grows: as old as the default anchoring interval."""
ANCHORED: Final = "public, max-age=10"
"""For an anchor that can still move to another block."""
PAGE: Final = 1_000
"""Checkpoints of one answer: a megabyte."""


class PublicLog:
    """Checkpoints, tiles, proofs and the trust file."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = CheckpointStore(services.engine, lineage=services.lineage)

    async def latest(self, request: Request) -> Response:
        """GET /v1/log/checkpoint."""
        Parameters.of(request, known=())
        row = await self._store.latest()
        if row is None:
            raise MissingError("nothing is anchored yet; come back after the first anchor")
        return public_answer(
            request, row.checkpoint.encode(), media_type=TEXT, cache_control=LATEST
        )

    async def at(self, request: Request) -> Response:
        """GET /v1/log/checkpoint/{size}."""
        Parameters.of(request, known=())
        size = path_integer(request, "size")
        row = await self._store.at(size)
        if row is None:
            raise MissingError(f"{size} is not an anchored size of this log")
        return public_answer(request, row.checkpoint.encode(), media_type=TEXT)

    async def checkpoints(self, request: Request) -> Response:
        """GET /v1/log/checkpoints."""
        found = Parameters.of(request, known=("above", "limit"))
        limit = found.integer("limit", minimum=1, maximum=PAGE) or 100
        rows = await self._store.page(above=found.integer("above") or 0, limit=limit + 1)
        page = rows[:limit]
        answer = Checkpoints(
            origin=self._services.log.origin,
            checkpoints=[_answer(row) for row in page],
            next_above=page[-1].size if len(rows) > limit else None,
        )
        settled = len(rows) > limit and all(row.state == "final" for row in page)
        return public_answer(
            request,
            encode(answer),
            media_type=JSON,
            cache_control=ANCHORED if settled else LATEST,
        )

    async def consistency(self, request: Request) -> Response:
        """GET /v1/log/consistency."""
        found = Parameters.of(request, known=("old", "new"))
        old, new = found.integer("old"), found.integer("new", minimum=1)
        if old is None or new is None:
            raise ParameterError("is required", name="old" if old is None else "new")
        if old > new:
            raise ParameterError("is larger than new", name="old")
        proof = await self._services.prover.consistency(old, new)
        answer = ConsistencyProof(
            origin=self._services.log.origin,
            old=old,
            new=new,
            proof=[node.hex() for node in proof],
        )
        return public_answer(request, encode(answer), media_type=JSON)

    async def tile(self, request: Request) -> Response:
        """GET /v1/log/tile/{path}."""
        Parameters.of(request, known=())
        tile = await self._anchored_tile(path_text(request, "tile", maximum=64))
        data = (await self._services.tiles.fetch({tile}))[tile]
        return public_answer(request, data, media_type=BINARY, cache_control=IMMUTABLE)

    async def bundle(self, request: Request, _principal: Principal) -> Response:
        """GET /v1/log/tile/entries/{path}, for auditors."""
        Parameters.of(request, known=())
        tile = await self._anchored_tile(f"entries/{path_text(request, 'tile', maximum=64)}")
        first = tile.n * TILE_WIDTH
        rows = await self._services.entries.entries(first, first + tile.width)
        return bytes_answer(encode_bundle(row.entry.encode() for row in rows), media_type=BINARY)

    async def trust(self, request: Request) -> Response:
        """GET /v1/log/trust."""
        Parameters.of(request, known=())
        trust = await self._services.trust()
        return public_answer(request, trust.encode(), media_type=JSON, cache_control=LATEST)

    async def _anchored_tile(self, path: str) -> Tile:
        """Parse a tile's path; raises MissingError where no anchored tree has it."""
        tile = Tile.parse(path)
        row = await self._store.latest()
        nodes = 0 if row is None else row.size >> (TILE_HEIGHT * max(tile.level, 0))
        if tile.n * TILE_WIDTH + tile.width > nodes:
            raise MissingError(f"no anchored tree has the tile {path}")
        return tile


def _answer(row: AnchoredRow) -> AnchoredCheckpoint:
    return AnchoredCheckpoint(
        size=row.size,
        old_size=row.old_size,
        root=row.root.hex(),
        state=row.state,
        transaction=row.tx_hash.hex(),
        block_number=row.block_number,
        block_hash=row.block_hash.hex(),
        block_time=row.block_time,
        checkpoint=row.checkpoint,
    )
