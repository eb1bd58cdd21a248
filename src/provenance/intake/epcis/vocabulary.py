"""Words of the Core Business Vocabulary 2.0, and the one spelling of each.

A word may be written bare (``shipping``), as a CURIE (``cbv:BizStep-shipping``), as a URI
(``https://ref.gs1.org/cbv/BizStep-shipping``) or as the URN of CBV 1
(``urn:epcglobal:cbv:bizstep:shipping``); it is spelled bare. A word of another vocabulary is
spelled as its full URI.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from provenance.core.errors import TooLargeError
from provenance.core.statement import MAX_SUBJECT
from provenance.intake.errors import PrefixError, VocabularyError

CBV: Final = "https://ref.gs1.org/cbv/"
_CBV_URN: Final = "urn:epcglobal:cbv:"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One list of words.

    ``is_closed`` for the two that queries and statements hang on: there GS1's namespace holds
    nothing beside the words, and a prefix must be declared. The others are taken as they come.
    """

    title: str
    words: frozenset[str]
    uri_prefix: str
    urn_prefix: str
    is_closed: bool

    def unknown(self, word: str) -> VocabularyError:
        """Error, with advice, for a reader who wrote ``word``."""
        bare = re.split("[-:]", word)[-1][:64]
        close = get_close_matches(bare, self.words, n=1)
        guess = f"did you mean {close[0]!a}? " if close else ""
        return VocabularyError(
            f"{word[:80]!a} is no {self.title} of CBV 2.0; {guess}"
            "use one of its words or the full URI of another vocabulary"
        )


def spell(word: str, vocabulary: Vocabulary, prefixes: Mapping[str, str]) -> str:
    """Spell ``word`` bare if it is CBV's, else as a full URI.

    Raises:
        VocabularyError: a bare word, or one in CBV's namespace, that CBV does not have.
        PrefixError: a CURIE with an undeclared prefix.
        TooLargeError: a CURIE that stands for a URI of more than 2,048 characters.

    """
    if word in vocabulary.words:
        return word
    if ":" not in word:
        raise vocabulary.unknown(word)
    uri = expand(word, prefixes)
    if vocabulary.is_closed and not is_absolute(uri):
        raise PrefixError(
            f"prefix {word.partition(':')[0][:80]!a} is not declared; declare it in @context"
        )
    if len(uri) > MAX_SUBJECT:
        raise TooLargeError(f"stands for a URI of more than {MAX_SUBJECT} characters")
    for prefix in (vocabulary.uri_prefix, vocabulary.urn_prefix):
        if uri.startswith(prefix) and (bare := uri.removeprefix(prefix)) in vocabulary.words:
            return bare
    if vocabulary.is_closed and uri.startswith((CBV, _CBV_URN)):
        raise vocabulary.unknown(word)
    return uri


def expand(name: str, prefixes: Mapping[str, str]) -> str:
    """Full URI of a CURIE whose prefix is declared; anything else as it is."""
    prefix, colon, local = name.partition(":")
    if colon and prefix in prefixes and not local.startswith("//"):
        return prefixes[prefix] + local
    return name


def is_absolute(uri: str) -> bool:
    """Whether ``uri`` can stand alone, without a prefix that something would have to declare."""
    return "://" in uri or uri[:4].lower() in {"urn:", "tag:", "did:"} or uri[:3].lower() == "ni:"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BIZ_STEP: Final = Vocabulary(
    title="business step",
    words=_words(
        "accepting arriving assembling collecting commissioning consigning "
        "creating_class_instance cycle_counting decommissioning departing destroying "
        "disassembling dispensing encoding entering_exiting holding inspecting installing "
        "killing loading other packing picking receiving removing repackaging repairing "
        "replacing reserving retail_selling sampling sensor_reporting shipping "
        "staging_outbound stock_taking stocking storing transporting unloading unpacking "
        "void_shipping"
    ),
    uri_prefix=CBV + "BizStep-",
    urn_prefix=_CBV_URN + "bizstep:",
    is_closed=True,
)
DISPOSITION: Final = Vocabulary(
    title="disposition",
    words=_words(
        "active available completeness_inferred completeness_verified conformant "
        "container_closed container_open damaged destroyed dispensed disposed encoded expired "
        "in_progress in_transit inactive mismatch_class mismatch_instance mismatch_quantity "
        "needs_replacement no_pedigree_match non_conformant non_sellable_other "
        "partially_dispensed recalled reserved retail_sold returned sellable_accessible "
        "sellable_not_accessible stolen unavailable unknown"
    ),
    uri_prefix=CBV + "Disp-",
    urn_prefix=_CBV_URN + "disp:",
    is_closed=True,
)
BIZ_TRANSACTION: Final = Vocabulary(
    title="business transaction type",
    words=_words("bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt"),
    uri_prefix=CBV + "BTT-",
    urn_prefix=_CBV_URN + "btt:",
    is_closed=False,
)
SOURCE_DESTINATION: Final = Vocabulary(
    title="source or destination type",
    words=_words("location owning_party possessing_party"),
    uri_prefix=CBV + "SDT-",
    urn_prefix=_CBV_URN + "sdt:",
    is_closed=False,
)
ERROR_REASON: Final = Vocabulary(
    title="error reason",
    words=_words("did_not_occur incorrect_data"),
    uri_prefix=CBV + "ER-",
    urn_prefix=_CBV_URN + "er:",
    is_closed=False,
)
SENSOR_ALERT: Final = Vocabulary(
    title="sensor alert type",
    words=_words("ALARM_CONDITION ERROR_CONDITION"),
    uri_prefix="https://gs1.org/voc/",
    urn_prefix="https://gs1.org/voc/",
    is_closed=False,
)
COMPONENT: Final = Vocabulary(
    title="component",
    words=_words(
        "altitude axial_distance azimuth easting elevation_angle height latitude longitude "
        "northing polar_angle spherical_radius x y z"
    ),
    uri_prefix=CBV + "Comp-",
    urn_prefix=_CBV_URN + "comp:",
    is_closed=False,
)
