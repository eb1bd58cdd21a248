"""Claims: what the log holds about a shipment, read as evidence.

Rules of the room: what a claim needs and by when is data (``rules``), with its sources beside it.
Clocks, checklists, covers and cross-checks are pure functions of what was recorded; they show
what contradicts itself and resolve nothing. A case is a subject of its own, and everything that
is done with it is a record of the log (``cases``). Nothing here is legal advice. A ``dossier`` is
a case in one file that others verify without this service.

Left out: uploads and sealing of documents (``intake``), and what a shipment's trails are, which
the caller gathers.
"""
