"""Finds a case for whoever may see it."""

from typing import Final
from uuid import UUID

from starlette.requests import Request

from provenance.api.authentication import Principal
from provenance.api.errors import MissingError
from provenance.api.parameters import path_text
from provenance.api.roles import Role
from provenance.core.errors import BadValueError
from provenance.evidence.cases.acts import CASE_URN, check_case
from provenance.evidence.cases.fold import LoggedAct
from provenance.evidence.cases.store import CaseStore

_NOTHING: Final = "there is no such case, or it is not for this key"


def case_of(request: Request) -> str:
    """Subject of the case that the path names; raises MissingError."""
    text = path_text(request, "case", maximum=128)
    try:
        return check_case(text if text.startswith(CASE_URN) else CASE_URN + text, where="case")
    except BadValueError:
        raise MissingError(_NOTHING) from None


def opener_of(principal: Principal) -> UUID | None:
    """Return the organisation whose cases the caller sees; None: everybody's."""
    return None if principal.role is Role.ADMIN else principal.organisation


async def readable_acts(store: CaseStore, name: str, principal: Principal) -> list[LoggedAct]:
    """Return the acts of a case that the caller may see; raises MissingError."""
    acts = (await store.acts([name])).get(name, [])
    opener = opener_of(principal)
    if not acts or (opener is not None and acts[0].submitter != opener):
        raise MissingError(_NOTHING)
    return acts
