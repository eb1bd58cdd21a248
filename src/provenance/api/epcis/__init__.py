"""EPCIS 2.0 over HTTP (GS1 EPCIS 2.0, section 12): capture, events, queries.

Left out: subscriptions, named queries, master data and XML. Events go out byte for byte as they
came, so that ``recordTime`` is not written into them; ``GE_recordTime`` asks the log.
"""
