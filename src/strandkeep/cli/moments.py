"""Times as people give them on the command line."""

import re
from datetime import UTC, datetime, timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str, now: datetime) -> datetime:
    """`2026-11-22`, `2026-11-22T08:00:00Z` (without a zone: UTC), or so long before `now`: `90s`, `15m`, `2h`, `7d`.

    ValueError for anything else.
    """
    ago = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if ago:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time: give 2026-11-22, 2026-11-22T08:00:00Z, or 90s, 15m, 2h, 7d ago"
        ) from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)
