"""What a file is that was given in the place of another, and which option or command takes it.

Files of this project look alike to whoever gets them by mail. A guess is enough here: it is only
made where a file has been refused already, and nothing is concluded from it but advice.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

from provenance.core.errors import FormatError, TooDeepError
from provenance.core.jcs import check_depth
from provenance.core.receipt import Receipt

_SIGNATURE: Final = "\n\n\N{EM DASH} "
"""Between the text of a signed note and its first signature (C2SP signed-note)."""
_SIZE: Final = re.compile(r"[0-9]{1,16}")
_LOOKED_AT: Final = 4096
"""Characters in which a note shows what it is."""

_MAX_DEPTH: Final = 64
"""Levels of JSON that is looked into."""

DOSSIER: Final = "this is a ZIP file: if it is a dossier, `provenance verify FILE` takes it, alone"
ACKNOWLEDGEMENT: Final = "this is an acknowledgement: give it with --ack, beside the receipts"
CHECKPOINT: Final = (
    "this is a checkpoint: a receipt holds the one that it needs, and `provenance log audit` "
    "checks all of a log"
)
TRAIL_HEAD: Final = "this is a trail head: a receipt holds it, and is verified together with it"
TRUST_FILE: Final = "this is a trust file: give it with --trust, beside a receipt"
RECEIPT: Final = "this is a receipt: `provenance verify FILE` takes it, without an option"
ANSWER: Final = (
    "this is a service's answer to a submission: save its member `acknowledgement` as a file and "
    "give that with --ack"
)
LINE_BREAK: Final = (
    "this is a receipt with a line break behind it, which an editor or a shell has added; a "
    "receipt is exactly its bytes: fetch it again, or take off what was added"
)
PAYLOAD: Final = "this is EPCIS data: give it with --payload, beside its receipt"

_BY_MEMBERS: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (frozenset({"entry", "path", "checkpoint"}), RECEIPT),
    (frozenset({"operator", "logs"}), TRUST_FILE),
    (frozenset({"acknowledgement"}), ANSWER),
    (frozenset({"eventTime"}), PAYLOAD),
    (frozenset({"epcisBody"}), PAYLOAD),
)


def advice(data: bytes, *, instead_of: str) -> str | None:
    """Say what ``data`` seems to be and where it belongs.

    None where it looks like nothing, or like what was expected: ``instead_of`` is the advice
    that would be given about that.
    """
    found = _advice(data)
    return None if found == instead_of else found


def receipt_advice(data: bytes) -> str | None:
    """Say what ``data``, which is no receipt, seems to be, and what to do with it."""
    trimmed = data.rstrip(b"\r\n")
    if trimmed != data:
        try:
            Receipt.decode(trimmed)
        except FormatError:
            pass
        else:
            return LINE_BREAK
    return advice(data, instead_of=RECEIPT)


def _advice(data: bytes) -> str | None:
    if data.startswith(b"PK\x03\x04"):
        return DOSSIER
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return _of_note(text[:_LOOKED_AT]) or _of_json(text)


def _of_note(text: str) -> str | None:
    lines = text.split("\n", 2)
    if _SIGNATURE not in text or len(lines) < 3:
        return None
    kinds = {"ack/v1": ACKNOWLEDGEMENT, "trail/v1": TRAIL_HEAD}
    return kinds.get(lines[1], CHECKPOINT if _SIZE.fullmatch(lines[1]) else None)


def _of_json(text: str) -> str | None:
    try:
        # A decoder that recurses would end the process.
        check_depth(text, maximum=_MAX_DEPTH)
        value = json.loads(text)
    except (ValueError, TooDeepError):
        return None
    if not isinstance(value, Mapping):
        return None
    return next((said for members, said in _BY_MEMBERS if members <= value.keys()), None)
