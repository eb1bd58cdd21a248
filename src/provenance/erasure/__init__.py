"""Erasure: what was recorded is destroyed, wherever it lies, and the log says so.

Rules: an order of erasure is on the erasure list, durably, before anything else happens. Then a
record of kind ``erasure`` names the leaf hashes; keys and sealed objects go; rows are emptied;
copies of batches are written anew; tables are rewritten and PostgreSQL's write-ahead log left
behind. Each step finds out what is left to do and may be repeated, so that a crash between any two
is made good by the next start. An order is done, *purged*, when nothing is left.

The list lies outside the database and holds leaf hashes, never what was said. Whatever brings an
older database back, it is applied again before that serves.

``orders`` is the list's format, ``book`` its file, ``records`` what goes into the log, ``targets``
finds what shall go, ``rows`` and ``copies`` destroy it, ``cleaning`` sees to what PostgreSQL keeps
besides, ``recording`` looks for legal holds and logs what none covers, ``steps`` says what happens in
which order and ``eraser`` does it, ``retention`` finds what has ended.
"""
