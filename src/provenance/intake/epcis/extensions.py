"""Whether an event holds anything but the standard's own fields.

Those tell what, when, where and why, of things and organisations. What a submitter adds under a
namespace of its own can be anything: a signer's name, a phone number. CBV's master data of things
(``cbvmda``: lot, expiry, net content) is the standard's own.
"""

from collections.abc import Mapping
from typing import Any, Final

from provenance.intake.epcis.context import BUILT_IN

_OWN: Final = frozenset(BUILT_IN[name] for name in ("epcis", "cbv", "cbvmda"))
_CONTEXT: Final = "@context"
_CONTAINERS: Final = (dict, list)


def has_extensions(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> bool:
    """Whether a member of ``event``, however deep, is of another namespace than the standard's.

    ``prefixes`` are those in force. A name without a colon is the standard's: the schema takes no
    other.
    """
    waiting: list[Any] = [event]
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            for name, member in value.items():
                if ":" in name and prefixes.get(name.partition(":")[0]) not in _OWN:
                    return True
                if type(member) in _CONTAINERS and name != _CONTEXT:
                    waiting.append(member)
        elif value and type(value[0]) is not str:
            # The standard's lists hold values of one kind; the long ones hold identifiers.
            waiting += [one for one in value if type(one) in _CONTAINERS]
    return False
