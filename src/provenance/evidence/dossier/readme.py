"""The text beside the evidence, for whoever opens the ZIP without knowing what it is."""

from typing import Final

REPORT_MISSING: Final = """
The report case.pdf could not be made when this was written and is left out. Nothing of the
evidence is missing for that.
"""
"""What follows where there should be a report and is none."""

UNLISTED: Final = """
{count} documents that are withheld or erased have no line in the manifest: it lists a bounded number.
Their entries are among the receipts and prove place and order, as they would with a line.
"""
"""What follows where documents are left out of the list."""

README: Final = """\
This is a dossier: documents and tracking events of parcels, with the proof of what was recorded
and when. It can be checked without the service that wrote it and without its operator.

To check it you need
  - a trust file of the operator's log: from your contract or an auditor, never from whoever gave
    you this file;
  - the hash of the block that holds the closing anchor (evidence/closing.json names it), from a
    node or a block explorer that you trust;
  - a verifier: the page dossier-verifier.html, which opens in a browser without a network and
    whose SHA-256 is published, so that you can use a copy of your own; or the command line:
        provenance verify dossier.zip --trust trust.json --block HASH

What is in it
  case.pdf, case.json       the case for people and for programs, where there is one
  documents/                original files, byte for byte as they were recorded
  evidence/payloads.jsonl   events, byte for byte
  evidence/receipts.jsonl   for each entry of the log: what was recorded, and its place
  evidence/anchors.jsonl    block headers, transactions and events, with proofs
  evidence/closing.json     one checkpoint, on the chain, that covers every entry
  evidence/timestamps.jsonl checkpoints that an authority stamped (RFC 3161), where there are any
  manifest.json, .jws       every part with size and SHA-256, and the operator's signature

What it proves: that these bytes were recorded in the operator's log, where in a parcel's history
they stand, and when, within the times of blocks. What it does not prove: that what was recorded
is true, or that all that happened was recorded. A chain that the operator runs alone is a
demonstration, not evidence. What is withheld or erased stands in its place and says so.
"""
