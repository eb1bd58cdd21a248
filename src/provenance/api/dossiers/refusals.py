"""Why there is no dossier, as the problem that whoever asked gets."""

import msgspec
from starlette.responses import Response

from provenance.api.dossiers.order import Refused
from provenance.api.problems import problem_of_exception


def refused(error: Exception, reference: str) -> Refused:
    """Line that says why; ``reference`` is the request's."""
    answer = problem_of_exception(error, reference)
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    body = msgspec.Raw(bytes(answer.body))
    return Refused(status=answer.status_code, headers=headers, problem=body)


def refusal(line: Refused) -> Response:
    """Answer that says what ``line`` does."""
    return Response(bytes(line.problem), status_code=line.status, headers=line.headers)
