"""Pace: never faster than asked for over any stretch, and not slower without need."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strandkeep.domain.pace import Pace

RATE = 1000


def run(steps: list[tuple[int, float]], rate: int = RATE) -> list[tuple[float, int]]:
    """(time, bytes so far) after each step of (size, seconds of its own work), pauses kept."""
    pace, now, done, log = Pace(rate), 100.0, 0, []
    for size, seconds in steps:
        now += seconds
        now += pace.pause(size, now)
        done += size
        log.append((now, done))
    return log


STEPS = st.lists(st.tuples(st.integers(1, 5000), st.floats(0, 3)), min_size=2, max_size=50)


@given(STEPS)
def test_over_no_stretch_are_more_bytes_than_the_rate_allows_but_for_a_short_burst(steps):
    log = run(steps)
    for first, (began, before) in enumerate(log):
        for now, done in log[first + 1 :]:
            assert done - before <= RATE * (now - began + 0.25) + 1e-6


def test_fast_work_takes_just_the_time_that_its_bytes_may_take():
    log = run([(500, 0.0)] * 20)
    assert [round(later - before, 9) for (before, _), (later, _) in pairwise(log)] == [0.5] * 19


def test_slow_work_is_not_held_up():
    pace = Pace(RATE)
    pace.pause(100, 0.0)
    assert pace.pause(100, 10.0) == 0.0


def test_after_a_long_halt_no_burst_makes_up_for_it():
    pace = Pace(RATE)
    pace.pause(1, 0.0)
    assert sum(pace.pause(100, 1000.0) > 0 for _ in range(10)) >= 8
    assert pace.pause(0, 1000.0) == pytest.approx(0.75)
