"""The demonstration: made-up parcels on a realistic way, and the run that shows them.

Nothing here is needed in service; nothing but the command line imports it.
"""
