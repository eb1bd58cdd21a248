"""Verdicts on posted receipts. The service that made them is the wrong one to ask: it says so."""
