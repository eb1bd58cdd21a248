"""How each kind of field is checked.

A check takes a value, its JSON pointer relative to the event, and the reading that collects
errors; it returns nothing. Pointers of list items are only built where something is wrong or
nested, because most lists are long and right.
"""

from collections.abc import Callable, Mapping
from typing import Final

from provenance.core.errors import (
    BadValueError,
    MissingMemberError,
    NumberError,
    TooLargeError,
    UnknownMemberError,
    WrongTypeError,
)
from provenance.core.fields import MAX_POINTER
from provenance.intake.epcis.extensions import is_foreign
from provenance.intake.epcis.reading import Reading, pointer_token
from provenance.intake.epcis.values import (
    EARLIEST_MS,
    LATEST_MS,
    ZONE_OFFSETS,
    is_hex,
    is_unit,
    is_uri,
    milliseconds,
)
from provenance.intake.epcis.vocabulary import Vocabulary, is_absolute
from provenance.intake.errors import PrefixError

Check = Callable[[object, str, Reading], None]
"""A check of one value."""

MAX_URI: Final = 2048
"""Characters of a URI: what browsers and servers agree to take."""
_MAX_NUMBER: Final = 2**63
"""Integers beyond what 64 bits hold are read differently from one language to the next."""
MAX_SHOWN: Final = 120
"""Characters of a name in a pointer to it; a longer one is cut."""
ACTIONS: Final = frozenset({"ADD", "OBSERVE", "DELETE"})

_JSON_TYPES: Final = {
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def wrong_type(expected: str, value: object, at: str, reading: Reading) -> None:
    """Note that ``value`` is not of the JSON type that was expected."""
    found = _JSON_TYPES.get(type(value), "something else")
    reading.refuse(WrongTypeError, f"expected {expected}, found {found}", at)


def uri(value: object, at: str, reading: Reading) -> None:
    """Check an absolute URI of at most 2,048 ASCII characters."""
    if type(value) is not str:
        wrong_type("a URI", value, at, reading)
    elif len(value) > MAX_URI:
        reading.refuse(TooLargeError, f"a URI has at most {MAX_URI} characters", at)
    elif not is_uri(value):
        reading.refuse(
            BadValueError,
            f"{value[:80]!a} is not a URI; give an EPC URN, a GS1 Digital Link or another URI",
            at,
        )


def time(value: object, at: str, reading: Reading) -> None:
    """Check a date and time with a zone."""
    if type(value) is not str:
        wrong_type("a time", value, at, reading)
    elif (instant := milliseconds(value)) is not None:
        reading.instants[at] = instant
    else:
        reading.refuse(
            BadValueError,
            f"{value[:80]!a} is not a time; write 2026-07-22T06:45:00.000+02:00 or …Z",
            at,
        )


def event_time(value: object, at: str, reading: Reading) -> None:
    """Check a date and time that records are ordered by: one that every calendar holds in UTC."""
    if type(value) is not str or (instant := milliseconds(value)) is None:
        time(value, at, reading)
    elif EARLIEST_MS <= instant <= LATEST_MS:
        reading.instants[at] = instant
    else:
        reading.refuse(
            BadValueError,
            f"{at.rpartition('/')[2]} {value[:80]} is out of range: in UTC it lies between "
            "1970-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z",
            at,
        )


def zone_offset(value: object, at: str, reading: Reading) -> None:
    """Check an offset from UTC."""
    if type(value) is not str:
        wrong_type("an offset like +02:00", value, at, reading)
    elif value not in ZONE_OFFSETS:
        reading.refuse(BadValueError, f"{value[:80]!a} is not an offset like +02:00", at)


def action(value: object, at: str, reading: Reading) -> None:
    """Check ADD, OBSERVE or DELETE."""
    if type(value) is not str:
        wrong_type("ADD, OBSERVE or DELETE", value, at, reading)
    elif value not in ACTIONS:
        reading.refuse(
            BadValueError, f"{value[:80]!a} is no action; use ADD, OBSERVE or DELETE", at
        )


def text(value: object, at: str, reading: Reading) -> None:
    """Check a free text of bounded length."""
    if type(value) is not str:
        wrong_type("a string", value, at, reading)
    elif len(value) > reading.limits.max_string:
        reading.refuse(TooLargeError, f"has more than {reading.limits.max_string} characters", at)


def number(value: object, at: str, reading: Reading) -> None:
    """Check a number."""
    if type(value) is not int and type(value) is not float:
        wrong_type("a number", value, at, reading)
    elif not -_MAX_NUMBER < value < _MAX_NUMBER:
        reading.refuse(
            NumberError,
            f"{str(value)[:40]} is out of range; a number lies between {1 - _MAX_NUMBER} and "
            f"{_MAX_NUMBER - 1}, what 64 bits hold",
            at,
        )


def amount(value: object, at: str, reading: Reading) -> None:
    """Check a quantity, which can't be negative."""
    number(value, at, reading)
    if isinstance(value, int | float) and value < 0:
        reading.refuse(BadValueError, "a quantity can't be negative", at)


def boolean(value: object, at: str, reading: Reading) -> None:
    """Check true or false."""
    if type(value) is not bool:
        wrong_type("true or false", value, at, reading)


def hex_binary(value: object, at: str, reading: Reading) -> None:
    """Check hexadecimal digits."""
    if type(value) is not str:
        wrong_type("hexadecimal digits", value, at, reading)
    elif not is_hex(value):
        reading.refuse(BadValueError, "expected hexadecimal digits", at)


def unit(value: object, at: str, reading: Reading) -> None:
    """Check a unit code of UN/CEFACT Recommendation 20."""
    if type(value) is not str:
        wrong_type("a unit code", value, at, reading)
    elif not is_unit(value):
        reading.refuse(
            BadValueError, f"{value[:80]!a} is no unit code (UN/CEFACT Rec. 20), like KGM", at
        )


def word(vocabulary: Vocabulary) -> Check:
    """Check for a word of ``vocabulary``, or of another one by its URI."""
    words, title = vocabulary.words, vocabulary.title

    def check(value: object, at: str, reading: Reading) -> None:
        if type(value) is not str:
            wrong_type(f"a {title}", value, at, reading)
        elif value not in words:
            _other_word(value, at, reading)

    def _other_word(value: str, at: str, reading: Reading) -> None:
        if len(value) > MAX_URI:
            reading.refuse(TooLargeError, f"a URI has at most {MAX_URI} characters", at)
        elif ":" in value and not is_uri(value):
            reading.refuse(BadValueError, f"{value[:80]!a} is not a URI", at)
        else:
            reading.word(value, vocabulary, at)

    return check


def list_of(check: Check, *, at_least: int = 0) -> Check:
    """Check an array, each item by ``check``."""

    def check_list(value: object, at: str, reading: Reading) -> None:
        if type(value) is not list:
            wrong_type("an array", value, at, reading)
            return
        if len(value) < at_least:
            reading.refuse(BadValueError, f"has fewer than {at_least} items", at)
        for position, item in enumerate(value):
            check(item, f"{at}/{position}", reading)

    return check_list


def uris(value: object, at: str, reading: Reading) -> None:
    """Check an array of URIs; pointers are built only for what is wrong."""
    if type(value) is not list:
        wrong_type("an array of URIs", value, at, reading)
        return
    for position, item in enumerate(value):
        if type(item) is not str or len(item) > MAX_URI or not is_uri(item):
            uri(item, f"{at}/{position}", reading)


def uri_or_uris(value: object, at: str, reading: Reading) -> None:
    """Check a URI or an array of them, as JSON-LD allows for a set."""
    (uris if type(value) is list else uri)(value, at, reading)


def object_of(
    members: Mapping[str, Check],
    *,
    required: tuple[str, ...] = (),
    is_open: bool = True,
) -> Check:
    """Check an object of the standard: its ``members``, and extensions if ``is_open``."""

    def check_object(value: object, at: str, reading: Reading) -> None:
        if type(value) is not dict:
            wrong_type("an object", value, at, reading)
            return
        for name in required:
            if name not in value:
                missing(name, at, reading)
        for name, member in value.items():
            if (check := members.get(name)) is not None:
                check(member, f"{at}/{name}", reading)
            elif is_open:
                extension(name, member, at, reading)
            else:
                unknown(name, at, reading)

    return check_object


def missing(name: str, at: str, reading: Reading) -> None:
    """Note that a required member is absent."""
    reading.refuse(MissingMemberError, f"{name} is missing; add it", f"{at}/{name}")


def unknown(name: str, at: str, reading: Reading) -> None:
    """Note a member without a namespace that the standard does not have there."""
    reading.refuse(
        UnknownMemberError,
        f"the standard has no field {name[:80]!a} here; give an extension a prefix "
        "that @context declares, or leave it out",
        f"{at}/{pointer_token(name[:MAX_SHOWN])}",
    )


def extension(name: str, value: object, at: str, reading: Reading) -> None:
    """Check a member that the standard does not have: it needs a namespace, and bounds."""
    prefix, colon, local = name.partition(":")
    if not colon or not local:
        unknown(name, at, reading)
    elif prefix not in reading.prefixes and not is_absolute(name):
        reading.refuse(
            PrefixError,
            f"prefix {prefix[:80]!a} of {name[:80]!a} is not declared; declare it in @context",
            f"{at}/{pointer_token(name[:MAX_SHOWN])}",
        )
    else:
        if type(value) is not str or len(name) + len(value) > MAX_SHOWN:
            _bounded_member(name, value, at, reading)
        if not reading.has_extensions:
            reading.has_extensions = is_foreign(name, value, reading.prefixes)


def _bounded_member(name: str, value: object, at: str, reading: Reading) -> None:
    where = f"{at}/{pointer_token(name)}"
    if len(where) > MAX_POINTER:
        reading.refuse(
            TooLargeError,
            f"the names that lead to {name[:80]!a} have more than {MAX_POINTER} characters",
            at,
        )
    else:
        _bounded(value, where, reading)


def _bounded(value: object, at: str, reading: Reading) -> None:
    """Bound the values of an extension; depth and number are bounded already."""
    if isinstance(value, str):
        text(value, at, reading)
    elif isinstance(value, int) and not isinstance(value, bool):
        number(value, at, reading)
    elif isinstance(value, dict):
        for name, member in value.items():
            _bounded_member(name, member, at, reading)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            _bounded(item, f"{at}/{position}", reading)
