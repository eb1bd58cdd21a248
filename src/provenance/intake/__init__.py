"""From outside bytes to drafts of records: pure code, without database, network or clock.

What holds here:

* Every input is bounded before work is done on it (:mod:`provenance.intake.limits`), and ends
  either in a draft or in errors of the ``FormatError`` family that name the field by its JSON
  pointer. Nothing else is raised, whatever the bytes.
* Bytes are kept as they came. Validation reads them; it never rewrites them.
* Nothing is fetched: JSON-LD contexts are known by name or refused.

What it leaves out: who may submit (API), repetition against what is stored (log writer), and
whether what an event says is true (nobody can tell).

``event`` makes drafts of EPCIS events, ``subjects`` finds whom an event is about, ``gs1`` spells
GS1 identifiers in one way, ``statements`` prepares what the log commits to, and ``repetition``
makes the keys by which a repeated submission is recognised.
"""
