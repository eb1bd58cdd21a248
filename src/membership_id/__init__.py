"""Who a member is: ids, enrolment, credentials, consent and checks.

Stands apart from ``provenance``: what it needs of the outside (a key wrapper, a recorder, a
clock) it declares as Protocols, which are fulfilled where the parts are wired together.
"""
