"""Rules of claims as data: read from one file, checked strictly, joined by a carrier's own terms.

Rules of the room: a member that the models do not have is refused by name and line; a carrier's
terms add to what the conventions give and replace nothing of it.
"""

from provenance.evidence.rules.loading import built_in_rules, load_rules
from provenance.evidence.rules.model import RuleBook

__all__ = ["RuleBook", "built_in_rules", "load_rules"]
