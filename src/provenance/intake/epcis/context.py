"""JSON-LD contexts: known by name, never fetched.

A context decides what an event means, so that only those are accepted whose content is known:
GS1's EPCIS context under its published addresses, and objects in place that map prefixes to
namespaces and do nothing else. The bytes in force (the document's, then the event's) are kept
as they came and hashed; their concatenation is unambiguous, because each is a whole JSON value.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from provenance.core.digests import sha256
from provenance.core.errors import TooLargeError, WrongTypeError
from provenance.intake.errors import ContextError
from provenance.intake.limits import IntakeLimits

EPCIS_CONTEXTS: Final = frozenset(
    {
        "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "https://ref.gs1.org/standards/epcis/2.0.1/epcis-context.jsonld",
        # Where the same file stood while EPCIS 2.0 was a draft; many senders still name it.
        "https://gs1.github.io/EPCIS/epcis-context.jsonld",
    }
)
"""Addresses of GS1's EPCIS context."""

NAME_EPCIS: Final = (
    "GS1's EPCIS context is missing; add "
    '"https://ref.gs1.org/standards/epcis/epcis-context.jsonld"'
)
"""What to do where no context in force is GS1's."""

BUILT_IN: Final[Mapping[str, str]] = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": "https://ref.gs1.org/cbv/",
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": "https://gs1.org/voc/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}
"""Prefixes that the EPCIS context itself declares."""

_FIXED: Final[Mapping[str, frozenset[str]]] = {
    "epcis": frozenset({"https://ref.gs1.org/epcis/", "https://ns.gs1.org/epcis/"}),
    "cbv": frozenset({"https://ref.gs1.org/cbv/", "https://ns.gs1.org/cbv/"}),
    "gs1": frozenset(
        {
            "https://gs1.org/voc/",
            "https://www.gs1.org/voc/",
            "https://ref.gs1.org/voc/",
            "http://gs1.org/voc/",
        }
    ),
}
"""Prefixes on which the meaning of the standard's own words hangs: not to be moved elsewhere."""

_SCHEMES: Final = frozenset({"urn", "http", "https", "ni", "tag", "did", "data", "mailto", "file"})
_PREFIX: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")
_NAMESPACE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


@dataclass(frozen=True, slots=True)
class Context:
    """The context in force for an event.

    ``raw`` is the document's ``@context`` bytes followed by the event's, ``sha256`` their hash;
    ``is_epcis`` tells whether GS1's EPCIS context is among them.
    """

    raw: bytes
    sha256: bytes
    prefixes: Mapping[str, str]
    is_epcis: bool


NO_CONTEXT: Final = Context(raw=b"", sha256=sha256(b""), prefixes=BUILT_IN, is_epcis=False)
"""In force where nothing has been declared yet."""


def extend(outer: Context, raw: bytes, value: object, *, limits: IntakeLimits) -> Context:
    """Context in force after ``value``, whose bytes are ``raw``, is added to ``outer``.

    Raises:
        ContextError: an unknown address, or more than a namespace mapping; ``where`` is relative
            to the ``@context``.
        FormatError: a context of the wrong type or size.

    """
    if len(raw) > limits.max_context_bytes:
        raise TooLargeError(
            f"the context has {len(raw)} bytes; at most {limits.max_context_bytes} are read"
        )
    prefixes = dict(outer.prefixes)
    is_epcis = outer.is_epcis
    for at, item in _parts(value):
        if isinstance(item, str):
            if item not in EPCIS_CONTEXTS:
                raise ContextError(
                    f"context {item[:200]!a} is not known here and contexts are never fetched; "
                    "name GS1's EPCIS context and declare prefixes in place",
                    where=at,
                )
            is_epcis = True
        elif isinstance(item, dict):
            prefixes.update(_namespaces(item, at))
        else:
            raise WrongTypeError("a context is an address or an object of prefixes", where=at)
    both = outer.raw + raw
    return Context(raw=both, sha256=sha256(both), prefixes=prefixes, is_epcis=is_epcis)


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, list):
        yield from ((f"/{position}", item) for position, item in enumerate(value))
    else:
        yield "", value


def _namespaces(declared: Mapping[str, object], at: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for prefix, namespace in declared.items():
        if not _PREFIX.fullmatch(prefix) or prefix in _SCHEMES:
            raise ContextError(
                f"{prefix[:80]!a} can't be declared; a context in place maps prefixes to "
                "namespaces and nothing else",
                where=at,
            )
        if not isinstance(namespace, str) or not _NAMESPACE.fullmatch(namespace):
            raise ContextError(f"prefix {prefix!a} needs the URI of a namespace", where=at)
        if prefix in _FIXED and namespace not in _FIXED[prefix]:
            raise ContextError(
                f"prefix {prefix!a} is GS1's own and can't mean {namespace[:200]!a}; "
                "choose another prefix",
                where=at,
            )
        found[prefix] = namespace if prefix not in _FIXED else BUILT_IN[prefix]
    return found
