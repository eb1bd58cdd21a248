"""Why there is no dossier, as the problem that whoever asked gets."""

import msgspec
from starlette.responses import Response

from provenance.api.dossiers.order import Refused
from provenance.api.problems import problem_of_exception
from provenance.log.errors import RetryableError


class ErasedMeanwhileError(RetryableError):
    """A record was erased while its dossier was being written; the next one says so of it."""

    code = "erased-meanwhile"

    def __init__(self) -> None:
        super().__init__(
            "a record of this was erased while the dossier was being written; write it again: it "
            "will say of the record that it is erased",
            retry_after=2,
        )


def refused(error: Exception, reference: str) -> Refused:
    """Line that says why; ``reference`` is the request's."""
    answer = problem_of_exception(error, reference)
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    body = msgspec.Raw(bytes(answer.body))
    return Refused(status=answer.status_code, headers=headers, problem=body)


def refusal(line: Refused) -> Response:
    """Answer that says what ``line`` does."""
    return Response(bytes(line.problem), status_code=line.status, headers=line.headers)
