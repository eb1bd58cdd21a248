"""Makes receipts, trail heads and proofs out of what the log and the anchors hold.

Nothing here decides whether a proof is good: that is ``verify``, which shares no code with this
package but the frozen formats.
"""
