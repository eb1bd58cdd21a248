"""Cross-checks: what the documents and events of a shipment say about the same thing, side by side.

Rules of the room: a contradiction is shown and never resolved; what cannot be compared (other
currencies, a name that may be the same) is said to be so and not guessed; amounts are decimals;
only structured data are looked at, a description that came with a document or an invoice in XML.
"""

from provenance.evidence.crosschecks.comparing import cross_check, stated_weights
from provenance.evidence.crosschecks.model import CrossCheck, Stated

__all__ = ["CrossCheck", "Stated", "cross_check", "stated_weights"]
