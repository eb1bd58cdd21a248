"""Trust files: what a verifier must know beforehand, and from elsewhere than the receipt.

Two chains with equal id, genesis, contract address and code can hold different roots, so that a
receipt cannot vouch for itself. Without a trust file, checkpoint and anchor are UNKNOWN.
"""

from dataclasses import dataclass
from typing import Final, Self

from provenance.core.errors import BadValueError, NoteError, WrongTypeError
from provenance.core.jcs import JsonValue, Limits, canonicalize, parse
from provenance.core.members import VERSION, Members
from provenance.core.notes import Verifier, check_origin
from provenance.core.receipt import ADDRESS_SIZE

MAX_LOGS = 1_024
"""Logs of one operator, successors included."""
MAX_KEYS = 16
"""Verifier keys of one log: one in use, one on its way, and what old notes were signed with."""
MAX_OPERATOR = 256
"""Characters of the operator's name."""

_LIMITS = Limits(max_bytes=1 << 20, max_depth=8)
_LOG_MEMBERS: Final = (
    "origin",
    "keys",
    "chain_id",
    "genesis_hash",
    "contract",
    "code_hash",
    "start",
    "confirmations",
    "local",
    "successor",
)


@dataclass(frozen=True, slots=True)
class Successor:
    """The log that carries on, from ``size``; larger checkpoints of the old one are void."""

    origin: str
    size: int


@dataclass(frozen=True, slots=True)
class TrustedLog:
    """One log: its keys, and the one contract on the one chain that holds its head.

    ``code_hash`` is keccak-256 of the contract's runtime code; ``start`` the block in which the
    log was opened; ``confirmations`` the blocks, its own included, that make an anchor
    final (absent: the chain's ``finalized`` tag decides); ``local`` says that the operator runs the chain alone.
    """

    origin: str
    keys: tuple[Verifier, ...]
    chain_id: int
    genesis_hash: bytes
    contract: bytes
    code_hash: bytes
    start: int
    confirmations: int | None = None
    local: bool = False
    successor: Successor | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        value: dict[str, JsonValue] = {
            "origin": self.origin,
            "keys": [key.vkey() for key in self.keys],
            "chain_id": self.chain_id,
            "genesis_hash": self.genesis_hash.hex(),
            "contract": self.contract.hex(),
            "code_hash": self.code_hash.hex(),
            "start": self.start,
        }
        if self.confirmations is not None:
            value["confirmations"] = self.confirmations
        if self.local:
            value["local"] = True
        if self.successor is not None:
            value["successor"] = {
                "origin": self.successor.origin,
                "size": self.successor.size,
            }
        return value

    @classmethod
    def from_json(cls, value: object, *, where: str) -> Self:
        """Read the JSON form; raises a :class:`FormatError`."""
        members = Members(value, where=where)
        members.only(_LOG_MEMBERS)
        return cls(
            origin=check_origin(members.text("origin"), where=members.at("origin")),
            keys=_keys(members),
            chain_id=members.integer("chain_id", minimum=1),
            genesis_hash=members.hex("genesis_hash"),
            contract=members.hex("contract", size=ADDRESS_SIZE),
            code_hash=members.hex("code_hash"),
            start=members.integer("start"),
            confirmations=(
                members.integer("confirmations", minimum=1) if "confirmations" in members else None
            ),
            local=members.flag("local") if "local" in members else False,
            successor=_successor(members),
        )


@dataclass(frozen=True, slots=True)
class TrustFile:
    """An operator and the logs that a verifier trusts to be this operator's."""

    operator: str
    logs: tuple[TrustedLog, ...]

    def log(self, origin: str) -> TrustedLog | None:
        """Return the log named ``origin``, if it is trusted."""
        return next((log for log in self.logs if log.origin == origin), None)

    def lineage(self, origin: str) -> tuple[str, ...]:
        """Return ``origin`` and the logs that carry it on, in order."""
        follows = {log.origin: log.successor.origin for log in self.logs if log.successor}
        line = {origin: None}
        while origin in follows and follows[origin] not in line:
            origin = follows[origin]
            line[origin] = None
        return tuple(line)

    def encode(self) -> bytes:
        """Canonical bytes (RFC 8785)."""
        return canonicalize(
            {
                "v": VERSION,
                "operator": self.operator,
                "logs": [log.to_json() for log in self.logs],
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a trust file; people edit it, so that any strict JSON spelling will do.

        Raises:
            FormatError: one of its subclasses for each way of being malformed.

        """
        members = Members(parse(data, limits=_LIMITS), where="")
        members.version()
        members.only(("v", "operator", "logs"))
        operator = members.text("operator", maximum=MAX_OPERATOR)
        # It is shown to people, in terminals too.
        if not operator or not operator.isprintable():
            raise BadValueError("is empty or has control characters", where="/operator")
        logs = tuple(
            TrustedLog.from_json(item, where=f"/logs/{position}")
            for position, item in enumerate(members.array("logs", maximum=MAX_LOGS))
        )
        if len({log.origin for log in logs}) != len(logs):
            raise BadValueError("names one origin twice", where="/logs")
        successors = [log.successor.origin for log in logs if log.successor is not None]
        if len(set(successors)) != len(successors):
            raise BadValueError("names one log as successor of two", where="/logs")
        return cls(operator=operator, logs=logs)


def _keys(members: Members) -> tuple[Verifier, ...]:
    keys: list[Verifier] = []
    for position, item in enumerate(members.array("keys", maximum=MAX_KEYS)):
        where = f"{members.at('keys')}/{position}"
        if not isinstance(item, str):
            raise WrongTypeError("expected a verifier key", where=where)
        key = Verifier.from_vkey(item, where=where)
        if key.name != members.text("origin"):
            raise NoteError("the key's name is not the origin", where=where)
        keys.append(key)
    if not keys or len({key.key_id for key in keys}) != len(keys):
        raise BadValueError("is empty or has one key id twice", where=members.at("keys"))
    return tuple(keys)


def _successor(members: Members) -> Successor | None:
    if "successor" not in members:
        return None
    inner = members.object("successor")
    inner.only(("origin", "size"))
    origin = check_origin(inner.text("origin"), where=inner.at("origin"))
    if origin == members.text("origin"):
        raise BadValueError("no log is its own successor", where=inner.at("origin"))
    return Successor(
        origin=origin,
        size=inner.integer("size", minimum=1),
    )
