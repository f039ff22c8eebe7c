"""Deletion has a way back, for a time."""

from strandkeep.domain import times


def way_back(purge_after: int) -> str:
    """How a deleted read set comes back, and until when (microseconds), for a person."""
    return f"BatchUndeleteReadSet brings it back until {times.to_datetime(purge_after):%Y-%m-%d %H:%M} UTC."
