"""Answers with a document's original bytes, whole or in part, in constant memory.

Nothing is sent that was not authenticated. Where a later chunk turns out to be altered, the
connection is closed before the announced length was sent, so that nobody takes a part for all.
"""

import base64
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from provenance.api.answers import PRIVATE
from provenance.api.authentication import Principal
from provenance.api.documents.finding import Finder, sealed_of
from provenance.api.documents.ranges import wanted_range
from provenance.api.services import Services
from provenance.blobs import BlobNotFoundError
from provenance.log.documents import StoredDocument
from provenance.sealing import AlteredError, DamagedDocumentError, Opening

_EXTENSIONS: Final = {
    "application/pdf": "pdf",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/tiff": "tif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/webp": "webp",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/json": "json",
    "application/ld+json": "jsonld",
    "message/rfc822": "eml",
    "text/csv": "csv",
    "text/plain": "txt",
}


class Downloads:
    """The operation that hands out bytes."""

    def __init__(self, services: Services, finder: Finder) -> None:
        self._services = services
        self._finder = finder

    async def document(self, request: Request, principal: Principal) -> Response:
        """GET /v1/documents/{first_index}."""
        document = await self._finder.required(request, principal)
        return await self.answer(request, document)

    async def answer(self, request: Request, document: StoredDocument) -> Response:
        """Answer with what the caller was found to be entitled to.

        Raises:
            RangeError: there is no such range.
            KeyGoneError: it was erased.
            DamagedDocumentError: it is not what was recorded.

        """
        opening = await self._finder.opening(document)
        size = document.size or 0
        headers = _headers(document, opening)
        if headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        part = wanted_range(request, size=size, etag=headers["etag"])
        start, stop = part or (0, size)
        status = 200
        if part is not None:
            status = 206
            headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
        headers["content-length"] = str(stop - start)
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers, media_type=document.media_type)
        plain = self._services.vault.read(sealed_of(document), size=size, start=start, stop=stop)
        # The first bytes are read now: what can't be opened at all is told by a status.
        try:
            first = await anext(plain, b"")
        except (AlteredError, BlobNotFoundError) as error:
            # An object that is gone may have been erased just now.
            await self._finder.opening(document)
            raise DamagedDocumentError(document.first_index) from error
        return StreamingResponse(
            _chained(first, plain),
            status_code=status,
            headers=headers,
            media_type=document.media_type,
        )


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for data in rest:
        yield data


def _headers(document: StoredDocument, opening: Opening) -> dict[str, str]:
    digest = base64.b64encode(opening.sha256).decode()
    name = opening.filename or (
        f"document-{document.first_index}.{_EXTENSIONS.get(document.media_type, 'json')}"
    )
    plain = "".join(one if one.isascii() and one not in '"\\%' else "_" for one in name)
    return {
        "cache-control": PRIVATE,
        "accept-ranges": "bytes",
        "etag": f'"{opening.sha256.hex()}"',
        "repr-digest": f"sha-256=:{digest}:",
        # RFC 6266: the plain name for old clients, the true one for all others.
        "content-disposition": (
            f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
        ),
    }
