"""Erasure for the operator: ordered, looked at before, followed until nothing is left."""
