"""Puts checkpoints on chain, follows them to finality, and keeps log and chain in agreement.

Nothing is sent before it is stored, and recovery runs the code of the happy path: see
``docs/anchoring.md`` for the states, the numbered steps and the fence.
"""
