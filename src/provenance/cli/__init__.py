"""The command line ``provenance``: thin commands over what the packages below offer.

Each command imports what it needs when it runs, so that ``provenance verify`` starts without the
database, the web server and the chain client. Every error ends as one line that says what to do.
"""
