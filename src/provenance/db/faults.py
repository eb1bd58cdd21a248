"""What may be said of a fault of the database in a log, an answer or a stored reason.

PostgreSQL's own text quotes the row that it is about, and a row is personal data. Names of classes
and constraints and SQLSTATE are ours or the standard's, and tell a person where to look.
"""

import psycopg


def told(error: BaseException) -> str:
    """Return the text of an error, or of a database's fault only its names.

    ``UniqueViolation, SQLSTATE 23505, constraint trails_subject_key``; what stands around a fault,
    as SQLAlchemy's errors do, is looked through.
    """
    fault = getattr(error, "orig", None) or error
    if not isinstance(fault, psycopg.Error):
        # SQLAlchemy quotes statement and parameters.
        return type(error).__name__ if hasattr(error, "statement") else str(error)
    parts = [type(fault).__name__]
    if fault.sqlstate:
        parts.append(f"SQLSTATE {fault.sqlstate}")
    if fault.diag.constraint_name:
        parts.append(f"constraint {fault.diag.constraint_name}")
    return ", ".join(parts)
