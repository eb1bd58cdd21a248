"""Health and metrics, for whoever operates the service."""
