"""Keys: where private keys and server secrets come from.

``KeyProvider`` is what the service asks; ``FileKeys`` keeps them in files of mode 0600, made at
first start from the system's randomness. A key management service fulfils the same protocol.
"""
