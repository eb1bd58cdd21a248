"""Alembic migrations; ``provenance.db.migrate`` runs them."""
