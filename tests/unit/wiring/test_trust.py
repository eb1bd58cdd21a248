"""The published trust file is added to, never changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from provenance.core.notes import Verifier
from provenance.core.trustfile import Successor, TrustedLog, TrustFile
from provenance.wiring.trust import TrustFileError, added

PATH = Path("trust.json")


def log(origin: str = "log.example/a", *, key: int = 1) -> TrustedLog:
    return TrustedLog(
        origin=origin,
        keys=(Verifier(name=origin, public_key=bytes([key]) * 32),),
        chain_id=1,
        genesis_hash=bytes(32),
        contract=bytes(20),
        code_hash=bytes(32),
        start=7,
    )


def trust(*logs: TrustedLog, operator: str = "Carrier") -> TrustFile:
    return TrustFile(operator=operator, logs=logs)


def test_what_is_the_same_stays_and_settings_may_change() -> None:
    now = trust(replace(log(), confirmations=3, start=9), operator="Carrier Ltd")
    assert added(trust(log()), now, path=PATH) == now


def test_a_log_that_the_database_does_not_have_stays() -> None:
    published = trust(log(), log("log.example/b"))
    assert added(published, trust(log("log.example/b")), path=PATH) == published


def test_a_new_log_and_the_succession_that_made_it_are_added() -> None:
    closed = replace(log(), successor=Successor(origin="log.example/b", size=5))
    now = trust(closed, log("log.example/b"))
    assert added(trust(log()), now, path=PATH) == now


def test_a_published_succession_and_older_keys_stay() -> None:
    old_key = log(key=2).keys
    published = replace(
        log(), keys=(*log().keys, *old_key), successor=Successor(origin="log.example/b", size=5)
    )
    assert added(trust(published), trust(log()), path=PATH) == trust(published)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"chain_id": 2}, "names the chain 1"),
        ({"genesis_hash": bytes([9]) * 32}, "names the genesis block 0000"),
        ({"contract": bytes([9]) * 20}, "names the contract 0000"),
        ({"keys": log(key=2).keys}, "another signing key"),
    ],
    ids=["chain", "genesis", "contract", "key"],
)
def test_what_receipts_name_is_not_replaced(change: dict[str, object], said: str) -> None:
    with pytest.raises(TrustFileError, match=said):
        added(trust(log()), trust(replace(log(), **change)), path=PATH)  # type: ignore[arg-type]  # one member of many


def test_a_log_has_one_successor() -> None:
    one = replace(log(), successor=Successor(origin="log.example/b", size=5))
    other = replace(log(), successor=Successor(origin="log.example/c", size=5))
    with pytest.raises(TrustFileError, match="another successor"):
        added(trust(one), trust(other), path=PATH)
