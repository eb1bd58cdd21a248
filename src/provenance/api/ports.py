"""What this package needs of the others beyond their own types."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the service needs, whether it is there, and if not why."""

    name: str
    is_ready: bool
    reason: str = ""


class Readiness(Protocol):
    """What the service needs to do its work."""

    async def checks(self) -> Sequence[Check]:
        """Database, log, writer, anchoring: each by itself."""
        ...
