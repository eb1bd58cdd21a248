"""The embedded chain's public face: JSON-RPC with an allow-list, on a loopback port.

anvil offers everybody who reaches it the means to rewrite storage, to act for any account and to
turn back time. What is handed out as ``RPC_URL`` is therefore this proxy, which passes on reading
methods and signed transactions and refuses all others by name. A request is taken apart and
written anew from its four members, so nothing that two JSON parsers could read in two ways gets
through. Sending is done one transaction at a time, because a crowd of them stalls anvil's mining.

It stops nobody who can find anvil's own port on this machine; that port is only not advertised.
"""

import asyncio
from collections.abc import Callable, Sequence

import aiohttp
import msgspec
from aiohttp import web

from provenance.embedded.chain_rpc import ChainRpc

ALLOWED_METHODS = frozenset(
    [
        "eth_blobBaseFee",
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_createAccessList",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getAccount",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getBlockReceipts",
        "eth_getBlockTransactionCountByHash",
        "eth_getBlockTransactionCountByNumber",
        "eth_getCode",
        "eth_getLogs",
        "eth_getProof",
        "eth_getRawTransactionByHash",
        "eth_getStorageAt",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_getUncleByBlockHashAndIndex",
        "eth_getUncleByBlockNumberAndIndex",
        "eth_getUncleCountByBlockHash",
        "eth_getUncleCountByBlockNumber",
        "eth_maxPriorityFeePerGas",
        "eth_protocolVersion",
        "eth_sendRawTransaction",
        "eth_syncing",
        "ots_getApiLevel",
        "ots_getBlockDetails",
        "ots_getBlockDetailsByHash",
        "ots_getBlockTransactions",
        "ots_getContractCreator",
        "ots_getInternalOperations",
        "ots_getTransactionBySenderAndNonce",
        "ots_getTransactionError",
        "ots_hasCode",
        "ots_searchTransactionsAfter",
        "ots_searchTransactionsBefore",
        "ots_traceTransaction",
        "net_version",
        "web3_clientVersion",
    ]
)
_SENDING = "eth_sendRawTransaction"
_BODY_BOUND = 1024 * 1024  # bytes; the largest transaction that a node accepts is 128 kB
_BATCH_BOUND = 100  # requests
_CHAIN_PATIENCE = 5.0  # seconds that a request waits for a chain that is being restarted
_PARSE_ERROR, _INVALID_REQUEST, _REFUSED, _UNAVAILABLE = -32700, -32600, -32601, -32002
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Allow-Private-Network": "true",
    "Access-Control-Max-Age": "86400",
}


class _Request(msgspec.Struct, omit_defaults=True):
    method: str
    jsonrpc: str = ""
    id: int | str | msgspec.UnsetType | None = msgspec.UNSET
    params: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Refusal(msgspec.Struct):
    code: int
    message: str


class _ErrorAnswer(msgspec.Struct):
    error: _Refusal
    id: int | str | None = None
    jsonrpc: str = "2.0"


_ENTRY = msgspec.json.Decoder(_Request)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class RpcProxy:
    """Serves the allow-list in front of ``node``, while :attr:`node_ready` is set."""

    def __init__(self, node: ChainRpc, *, sent: Callable[[], None] = lambda: None) -> None:
        self._node = node
        self._sent = sent
        self._sending = asyncio.Lock()
        self._runner: web.AppRunner | None = None
        self.node_ready = asyncio.Event()

    async def start(self, port: int) -> None:
        """Listen on 127.0.0.1. Raises OSError if the port is taken."""
        application = web.Application(client_max_size=_BODY_BOUND)
        application.router.add_route("*", "/", self._handle)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner

    async def stop(self) -> None:
        """Finish what is being answered and close."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=_CORS)
        if request.method == "GET":
            state = b'{"ready":true}' if self.node_ready.is_set() else b'{"ready":false}'
            return _json(state, status=200 if self.node_ready.is_set() else 503)
        if request.method != "POST":
            return _failure(_INVALID_REQUEST, "send JSON-RPC by POST", status=405)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _failure(_INVALID_REQUEST, f"more than {_BODY_BOUND} bytes", status=413)
        if body.lstrip()[:1] == b"[":
            return await self._answer_batch(body)
        return await self._answer_one(body)

    async def _answer_one(self, body: bytes) -> web.Response:
        checked = _check(body)
        if isinstance(checked, _ErrorAnswer):
            return _json(msgspec.json.encode(checked))
        return await self._forward(msgspec.json.encode(checked), [checked])

    async def _answer_batch(self, body: bytes) -> web.Response:
        try:
            entries = _LIST.decode(body)
        except (msgspec.DecodeError, RecursionError):
            return _failure(_PARSE_ERROR, "not JSON")
        if not 0 < len(entries) <= _BATCH_BOUND:
            return _failure(_INVALID_REQUEST, f"a batch holds 1 to {_BATCH_BOUND} requests")
        checked = [_check(entry) for entry in entries]
        allowed = [one for one in checked if isinstance(one, _Request)]
        refused = [msgspec.json.encode(one) for one in checked if isinstance(one, _ErrorAnswer)]
        if not allowed:
            return _json(b"[" + b",".join(refused) + b"]")
        answer = await self._forward(msgspec.json.encode(allowed), allowed)
        forwarded = answer.body
        if not refused or answer.status != 200 or not isinstance(forwarded, bytes):
            return answer
        inner = forwarded.strip()[1:-1]
        return _json(b"[" + b",".join([*([inner] if inner else []), *refused]) + b"]")

    async def _forward(self, body: bytes, requests: Sequence[_Request]) -> web.Response:
        try:
            await asyncio.wait_for(self.node_ready.wait(), _CHAIN_PATIENCE)
            if not any(request.method == _SENDING for request in requests):
                return await self._post(body)
            async with self._sending:
                answer = await self._post(body)
        except (aiohttp.ClientError, TimeoutError):
            return _failure(_UNAVAILABLE, "the chain is being restarted; try again", status=503)
        self._sent()
        return answer

    async def _post(self, body: bytes) -> web.Response:
        headers = {"content-type": "application/json"}
        async with self._node.session.post(self._node.url, data=body, headers=headers) as answer:
            return _json(await answer.read(), status=answer.status)


def _check(body: bytes | msgspec.Raw) -> _Request | _ErrorAnswer:
    """The request if its method is allowed, else the error to answer it with."""
    try:
        request = _ENTRY.decode(body)
    except msgspec.ValidationError as error:
        return _ErrorAnswer(error=_Refusal(code=_INVALID_REQUEST, message=str(error)))
    except (msgspec.DecodeError, RecursionError):
        return _ErrorAnswer(error=_Refusal(code=_PARSE_ERROR, message="not JSON"))
    if request.method in ALLOWED_METHODS:
        return request
    message = f"the method {request.method[:64]!r} is not offered here"
    identity = None if request.id is msgspec.UNSET else request.id
    return _ErrorAnswer(error=_Refusal(code=_REFUSED, message=message), id=identity)


def _json(body: bytes, *, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", headers=_CORS)


def _failure(code: int, message: str, *, status: int = 200) -> web.Response:
    answer = _ErrorAnswer(error=_Refusal(code=code, message=message))
    return _json(msgspec.json.encode(answer), status=status)
