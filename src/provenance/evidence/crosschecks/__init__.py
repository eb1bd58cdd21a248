"""Cross-checks: what the documents and events of a shipment say about the same thing, side by side.

Rules of the room: a contradiction is shown and never resolved; what cannot be compared (other
currencies, a name that may be the same) is said to be so and not guessed; amounts are decimals;
only structured data are looked at, descriptions of a document or an invoice in XML; who says it is
told, and what others say of a document never takes the place of what its sender says.
"""

from provenance.evidence.crosschecks.comparing import cross_check, stated_weights, weight_notes
from provenance.evidence.crosschecks.model import CrossCheck, Stated

__all__ = ["CrossCheck", "Stated", "cross_check", "stated_weights", "weight_notes"]
