"""How long what kind of record is kept: three years, unless the operator's file says otherwise.

::

    v = 1
    default = { years = 3 }
    events = { years = 2 }          # also cases; absent: the default

    [documents]                     # by code of UNTDID 1001
    "380" = { years = 10 }

A period begins with the day on which something was recorded (UTC), which does not count, and ends
with its last day: nothing goes early. A claims case counts from its last act, once it is closed.
"""

import tomllib
from datetime import UTC
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from provenance.erasure.errors import RetentionError
from provenance.evidence.clocks.calendar import end_of, last_day, local_date
from provenance.evidence.rules.locating import line_of
from provenance.evidence.rules.model import Period
from provenance.intake.documents.types import document_types

MAX_BYTES: Final = 1 << 20
_DAY_MS: Final = 86_400_000


class Periods(BaseModel):
    """Periods by kind of record and type of document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = 1
    default: Period = Period(years=3)
    events: Period | None = None
    cases: Period | None = None
    documents: dict[str, Period] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Self:
        for period in (self.default, self.events, self.cases, *self.documents.values()):
            if period is not None and period.days == 0:
                raise ValueError("a period has at least one day")
        for code in self.documents:
            if code not in document_types():
                raise ValueError(f"documents: {code!a} is no code of UNTDID 1001")
        return self

    def of(self, kind: str, type_code: str | None) -> Period:
        """Period of a record; ``type_code`` is a document's."""
        if kind == "event" and self.events is not None:
            return self.events
        if kind == "case" and self.cases is not None:
            return self.cases
        if kind == "document" and type_code is not None:
            return self.documents.get(type_code, self.default)
        return self.default

    def end(self, kind: str, type_code: str | None, at: int) -> int:
        """First instant after the period of what was recorded at ``at``; both in milliseconds."""
        return end_of(last_day(local_date(at, UTC), self.of(kind, type_code)), UTC)

    def nothing_after(self, now_ms: int) -> int:
        """A time before which everything was recorded whose period has ended by ``now_ms``."""
        periods = (self.default, self.events, self.cases, *self.documents.values())
        least = min(_least_days(period) for period in periods if period is not None)
        return now_ms - least * _DAY_MS


def _least_days(period: Period) -> int:
    """The fewest days that a period can have."""
    if period.days is not None:
        return period.days
    return 28 * (period.months or 0) + 365 * (period.years or 0)


def read_periods(path: Path | None) -> Periods:
    """Return the periods of the file ``path``; without one three years for everything.

    Raises:
        RetentionError: the file cannot be read or is wrong; says the line.

    """
    if path is None:
        return Periods()
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode("utf-8")
        if len(text) > MAX_BYTES:
            raise RetentionError(f"{path}: has more than {MAX_BYTES} bytes; shorten it")
        return Periods.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError) as error:
        raise RetentionError(
            f"{path}: cannot be read ({type(error).__name__}); correct PROVENANCE_RETENTION"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise RetentionError(f"{path}: is not TOML: {error}; correct it there") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        line = line_of(text, first["loc"])
        place = str(path) if line is None else f"{path}, line {line}"
        message = first["msg"].removeprefix("Value error, ")
        where = ".".join(str(step) for step in first["loc"]) or "the file"
        raise RetentionError(f"{place}: {where}: {message}; correct it") from None
