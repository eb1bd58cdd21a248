"""The accounts of this service on the chain, and when a block counts as final."""

import asyncio
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from provenance.anchor.bootstrap import Roles
from provenance.anchor.promises import CheckpointMark
from provenance.blobs import BlobStore
from provenance.chain.finality import Confirmations, Durable, DurableBlock, Finality, FinalizedTag
from provenance.chain.transactions import address_of
from provenance.chain.types import BlockHash
from provenance.core.digests import sha256
from provenance.embedded.snapshots import durable_block
from provenance.keys.errors import KeyMissingError
from provenance.keys.files import FileKeys
from provenance.keys.provider import KeyProvider
from provenance.settings import Settings

ADMINISTRATOR = "administrator"
RECOVERY = "recovery"


def file_keys(settings: Settings) -> FileKeys:
    """Keys in the data folder, of a log that exists: one that is missing is not made anew."""
    return FileKeys(settings.data_dir / "keys", may_make=False)


def first_keys(settings: Settings) -> FileKeys:
    """Keys in the data folder, before the log exists: one that is missing is made."""
    return FileKeys(settings.data_dir / "keys", may_make=True)


def account(keys: KeyProvider, name: str) -> LocalAccount:
    """Return the account of the chain key ``name``."""
    made: LocalAccount = Account.from_key(keys.chain_key(name))
    return made


def anchorer(keys: KeyProvider, origin: str) -> LocalAccount:
    """Account that anchors one log: each log has a key of its own, so that a successor's is fresh.

    Raises:
        KeyMissingError: the key is gone and may not be made; the message says how to get another.

    """
    try:
        return account(keys, anchorer_name(origin))
    except KeyMissingError as error:
        raise KeyMissingError(
            f"{error}; if no backup has it, `provenance log new-anchoring-key` makes another, which "
            "the next start gives the role"
        ) from None


def anchorer_name(origin: str) -> str:
    """Name of the key that anchors the log of ``origin``."""
    return f"anchorer-{sha256(origin.encode()).hex()[:16]}"


def kept_account(keys: KeyProvider, name: str) -> LocalAccount | None:
    """Return the account of a key that may be kept elsewhere; None where it is."""
    try:
        return account(keys, name)
    except KeyMissingError:
        return None


def roles(keys: KeyProvider, origin: str) -> Roles:
    """The three different keys that a log's registry needs, as far as they are here."""
    recovery = kept_account(keys, RECOVERY)
    return Roles(
        administrator=kept_account(keys, ADMINISTRATOR),
        anchorer=address_of(anchorer(keys, origin)),
        recovery=None if recovery is None else address_of(recovery),
    )


def account_addresses(keys: KeyProvider, origin: str) -> list[str]:
    """0x addresses of a log's accounts, for funding them on a chain where that is possible."""
    kept = (kept_account(keys, ADMINISTRATOR), kept_account(keys, RECOVERY))
    accounts = (anchorer(keys, origin), *(one for one in kept if one is not None))
    return [str(one.address) for one in accounts]


def blob_store(settings: Settings) -> BlobStore:
    """The object store of the settings: files in the data folder unless another is named."""
    if settings.blob_url is not None:
        return BlobStore.from_url(settings.blob_url)
    return BlobStore.in_folder(settings.data_dir / "blobs")


def checkpoint_mark(settings: Settings, origin: str) -> CheckpointMark:
    """Where the newest checkpoint of a log is kept: beside the key that signed it."""
    name = f"log-{sha256(origin.encode()).hex()[:16]}.checkpoint"
    return CheckpointMark(settings.data_dir / "keys" / name)


def finality(settings: Settings) -> Finality:
    """The rule by which anchors count as final."""
    if settings.chain_snapshots:
        return Durable(_durable_block(settings.data_dir))
    if settings.confirmations is not None:
        return Confirmations(settings.confirmations)
    return FinalizedTag()


def _durable_block(data_dir: Path) -> DurableBlock:
    async def read() -> tuple[int, BlockHash] | None:
        block = await asyncio.to_thread(durable_block, data_dir)
        return None if block is None else (block.number, BlockHash(block.hash))

    return read
