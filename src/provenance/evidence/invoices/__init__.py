"""Invoices as XML, read safely: UBL 2.1 and UN/CEFACT Cross Industry Invoice (D16B, D22B).

Rules of the room: nothing is resolved, fetched or expanded; a document type declaration is refused
whatever it says; size, depth and number of elements are bounded before anything is kept. What an
invoice says is read, not judged: the standards' own rules (EN 16931) are not checked.
"""
