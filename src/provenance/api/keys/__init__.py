"""API keys, for the operator: made, listed, revoked."""
