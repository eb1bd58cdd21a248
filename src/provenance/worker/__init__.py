"""The anchoring worker as a process of its own."""
