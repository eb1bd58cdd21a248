"""Who may read a record: the operator, its submitter, and whoever names what it is about.

An index can be guessed, so that naming one entitles to nothing: a carrier reads its own records,
the operator all, everybody else those of a subject that they name.
"""

from uuid import UUID

from starlette.requests import Request

from provenance.api.authentication import Principal
from provenance.api.errors import ForbiddenError
from provenance.api.parameters import Parameters
from provenance.api.roles import NAMES_SUBJECT, Role
from provenance.api.subjects import carrier_of, subject_of

Owner = tuple[str, UUID]
"""Subject and submitter of an entry."""


def may_read(principal: Principal, owner: Owner, subject: str | None) -> bool:
    """Whether ``principal``, who names ``subject``, may read an entry of ``owner``."""
    about, submitter = owner
    if subject is not None and about != subject:
        return False
    if principal.role is Role.CARRIER:
        return submitter == principal.organisation
    return principal.role is Role.ADMIN or subject is not None


def named_subject(request: Request, principal: Principal, *, carrier: str) -> str | None:
    """Subject that the query names, canonically spelled; None where it names none and need not.

    Raises:
        ForbiddenError: a key of this role must name one.
        ParameterError: it is none.

    """
    found = Parameters.of(request, known=("subject", "carrier"))
    text = found.text("subject")
    whose = carrier_of(found.text("carrier"), default=carrier)
    if text is not None:
        return subject_of(text, carrier=whose, name="subject")
    if principal.role in NAMES_SUBJECT:
        raise ForbiddenError(
            f"a key of role {principal.role} reads what belongs to a subject that it names; "
            "add subject"
        )
    return None
