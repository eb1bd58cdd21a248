"""Structured logs: one JSON object a line on standard error. No personal data goes in.

Of an exception the places and kinds are logged. Of a database's fault the text is left out: the
server quotes the row that it refuses, and the driver the parameters.
"""

import logging
import sys
import traceback

import structlog
from structlog.typing import EventDict, WrappedLogger

from provenance.db.faults import told


def set_up_logging(*, level: int = logging.INFO) -> None:
    """Send events of at least ``level`` to standard error, as JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Asked for at each use: whoever redirects standard error later gets what follows.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processor=structlog.processors.JSONRenderer()
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    sys.excepthook = _end


def _trace(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Spell what ``exc_info`` holds: the exception that it is, true, or what ``sys`` knows."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = trace_of(error)
    return event


def trace_of(error: BaseException) -> str:
    """Return a traceback without the text of a database's faults, causes first."""
    parts: list[str] = []
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        frames = "".join(traceback.format_tb(one.__traceback__))
        head = "Traceback (most recent call last):\n" if frames else ""
        parts.append(f"{head}{frames}{type(one).__name__}: {told(one)}")
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "\n\n".join(reversed(parts))


def _end(kind: type[BaseException], error: BaseException, trace: object) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, error.__traceback__)
    else:
        structlog.get_logger(__name__).critical("ended_by_a_fault", exception=trace_of(error))
