"""JSON-RPC to one EVM node: every call has a time-out, every failure is one of our errors.

It sits on AsyncWeb3's HTTP provider but below its formatters and its retries: here a call is sent
exactly once, because whether to repeat one is decided by whoever knows what it does.
"""

import asyncio
from typing import Any

from aiohttp import ClientError, ClientTimeout
from eth_typing import HexStr
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from provenance.chain.errors import ChainError, ChainUnavailableError

_MAX_MESSAGE = 500
"""Characters of a node's error text that are passed on."""


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
        self._timeout = timeout
        self._provider = AsyncHTTPProvider(
            url,
            # The provider's own limit only backs up ours, which also covers connecting.
            request_kwargs={"timeout": ClientTimeout(total=timeout + 1)},
            exception_retry_configuration=None,
        )
        self.web3: AsyncWeb3[AsyncHTTPProvider] = AsyncWeb3(self._provider)

    async def ask(self, method: str, *params: object) -> Any:
        """Result of one call, as JSON.

        Raises:
            ChainUnavailableError: no answer, or none that is JSON-RPC.
            RpcError: the node answered with an error.

        """
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._provider.make_request(RPCEndpoint(method), list(params))
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
        await self._provider.disconnect()


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
