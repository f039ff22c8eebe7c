"""Times as people give them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from strandkeep.cli.moments import moment

NOW = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("15m", NOW - timedelta(minutes=15)),
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T07:30:00Z", datetime(2026, 11, 22, 7, 30, tzinfo=UTC)),
        ("2026-11-22T07:30:00+01:00", datetime(2026, 11, 22, 7, 30, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_a_time_or_how_long_ago(text, expected):
    assert moment(text, NOW) == expected
    assert moment(text, NOW).tzinfo is not None


@pytest.mark.parametrize("text", ["", "yesterday", "2w", "-1h", "2026-13-01", "9999999d", "999999999999d"])
def test_anything_else_is_told_with_what_to_give(text):
    with pytest.raises(ValueError, match="is not a time: give"):
        moment(text, NOW)
