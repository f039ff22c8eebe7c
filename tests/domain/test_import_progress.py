"""How far imports are: the numbers of a source and of a job, and the sentence of a source."""

import pytest

from strandkeep.domain.import_progress import Distance, distance, sentence, together

#: When an item might begin, and the time by now.
BEGAN, NOW = 1_699_999_000_000_000, 1_700_000_000_000_000
SECOND = 1_000_000


def noted(stored=482_000_000, size=1_070_000_000, rate=85_000_000, ago=1.0, **more):
    """What a row keeps of an item that was read `ago` seconds before NOW."""
    told = {"stored": stored, "size": size, "text": 4 * stored, "reads": 7, "rate": rate}
    return {**told, "at": NOW - int(ago * SECOND), **more}


@pytest.mark.parametrize(
    ("state", "progress", "expected"),
    [
        ("NOT_STARTED", None, Distance()),
        ("IN_PROGRESS", None, Distance()),
        ("IN_PROGRESS", noted(), Distance(482_000_000, 1_070_000_000, 85_000_000, 7, 45)),
        ("IN_PROGRESS", noted(stored=0, rate=0), Distance(0, 1_070_000_000, 0, 7, 0)),
        ("IN_PROGRESS", noted(stored=101, size=100, rate=5), Distance(100, 100, 5, 7, 100)),
        ("IN_PROGRESS", noted(stored=999, size=1000, rate=5), Distance(999, 1000, 5, 7, 99)),
        ("IN_PROGRESS", noted(stored=0, size=0, rate=0), Distance(0, 0, 0, 7, 0)),
        ("FINISHED", None, Distance(percent=100)),
        ("FINISHED", noted(), Distance(1_070_000_000, 1_070_000_000, 0, 7, 100)),
        ("FINISHED", noted(stored=0, size=0, rate=0), Distance(0, 0, 0, 7, 100)),
        ("FAILED", noted(), Distance(482_000_000, 1_070_000_000, 0, 7, 45)),
        ("FAILED", None, Distance()),
    ],
)
def test_the_distance_of_a_source_is_told_by_its_state_and_what_was_noted(state, progress, expected):
    assert distance(state, progress, BEGAN, NOW) == expected


@pytest.mark.parametrize(("ago", "rate"), [(0, 85_000_000), (9.9, 85_000_000), (10, 0), (3600, 0), (-5, 85_000_000)])
def test_a_rate_holds_for_ten_seconds(ago, rate):
    assert distance("IN_PROGRESS", noted(ago=ago), BEGAN, NOW).rate == rate
    assert (", at" in sentence(noted(ago=ago), BEGAN, NOW)) == bool(rate)


@pytest.mark.parametrize("since", [NOW - SECOND, NOW, NOW + 60 * SECOND])
def test_a_rate_of_before_a_pause_does_not_hold(since):
    assert distance("IN_PROGRESS", noted(ago=2), since, NOW).rate == 0
    assert sentence(noted(ago=2), since, NOW) == "45 % done: 482 of 1,070 MB."


def test_a_source_that_begins_again_does_not_run_backwards():
    assert distance("IN_PROGRESS", noted(rate=-5), BEGAN, NOW).rate == 0


def test_a_job_is_as_far_as_its_sources_together():
    sources = [
        ("FINISHED", Distance(100, 100, 0, 10, 100)),
        ("IN_PROGRESS", Distance(450, 1000, 30, 5, 45)),
        ("IN_PROGRESS", Distance(0, 1000, 12, 0, 0)),
        ("FAILED", Distance(10, 500, 0, 1, 2)),
        ("NOT_STARTED", Distance()),
    ]
    assert together(sources) == Distance(560, 2600, 42, 16, (100 + 45 + 0 + 100 + 0) // 5)


@pytest.mark.parametrize(
    ("states", "percent"),
    [(["NOT_STARTED"], 0), (["FAILED"], 100), (["FINISHED"] * 99 + ["NOT_STARTED"], 99), (["FINISHED"] * 3, 100)],
)
def test_a_job_of_which_no_size_is_known_has_a_percentage(states, percent):
    sources = [(state, distance(state, None, BEGAN, NOW)) for state in states]
    assert together(sources) == Distance(percent=percent)


@pytest.mark.parametrize(
    ("progress", "says"),
    [
        (None, None),
        ({}, None),
        (noted(stored=0, size=0), None),
        (noted(), "45 % done: 482 of 1,070 MB, at 85 MB/s."),
        (noted(rate=0), "45 % done: 482 of 1,070 MB."),
        (noted(stored=0, rate=0), "0 % done: 0 of 1,070 MB."),
        (noted(stored=1200, size=1070, rate=0), "100 % done: 1,070 of 1,070 bytes."),
        (noted(stored=1, size=3, rate=850), "33 % done: 1 of 3 bytes, at 850 bytes/s."),
        (noted(stored=5_000, size=12_345, rate=12_345), "40 % done: 5 of 12 kB, at 12 kB/s."),
        (noted(stored=9_999_999, size=9_999_999, rate=1), "100 % done: 10,000 of 10,000 kB, at 1 bytes/s."),
        (noted(stored=10**12, size=10**13, rate=2 * 10**9), "10 % done: 1 of 10 TB, at 2,000 MB/s."),
        (noted(stored=5 * 10**15, size=2 * 10**16, rate=10**10), "25 % done: 5,000 of 20,000 TB, at 10 GB/s."),
    ],
)
def test_a_source_says_how_far_it_is(progress, says):
    assert sentence(progress, BEGAN, NOW) == says
    assert says is None or len(says) <= 127
