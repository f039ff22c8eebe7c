"""Times: integer microseconds inside, milliseconds on the wire."""

from datetime import UTC, datetime

SECOND = 1_000_000
DAY = 86_400 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_datetime(microseconds: int) -> datetime:
    """A stored time as an aware datetime in UTC."""
    return datetime.fromtimestamp(microseconds / SECOND, tz=UTC)


def to_microseconds(moment: datetime) -> int:
    """An aware datetime as integer microseconds since 1970."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def first_after(moment: datetime) -> int:
    """The least stored time that `createdAfter` lets through.

    The bound is exclusive and compares with times as they are shown, in whole milliseconds: a caller who
    passes a creationTime that it was given does not get that very thing again.
    """
    return (to_microseconds(moment) // 1000 + 1) * 1000


def first_not_before(moment: datetime) -> int:
    """The least stored time that `createdBefore` keeps out (exclusive, in whole milliseconds as shown)."""
    return -(-to_microseconds(moment) // 1000) * 1000
