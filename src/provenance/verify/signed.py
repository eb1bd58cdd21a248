"""Opening signed notes with the keys of a trust file."""

from collections.abc import Callable
from typing import TypeVar

from provenance.core.errors import SignatureError
from provenance.core.notes import open_note, split_note
from provenance.core.trustfile import TrustFile

T = TypeVar("T")


class UntrustedError(SignatureError):
    """No trust file, or one that does not name the log: nothing can be said of the note."""

    code = "untrusted"


def open_trusted(note: str, trust: TrustFile | None, parse: Callable[[str], T]) -> T:
    """What ``note`` says, signed by a key that ``trust`` names for its origin.

    Raises:
        UntrustedError: nobody is trusted for this origin.
        FormatError: not a signed note, or not one of the kind that ``parse`` reads.
        SignatureError: a bad signature, or none by a trusted key.

    """
    text = split_note(note).text
    origin = text.partition("\n")[0]
    if trust is None:
        raise UntrustedError("no trust file was given")
    log = trust.log(origin)
    if log is None:
        raise UntrustedError(f"the trust file does not name the log {origin[:255]!a}")
    open_note(note, log.keys)
    return parse(text)


def lineage(origin: str, trust: TrustFile | None) -> str:
    """Origin of the newest log that carries on ``origin``, as far as ``trust`` knows."""
    return trust.lineage(origin)[-1] if trust is not None else origin


def is_abandoned(origin: str, size: int, trust: TrustFile | None) -> bool:
    """Whether what ``origin`` signed about its tree of ``size`` is void: a successor carried it on.

    The succession is at a smaller size, and what was signed above that is nobody's word any more.
    """
    log = trust.log(origin) if trust is not None else None
    return log is not None and log.successor is not None and size > log.successor.size
