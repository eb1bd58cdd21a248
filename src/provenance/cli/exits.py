"""Exit codes, and the one way in which a command fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import typer

from provenance.core.errors import FormatError, ProvenanceError
from provenance.core.verdict import Outcome

VALID: Final = 0
"""Verified, or done."""
INVALID: Final = 1
"""Something is not as it should be; of other commands than verify and audit: not all was done."""
USAGE: Final = 2
"""Wrong usage of the command line."""
UNKNOWN: Final = 3
"""Nothing is wrong, but something could not be checked."""
MALFORMED: Final = 4
"""An input is not what it should be."""
FAILED: Final = 5
"""The command could not be carried out."""
BUG: Final = 70
"""A fault of this program (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED: Final = 130
"""Stopped by Ctrl-C, as shells report it."""

OF_OUTCOME: Final = {
    Outcome.VALID: VALID,
    Outcome.INVALID: INVALID,
    Outcome.UNKNOWN: UNKNOWN,
}


def fail(message: str, *, code: int = FAILED) -> NoReturn:
    """Print one line on stderr and exit."""
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    raise typer.Exit(code)


@contextmanager
def reported(*, names_code: bool = False) -> Iterator[None]:
    """Turn the project's errors into one line and an exit code.

    Of things that were done at once and failed together, each is told. ``names_code``: the line
    ends with the errors' codes, by which a runbook names them.
    """
    try:
        yield
    except (ProvenanceError, OSError, ExceptionGroup) as error:
        causes = tuple(_causes(error))
        if not all(isinstance(cause, ProvenanceError | OSError) for cause in causes):
            raise
        text = "; ".join(_told(cause, names_code=names_code) for cause in causes)
        is_malformed = all(isinstance(cause, FormatError) for cause in causes)
        fail(text, code=MALFORMED if is_malformed else FAILED)


def _causes(error: Exception) -> Iterator[Exception]:
    """What is left of groups in groups."""
    if isinstance(error, ExceptionGroup):
        for one in error.exceptions:
            yield from _causes(one)
    else:
        yield error


def _told(error: Exception, *, names_code: bool) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}; see to it that it can be used, or name another"
    code = getattr(error, "code", None)
    return f"{error} ({code})" if names_code and code else str(error)
