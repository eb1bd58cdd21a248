"""EPCIS 2.0 in JSON and JSON-LD: what a document and its events may look like.

``models`` lists the fields and rules of the five event types, ``fields`` how each field is
checked, ``vocabulary`` the words of CBV 2.0, ``context`` which JSON-LD contexts are understood,
``document`` the envelope. Sources: GS1 EPCIS 2.0 (ISO/IEC 19987:2024), GS1 CBV 2.0
(ISO/IEC 19988:2024) and their published JSON schema and JSON-LD context.
"""
