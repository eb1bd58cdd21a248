"""JSON-RPC to one EVM node: every call has a time-out, every failure is one of our errors.

It speaks web3's encoding, but sends by itself: web3 repeats calls, here one is sent exactly once,
because whether to repeat one is decided by whoever knows what it does; and web3 opens a connection
for each call, here one is kept, since a worker asks some twenty times a second.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from eth_typing import HexStr
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from provenance.chain.errors import ChainError, ChainUnavailableError

_MAX_MESSAGE = 500
"""Characters of a node's error text that are passed on."""

_KEPT = 4.0
"""Seconds for which an idle connection is kept: fewer than servers do, 5 s being the shortest of
usual settings. One that the node closes just as a call is sent looks like an outage."""

_HEADERS = {"Content-Type": "application/json"}


class RpcError(ChainError):
    """The node answered with an error object: ``number`` is its code, ``data`` its bytes if any."""

    code = "rpc-error"

    def __init__(self, *, method: str, number: int, message: str, data: bytes) -> None:
        super().__init__(f"{method}: {message[:_MAX_MESSAGE]} ({number})")
        self.method = method
        self.number = number
        self.message = message
        self.data = data


class Rpc:
    """A node by URL. ``timeout`` is in seconds and holds for each call."""

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        self._url = url
        self._timeout = timeout
        self._session: ClientSession | None = None
        self._encoding = AsyncHTTPProvider(url)
        self.codec = AsyncWeb3(self._encoding).codec

    async def ask(self, method: str, *params: object) -> Any:
        """Result of one call, as JSON.

        Raises:
            ChainUnavailableError: no answer, or none that is JSON-RPC.
            RpcError: the node answered with an error.

        """
        try:
            async with asyncio.timeout(self._timeout):
                response = self._encoding.decode_rpc_response(await self._post(method, params))
        except TimeoutError:
            raise ChainUnavailableError(f"{method}: no answer in {self._timeout:g} s") from None
        except (ClientError, OSError, ValueError, Web3Exception) as error:
            raise ChainUnavailableError(f"{method}: {type(error).__name__}") from error
        if not isinstance(response, dict):
            raise ChainUnavailableError(f"{method}: the answer is not JSON-RPC")
        if (refusal := response.get("error")) is not None:
            raise _rpc_error(method, refusal)
        if "result" not in response:
            raise ChainUnavailableError(f"{method}: the answer has neither result nor error")
        return response["result"]

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, method: str, params: Sequence[object]) -> bytes:
        if self._session is None:
            # Made here, since it belongs to the running loop; nothing is awaited in between.
            self._session = ClientSession(
                connector=TCPConnector(keepalive_timeout=_KEPT),
                headers=_HEADERS,
                raise_for_status=True,
                # Backs up the limit of `ask`, which covers connecting as well.
                timeout=ClientTimeout(total=self._timeout + 1),
            )
        body = self._encoding.encode_rpc_request(RPCEndpoint(method), list(params))
        async with self._session.post(self._url, data=body) as response:
            return await response.read()


def quantity(value: int) -> str:
    """JSON-RPC spelling of an integer."""
    return hex(value)


def data(value: bytes) -> HexStr:
    """JSON-RPC spelling of bytes."""
    return HexStr("0x" + value.hex())


def read_quantity(value: object) -> int:
    """Integer of an answer.

    Raises:
        ChainUnavailableError: it is not one.

    """
    try:
        return int(value, 16)  # type: ignore[call-overload,no-any-return]  # checked by trying
    except (TypeError, ValueError):
        raise ChainUnavailableError(f"the node sent {value!a:.80} for a number") from None


def read_data(value: object, *, size: int | None = None) -> bytes:
    """Bytes of an answer, exactly ``size`` of them where that is given.

    Raises:
        ChainUnavailableError: they are not.

    """
    try:
        decoded = bytes.fromhex(str(value).removeprefix("0x"))
    except ValueError:
        raise ChainUnavailableError(f"the node sent {value!a:.80} for bytes") from None
    if size is not None and len(decoded) != size:
        raise ChainUnavailableError(f"the node sent {len(decoded)} bytes, not {size}")
    return decoded


def _rpc_error(method: str, error: object) -> RpcError:
    fields: dict[str, Any] = error if isinstance(error, dict) else {"message": str(error)}
    found = fields.get("data")
    if isinstance(found, dict):
        found = found.get("data") or found.get("result")
    try:
        raw = read_data(found) if isinstance(found, str) else b""
    except ChainUnavailableError:
        raw = b""
    number = fields.get("code")
    return RpcError(
        method=method,
        number=number if isinstance(number, int) else 0,
        message=str(fields.get("message", "")),
        data=raw,
    )
