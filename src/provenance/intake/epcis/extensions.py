"""Whether a member that the standard does not have is somebody's own.

The standard's fields tell what, when, where and why, of things and organisations. What a submitter
adds under a namespace of its own can be anything: a signer's name, a phone number. CBV's master
data of things (``cbvmda``: lot, expiry, net content) is the standard's own.
"""

from collections.abc import Mapping
from typing import Final

from provenance.intake.epcis.context import BUILT_IN

_OWN: Final = frozenset(BUILT_IN[name] for name in ("epcis", "cbv", "cbvmda"))


def is_foreign(name: str, value: object, prefixes: Mapping[str, str]) -> bool:
    """Whether ``name``, or a name in its ``value``, however deep, is of another namespace.

    ``prefixes`` are those in force. A name without a colon belongs to the member that it is in.
    """
    waiting = [(name, value)]
    while waiting:
        name, value = waiting.pop()
        if ":" in name and prefixes.get(name.partition(":")[0]) not in _OWN:
            return True
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [("", item) for item in value]
    return False
