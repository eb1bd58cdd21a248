"""One spelling for GS1 identifiers: canonical Digital Links.

EPCIS allows an identifier as an EPC URN (GS1 EPC Tag Data Standard, section 6) or as a GS1 Digital Link URI
of any domain. ``canonical`` maps both to ``https://id.gs1.org/…``, so that they name one trail.
"""

from provenance.intake.gs1.spelling import canonical, canonical_place

__all__ = ["canonical", "canonical_place"]
