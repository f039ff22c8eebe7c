"""Samples of names, progress, and when a verification starts by itself."""

from hypothesis import given
from hypothesis import strategies as st

from strandkeep.domain import times
from strandkeep.domain.verification import Progress, next_start, sample


def takes(percent: int, first: int, name: str) -> bool:
    arc = sample(percent, first)
    if arc is None:
        return True
    return (name >= arc.first or name < arc.last) if arc.wraps else arc.first <= name < arc.last


@given(st.integers(1, 99), st.integers(0, 2**40))
def test_a_sample_takes_its_percentage_of_evenly_spread_names(percent, first):
    names = [f"{n * 2**32 // 10_000:08x}" for n in range(10_000)]
    assert abs(sum(takes(percent, first, name) for name in names) - percent * 100) <= 1


@given(st.integers(1, 99), st.text("0123456789abcdef", min_size=32, max_size=32))
def test_whether_a_name_is_taken_is_up_to_where_the_sample_begins(percent, name):
    begin = int(name[:8], 16)
    assert takes(percent, begin, name)
    assert not takes(percent, begin + 1, name)
    assert not takes(percent, begin - 2**32 * percent // 100 - 1, name)


def test_a_sample_of_all_takes_all():
    assert sample(100, 17) is None


def test_progress_past_a_blob_counts_it_once_and_whole():
    progress = Progress(3, 300, started=1, reading=70).past("b", 100)
    assert (progress.after, progress.blobs, progress.bytes, progress.reading) == ("b", 1, 100, 0)


def test_the_next_one_starts_a_day_after_the_last_has_ended_or_the_account_was_made():
    assert next_start(None, 5) == 5 + times.DAY
    assert next_start(7 * times.DAY, 5) == 8 * times.DAY
