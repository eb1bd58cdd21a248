"""The frozen formats, and the checks on them.

Whatever stands here decides whether a proof that has left the building still verifies. After
the first tagged release no byte that these modules produce or accept may change: a new need
gets a new version beside the old one. The modules are pure (no clock, no randomness, no
input or output) and use the standard library, and ``cryptography`` for Ed25519 alone.

``docs/formats.md`` is the specification; ``tests/vectors`` holds the golden vectors.
"""
