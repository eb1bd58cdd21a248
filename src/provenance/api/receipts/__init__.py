"""Receipts and trail heads, for those entitled."""
