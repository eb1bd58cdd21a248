"""Times as text and as milliseconds since the epoch, UTC."""

from datetime import UTC, datetime


def iso(milliseconds: int) -> str:
    """ISO 8601 with milliseconds and Z."""
    seconds, rest = divmod(milliseconds, 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
