"""Mates compared in lockstep, at any pace of either side."""

import random

import pytest

from strandkeep.formats.mates import TRIAL, Mates


def compare(first: list[int], second: list[int], seed: int = 0) -> Mates:
    """Feed both sides in blocks of random lengths, in random turns, and end each."""
    rng, mates = random.Random(seed), Mates()
    left = [first, second]
    while any(side is not None for side in left):
        side = rng.choice([i for i in (0, 1) if left[i] is not None])
        names = left[side]
        n = rng.choice([1, 7, 300, 700])
        mates.feed(side, b"".join(name.to_bytes(8, "little") for name in names[:n]))
        left[side] = names[n:]
        if not left[side]:
            mates.end(side, len((first, second)[side]))
            left[side] = None
    return mates


def names(n: int, start: int = 1) -> list[int]:
    return list(range(start, start + n))


OTHER = 10**9


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("first", "second", "rule", "record"),
    [
        (names(3000), names(3000), None, None),
        ([], [], None, None),
        (names(5), names(5), None, None),
        (names(3000), names(2999), "fastq.mates-count", None),
        (names(5), names(3000), "fastq.mates-count", None),
        ([], names(3000), "fastq.mates-count", None),
        (names(3000), names(3000, start=2), "fastq.mates-names", 1),
        (names(3000), [OTHER, *names(3000)], "fastq.mates-names", 1),
        (names(3000), [*names(1499), OTHER, *names(1500, 1501)], "fastq.mates-names", 1500),
        (names(3000), [*names(2999), OTHER], "fastq.mates-names", 3000),
        (names(3000), [*names(TRIAL - 1), OTHER, *names(2000, TRIAL + 1)], "fastq.mates-names", TRIAL),
        (names(3000), [*names(TRIAL), OTHER, *names(1999, TRIAL + 2)], "fastq.mates-names", TRIAL + 1),
        (names(3000), [OTHER, *names(2999, 2)], "fastq.mates-names", 1),
        (names(9), [*names(4), OTHER, *names(4, 6)], "fastq.mates-names", 5),
    ],
)
def test_the_first_fault_is_found(
    first: list[int], second: list[int], rule: str | None, record: int | None, seed: int
) -> None:
    mates = compare(first, second, seed)
    assert (mates.fault and mates.fault.rule, mates.fault and mates.fault.record) == (rule, record)
    assert not mates.never_agree


@pytest.mark.parametrize("seed", range(5))
def test_names_that_never_agree_leave_the_counts(seed: int) -> None:
    assert compare(names(3000), names(3000, OTHER), seed).never_agree
    fault = compare(names(3000), names(2000, OTHER), seed).fault
    assert fault
    assert fault.rule == "fastq.mates-count"
    assert "3000" in fault.text
    assert "2000" in fault.text


def test_names_that_repeat_say_nothing_of_the_step() -> None:
    assert compare([1, 2] * 1000, [2, 1] * 1000).never_agree


def test_what_waits_is_bounded_by_what_the_other_side_lacks() -> None:
    mates = Mates()
    for _ in range(20):
        mates.feed(0, bytes(8000))
    assert mates.waiting(0) == 160_000
    mates.end(1, 0)
    assert mates.waiting(0) == 0
