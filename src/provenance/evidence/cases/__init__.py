"""Claims cases: subjects of the log whose whole history is records of the log.

Rules of the room: each act (opened, evidence linked, state changed …) is a record of kind ``case``
about the case and its shipments, numbered from 0. What a case is now is a pure fold over its acts;
no act is ever changed. An act names the number that it expects to have, and of two that expect the
same only one is logged.
"""
