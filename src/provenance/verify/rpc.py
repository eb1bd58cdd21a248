"""JSON-RPC over HTTP, as little of it as reading a contract takes.

The node is not trusted: answers are bounded in size and time, and each value is read by type.
Error texts name the node by its host alone, because the path of an RPC URL is often a secret.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from provenance.core.errors import TooDeepError
from provenance.core.jcs import check_depth
from provenance.verify.errors import ChainReadError, RpcRefusedError

Call = tuple[str, list[Any]]
"""Method and parameters."""

MAX_ANSWER: Final = 32 << 20
"""Bytes of one answer: 20,000 events in one range, generously spelled."""
MAX_DEPTH: Final = 16
"""Levels of nesting; a batch of lists of events with topics has five."""
BATCH: Final = 50
"""Calls in one request: half of what common nodes and the embedded proxy take."""
_QUOTED = 160


class JsonRpc:
    """One node. ``timeout`` is in seconds for each request; ``concurrency`` bounds open requests.

    Use it in ``async with``, or call :meth:`aclose`.
    """

    def __init__(self, url: str, *, timeout: float = 10.0, concurrency: int = 8) -> None:
        self._url = url
        self._timeout = timeout
        self._slots = asyncio.Semaphore(concurrency)
        self._client: httpx.AsyncClient | None = None
        self._batches = True

    @property
    def host(self) -> str:
        """Name for error texts."""
        try:
            return urlsplit(self._url).hostname or "the node"
        except ValueError:
            return "the node"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def ask(self, method: str, *params: Any) -> Any:
        """Result of one call.

        Raises:
            RpcRefusedError: the node answered with an error.
            ChainReadError: no answer, or none that is JSON-RPC.

        """
        return self._result(method, await self._post(_request(method, list(params), 1)))

    async def ask_many(self, calls: Sequence[Call]) -> list[Any]:
        """Results of many calls, in their order; batched where the node allows it.

        Raises:
            ChainReadError: any of them failed; see :meth:`ask`.

        """
        chunks = [calls[at : at + BATCH] for at in range(0, len(calls), BATCH)]
        results: list[Any] = []
        for chunk in chunks:
            results += await self._chunk(chunk)
        return results

    async def _chunk(self, calls: Sequence[Call]) -> list[Any]:
        if self._batches and len(calls) > 1:
            answers = await self._batch(calls)
            if answers is not None:
                return [
                    self._result(method, answer)
                    for (method, _), answer in zip(calls, answers, strict=True)
                ]
            self._batches = False
        return list(await asyncio.gather(*(self.ask(method, *params) for method, params in calls)))

    async def _batch(self, calls: Sequence[Call]) -> list[Any] | None:
        """Answers in the order of ``calls``; None where the node does not do batches."""
        body = [_request(method, params, at) for at, (method, params) in enumerate(calls)]
        try:
            answers = await self._post(body)
        except RpcRefusedError:
            return None
        if not isinstance(answers, list):
            return None
        found = {
            answer["id"]: answer
            for answer in answers
            if isinstance(answer, dict) and isinstance(answer.get("id"), int)
        }
        if found.keys() != set(range(len(calls))):
            raise ChainReadError(f"{self.host} answered a batch of other calls than were asked")
        return [found[at] for at in range(len(calls))]

    async def _post(self, body: object) -> Any:
        try:
            async with self._slots, asyncio.timeout(self._timeout):
                status, data = await self._exchange(body)
        except TimeoutError:
            raise ChainReadError(f"{self.host} did not answer within {self._timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
            raise ChainReadError(
                f"{self.host} could not be asked ({type(error).__name__})"
            ) from None
        try:
            text = data.decode()
            # Where some package has raised the recursion limit, the parser would crash instead.
            check_depth(text, maximum=MAX_DEPTH)
            return json.loads(text)
        except (ValueError, RecursionError, TooDeepError):
            if status != httpx.codes.OK:
                raise RpcRefusedError(f"{self.host} answered with HTTP {status}") from None
            raise ChainReadError(f"{self.host} did not answer with JSON") from None

    async def _exchange(self, body: object) -> tuple[int, bytes]:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=self._timeout, follow_redirects=False)
        async with self._client.stream("POST", self._url, json=body) as response:
            data = bytearray()
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > MAX_ANSWER:
                    raise ChainReadError(f"{self.host} answered with more than {MAX_ANSWER} bytes")
            return response.status_code, bytes(data)

    def _result(self, method: str, answer: object) -> Any:
        if not isinstance(answer, dict):
            raise ChainReadError(f"{self.host} did not answer {method} with JSON-RPC")
        error = answer.get("error")
        if error is not None:
            message = error.get("message") if isinstance(error, dict) else error
            raise RpcRefusedError(f"{self.host} refused {method}: {str(message)[:_QUOTED]!a}")
        if "result" not in answer:
            raise ChainReadError(f"{self.host} answered {method} with neither result nor error")
        return answer["result"]


def _request(method: str, params: list[Any], number: int) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
