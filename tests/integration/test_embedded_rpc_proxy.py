"""The chain's public face answers questions, takes signed transactions and refuses the rest."""

import json

import httpx
import pytest

from fixtures.chain_calls import RECEIVER, SENDER, call, post, transfer
from fixtures.embedded import ChainFixture

pytestmark = pytest.mark.services

NOT_OFFERED = -32601


def request(method: str, *params: object, id: int | str | None = 1) -> dict[str, object]:  # noqa: A002 - JSON-RPC's name
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": list(params)}


@pytest.mark.parametrize(
    "method",
    [
        "anvil_setStorageAt",
        "anvil_setBalance",
        "anvil_dumpState",
        "anvil_reorg",
        "evm_revert",
        "hardhat_setCode",
        "debug_traceTransaction",
        "eth_sendTransaction",
        "eth_sendUnsignedTransaction",
        "eth_sign",
        "eth_signTransaction",
        "eth_newFilter",
        "personal_sign",
        "txpool_content",
        "ETH_CALL",
        "eth_call ",
        "",
    ],
)
async def test_a_method_that_is_not_on_the_list_is_refused(
    anvil: ChainFixture, method: str
) -> None:
    answer = await post(anvil.rpc_url, request(method, id="a"))

    assert answer["error"]["code"] == NOT_OFFERED
    assert answer["id"] == "a"
    assert "result" not in answer


async def test_storage_cannot_be_rewritten(chain: ChainFixture) -> None:
    slot, value = "0x0", "0x" + "ff" * 32

    await post(chain.rpc_url, request("anvil_setStorageAt", RECEIVER, slot, value))

    stored = await call(chain.rpc_url, "eth_getStorageAt", RECEIVER, slot, "latest")
    assert int(stored, 16) == 0


async def test_a_signed_transaction_and_a_call_go_through(chain: ChainFixture) -> None:
    chain.fund(SENDER)

    receipt = await transfer(chain.rpc_url)

    assert receipt["status"] == "0x1"
    assert await call(chain.rpc_url, "eth_call", {"to": RECEIVER}, "latest") == "0x"
    assert await call(chain.rpc_url, "net_version") == str(chain.chain_id)


async def test_a_batch_is_answered_one_by_one(anvil: ChainFixture) -> None:
    batch = [
        request("eth_chainId", id=1),
        request("anvil_mine", id=2),
        {"no": "request"},
        request("eth_blockNumber", id=4),
    ]

    answers = {answer["id"]: answer for answer in await post(anvil.rpc_url, batch)}

    assert answers[1]["result"] == hex(anvil.chain_id)
    assert answers[2]["error"]["code"] == NOT_OFFERED
    assert answers[None]["error"]["code"] == -32600
    assert "result" in answers[4]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"[", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"7", -32600),
        (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600),
        (json.dumps([request("eth_chainId")] * 101).encode(), -32600),
        (b'{"method":"eth_call","method":"anvil_mine","id":1}', NOT_OFFERED),
        (b'{"method":"eth_chainId","params":' + b"[" * 100_000 + b"}", -32700),
    ],
)
async def test_a_body_that_is_no_request_gets_a_json_rpc_error(
    anvil: ChainFixture, body: bytes, code: int
) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(anvil.rpc_url, content=body)

    assert answer.json()["error"]["code"] == code


async def test_of_two_members_with_one_name_the_node_sees_what_was_checked(
    chain: ChainFixture,
) -> None:
    before = await call(chain.rpc_url, "eth_blockNumber")
    body = b'{"jsonrpc":"2.0","method":"anvil_mine","method":"eth_chainId","id":1}'
    async with httpx.AsyncClient() as client:
        answer = await client.post(chain.rpc_url, content=body)

    assert answer.json()["result"] == hex(chain.chain_id)
    assert await call(chain.rpc_url, "eth_blockNumber") == before


async def test_a_body_above_the_bound_is_refused(anvil: ChainFixture) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(anvil.rpc_url, content=b" " * (1024 * 1024 + 1))

    assert answer.status_code == 413


async def test_a_web_page_may_ask(anvil: ChainFixture) -> None:
    async with httpx.AsyncClient() as client:
        preflight = await client.options(
            anvil.rpc_url,
            headers={"Origin": "https://example.org", "Access-Control-Request-Method": "POST"},
        )
        answer = await client.post(
            anvil.rpc_url, json=request("eth_chainId"), headers={"Origin": "https://example.org"}
        )
        ready = await client.get(anvil.rpc_url)

    assert preflight.status_code == 204
    assert "content-type" in preflight.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert ready.json() == {"ready": True}


async def test_the_node_itself_tells_a_browser_nothing(anvil: ChainFixture) -> None:
    """A page that guesses the node's port must not get past the browser's same-origin rule."""
    private = anvil.node.private_url
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            private, json=request("eth_chainId"), headers={"Origin": "https://example.org"}
        )

    assert private != anvil.rpc_url
    assert "access-control-allow-origin" not in answer.headers
