"""What a log says of faults: never what the database quotes."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

import psycopg
import structlog
from sqlalchemy.exc import IntegrityError

from provenance.db.faults import told
from provenance.wiring.logging import set_up_logging

SUBJECT = "https://id.gs1.org/00/195400000000000001"
TEXT = f"duplicate key\nDETAIL:  Key (log_id, subject)=(1, {SUBJECT}) already exists."


class Unique(psycopg.errors.UniqueViolation):
    """As the server's answer makes it."""


def wrapped() -> IntegrityError:
    return IntegrityError("INSERT", {"subject": SUBJECT}, Unique(TEXT))


@contextmanager
def logging_set_up() -> Iterator[io.StringIO]:
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = list(root.handlers), root.level
    with redirect_stderr(io.StringIO()) as stream:
        set_up_logging()
        yield stream
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)


def test_a_fault_of_the_database_is_told_by_its_names() -> None:
    assert told(Unique(TEXT)) == "Unique, SQLSTATE 23505"
    assert told(wrapped()) == "Unique, SQLSTATE 23505"
    assert told(ValueError("of ours")) == "of ours"


def test_a_logged_exception_keeps_its_places_and_loses_what_the_database_quotes() -> None:
    with logging_set_up() as said:
        for logger in (structlog.get_logger("one"), logging.getLogger("other")):
            try:
                try:
                    raise wrapped()
                except IntegrityError as error:
                    raise RuntimeError("no group was written") from error
            except RuntimeError:
                logger.exception("failed")
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert len(lines) == 2
    for line in lines:
        assert "RuntimeError: no group was written" in line["exception"]
        assert "SQLSTATE 23505" in line["exception"]
        assert "test_logging.py" in line["exception"]
    assert SUBJECT not in said.getvalue()


def test_a_process_that_ends_by_a_fault_says_so_in_the_same_way() -> None:
    with logging_set_up() as said:
        try:
            raise wrapped()
        except IntegrityError as error:
            sys.excepthook(type(error), error, error.__traceback__)
    line = json.loads(said.getvalue())
    assert line["event"] == "ended_by_a_fault"
    assert "SQLSTATE 23505" in line["exception"]
    assert SUBJECT not in said.getvalue()
