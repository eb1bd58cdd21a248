"""Timelines: which trails tell of a shipment, and what is read of them to know that.

Rules: reading a shipment's timeline, gathering what a case rests on, and keeping that from being
erased follow the same trails, by the same code. Who may see what of it is for others to decide.
"""
