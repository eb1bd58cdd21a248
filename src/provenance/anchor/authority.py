"""A time-stamping authority (RFC 3161), asked over HTTP (section 3.4).

Rules: what comes back is held against what was asked before anybody relies on it: nonce, hash, one
signer, and a certificate that is for time stamping and leads to a trusted root. Time and size of an
answer are bounded, redirects are not followed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerifierBuilder,
    decode_timestamp_response,
)

from provenance.anchor.errors import AuthorityUnavailableError, TimestampRefusedError

SECONDS: Final = 15.0
"""For an answer, connection included."""
MAX_ANSWER: Final = 1 << 16
"""Bytes: authorities send 1 to 8 kB, certificates included."""

_QUERY: Final = "application/timestamp-query"
_REPLY: Final = "application/timestamp-reply"


@dataclass(frozen=True, slots=True)
class Token:
    """A response that was checked: its DER, and the stated time, milliseconds since the epoch."""

    response: bytes
    stated_at: int


class TimestampAuthority:
    """The authority at ``url``; ``roots`` reads the certificates (PEM) that it must lead to."""

    def __init__(
        self,
        url: str,
        *,
        roots: Callable[[], bytes],
        seconds: float = SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url
        self._name = _without_secrets(url)
        self._roots = roots
        self._seconds = seconds
        self._transport = transport

    async def stamp(self, data: bytes) -> Token:
        """Ask for a token over the SHA-256 of ``data``.

        Raises:
            AuthorityUnavailableError: it does not answer in time, or not with a response.
            TimestampRefusedError: it refuses, or its answer is not one to rely on.

        """
        verifier = VerifierBuilder(roots=self._trusted())
        request = (
            TimestampRequestBuilder()
            .data(data)
            .hash_algorithm(HashAlgorithm.SHA256)
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        answer = await self._ask(request.as_bytes())
        try:
            return _checked(answer, request, verifier)
        except Exception as error:  # noqa: BLE001 - the library raises more kinds than it names
            raise TimestampRefusedError(
                f"the answer of {self._name} is not a time stamp to rely on: {error}"[:500]
            ) from None

    def _trusted(self) -> list[x509.Certificate]:
        try:
            return x509.load_pem_x509_certificates(self._roots())
        except (OSError, ValueError) as error:
            raise TimestampRefusedError(
                f"the authority's certificates cannot be read: {error}; see "
                "PROVENANCE_TIMESTAMP_CERTIFICATE"
            ) from error

    async def _ask(self, query: bytes) -> bytes:
        try:
            async with (
                asyncio.timeout(self._seconds),
                httpx.AsyncClient(timeout=self._seconds, transport=self._transport) as client,
                client.stream(
                    "POST",
                    self._url,
                    content=query,
                    headers={"content-type": _QUERY, "accept": _REPLY},
                ) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise AuthorityUnavailableError(f"{self._name} answers {answer.status_code}")
                return await self._bounded(answer)
        except TimeoutError:
            raise AuthorityUnavailableError(
                f"{self._name} did not answer within {self._seconds:g} s"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AuthorityUnavailableError(
                f"{self._name} cannot be asked: {type(error).__name__} {error}"[:500]
            ) from error

    async def _bounded(self, answer: httpx.Response) -> bytes:
        data = bytearray()
        async for chunk in answer.aiter_bytes():
            data += chunk
            if len(data) > MAX_ANSWER:
                raise AuthorityUnavailableError(
                    f"{self._name} answers more than {MAX_ANSWER} bytes"
                )
        return bytes(data)


def _without_secrets(url: str) -> str:
    """What may stand in a log: an address may carry a name and a password."""
    try:
        return str(httpx.URL(url).copy_with(userinfo=b""))
    except httpx.InvalidURL:
        return "the authority"


def _checked(answer: bytes, request: TimeStampRequest, verifier: VerifierBuilder) -> Token:
    response = decode_timestamp_response(answer)
    asked = request.message_imprint
    if response.tst_info.message_imprint.hash_algorithm != asked.hash_algorithm:
        raise ValueError("it is over another kind of hash")
    assert request.nonce is not None
    verifier.nonce(request.nonce).build().verify(response, asked.message)
    return Token(response=answer, stated_at=_milliseconds(response))


def _milliseconds(response: TimeStampResponse) -> int:
    return round(response.tst_info.gen_time.timestamp() * 1000)
