"""Timestamps of the wire: RFC 3339 or epoch seconds in, RFC 3339 with milliseconds out."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from strandkeep.protocol.problems import Invalid, shown

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))"
)


def read_timestamp(value: Any) -> datetime:
    """An aware datetime in UTC, cut to microseconds.

    Takes a string with a zone (`2026-01-02T03:04:05.678Z`, 0 to 9 digits of a second's fraction) or a
    number of seconds since 1970. Raises Invalid for anything else, and for times outside years 1 to 9999.
    """
    try:
        if isinstance(value, str):
            return _read_text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _EPOCH + timedelta(seconds=value)
    except (ValueError, OverflowError):
        raise Invalid.here(f"{shown(value)} is not a time that exists, in the years 1 to 9999") from None
    raise Invalid.here(f"{shown(value)} is not a timestamp such as 2026-01-02T03:04:05Z or epoch seconds")


def write_timestamp(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.mmmZ` in UTC, cut to milliseconds: the one form that every SDK reads.

    Raises TypeError for a datetime without a zone, since guessing one would be wrong somewhere.
    """
    if moment.tzinfo is None:
        raise TypeError(f"{moment!r} has no time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _read_text(text: str) -> datetime:
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise Invalid.here(f"{shown(text)} is not a timestamp with a zone, such as 2026-01-02T03:04:05Z")
    fraction, sign, hours, minutes = match.groups()[6:]
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    microsecond = int((fraction or "")[:6].ljust(6, "0"))
    zone = UTC
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        zone = timezone(offset if sign == "+" else -offset)
    return datetime(year, month, day, hour, minute, second, microsecond, zone).astimezone(UTC)
