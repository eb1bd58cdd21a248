"""Documents: what is taken, how it is told apart, and what the log commits to for it.

``content`` recognises bytes while they stream, ``kinds`` is the list of what is taken, ``types``
the UNTDID 1001 code list, ``description`` the structured data that may be added to a document.
Everything here is pure.
"""
