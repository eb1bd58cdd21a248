"""Dossiers: a case or a shipment, written to whoever may see it, as one file.

The work is done by processes of their own (``__main__``), one dossier at a time in each: they read
with the caller's rights (``collecting``), gather proofs and make the file (``writing``). The API's own
process passes on what that says (``runs``, ``routes``): however large a dossier is, other requests
neither wait for it nor share its memory. Nothing is written to a disk meanwhile.
"""
