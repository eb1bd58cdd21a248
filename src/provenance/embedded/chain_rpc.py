"""A small JSON-RPC client for the launcher's own talk with anvil, administration included.

Everybody else uses web3 through the proxy. This one reaches anvil's private port, and it can
write a state dump of any size to a file without holding it in memory.
"""

import asyncio
import json
from typing import IO, Any

import aiohttp

from provenance.embedded.errors import ChainRpcError

_RESULT_START = b'"result":"0x'
_HEAD_BOUND = 1_024  # bytes in which a dump's hex must have begun
_TIMEOUT = aiohttp.ClientTimeout(total=120, connect=2)


class ChainRpc:
    """Calls to one node; ``url`` may change when the node is started on another port."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The pool of connections to the node, made at the first call in the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self._session

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, method: str, *params: object) -> Any:
        """The ``result`` of a call. Raises :class:`ChainRpcError`."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            async with self.session.post(self.url, json=request) as response:
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError) as error:
            raise ChainRpcError(f"{method}: {error!r}") from error
        if not isinstance(answer, dict) or "error" in answer or "result" not in answer:
            raise ChainRpcError(f"{method}: {answer}")
        return answer["result"]

    async def dump_state(self, file: IO[bytes]) -> int:
        """Write the gzipped state of the chain to ``file``; returns the bytes written."""
        request = {"jsonrpc": "2.0", "id": 1, "method": "anvil_dumpState", "params": []}
        written = 0
        try:
            async with self.session.post(self.url, json=request) as response:
                decoder = _HexResult()
                async for chunk in response.content.iter_any():
                    data = decoder.feed(chunk)
                    written += len(data)
                    await asyncio.to_thread(file.write, data)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ChainRpcError(f"anvil_dumpState: {error!r}") from error
        decoder.finish()
        return written


class _HexResult:
    """Takes the bytes out of ``{…"result":"0x<hex>"}`` as they arrive."""

    def __init__(self) -> None:
        self._pending = b""
        self._begun = False
        self._ended = False

    def feed(self, chunk: bytes) -> bytes:
        if self._ended:
            return b""
        self._pending += chunk
        if not self._begun:
            _, found, rest = self._pending.partition(_RESULT_START)
            if not found:
                if len(self._pending) > _HEAD_BOUND:
                    raise ChainRpcError(f"anvil_dumpState: {self._pending[:200]!r}")
                return b""
            self._begun, self._pending = True, rest
        digits, quote, _ = self._pending.partition(b'"')
        self._ended = bool(quote)
        whole = len(digits) - len(digits) % 2
        self._pending = digits[whole:]
        try:
            return bytes.fromhex(digits[:whole].decode("ascii"))
        except ValueError as error:
            raise ChainRpcError("anvil_dumpState: not hexadecimal") from error

    def finish(self) -> None:
        if not self._ended or self._pending:
            raise ChainRpcError(f"anvil_dumpState: incomplete answer {self._pending[:200]!r}")
