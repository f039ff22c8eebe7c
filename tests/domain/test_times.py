"""Times, and the bounds of createdAfter and createdBefore."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strandkeep.domain.times import first_after, first_not_before, to_datetime, to_microseconds

#: 1970 to 2200, in microseconds.
TIMES = st.integers(0, 7_258_118_400_000_000)


def shown(microseconds):
    """The creationTime that a caller reads: whole milliseconds."""
    moment = to_datetime(microseconds)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(TIMES)
def test_a_stored_time_survives_the_way_there_and_back(microseconds):
    assert to_microseconds(to_datetime(microseconds)) == microseconds


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)])
def test_the_first_and_the_last_time_of_the_wire_can_be_asked_for(moment):
    assert first_after(moment) > to_microseconds(moment) - 1000
    assert first_not_before(moment) >= to_microseconds(moment)


@given(TIMES, TIMES | st.integers(-2000, 2000))
def test_created_after_and_created_before_are_exclusive_and_compare_what_is_shown(stored, other):
    bound = to_datetime(stored) + timedelta(microseconds=other) if other < 2001 else to_datetime(other)

    assert (stored >= first_after(bound)) == (shown(stored) > bound)
    assert (stored < first_not_before(bound)) == (shown(stored) < bound)


@given(TIMES)
def test_a_thing_is_not_found_after_or_before_its_own_creation_time(stored):
    assert stored < first_after(shown(stored))
    assert stored >= first_not_before(shown(stored))
