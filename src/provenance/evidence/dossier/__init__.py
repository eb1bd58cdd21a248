"""Writing a dossier: one file that proves a case without this service.

``content`` is what a dossier is made of; ``build`` writes it, in two passes over the documents and
in constant memory but for events and receipts; ``container`` writes the ZIP; ``blocks`` fetches the proofs
of anchors from a node; ``gather`` brings receipts and anchors together; ``report`` makes the page
for people. Nothing here decides whether a dossier is good: that is ``verify.dossier``.
"""
