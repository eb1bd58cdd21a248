"""Tamper-evident tracking history, documents and identity checks.

The packages below are the stages that a record passes through, from ``intake`` to
``verify``; ``docs/architecture.md`` describes them and import-linter keeps their order.
"""

__version__ = "0.1.0"
