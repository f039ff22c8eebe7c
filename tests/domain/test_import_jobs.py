"""What becomes of a job by its items, and whose turn it is."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strandkeep.domain.import_jobs import Waiting, ending, fair_choice


@pytest.mark.parametrize(
    ("items", "cancelled", "state", "message"),
    [
        (["FINISHED"], False, "COMPLETED", None),
        (["FAILED", "FINISHED"], False, "COMPLETED_WITH_FAILURES", "1 of 2 sources failed; each says why."),
        (["FAILED", "FAILED"], False, "FAILED", "2 of 2 sources failed; each says why."),
        (["FAILED", "FINISHED"], True, "CANCELLED", "The job was cancelled; 1 of 2 sources had finished."),
        (["FINISHED"], True, "CANCELLED", "The job was cancelled; 1 of 1 sources had finished."),
    ],
)
def test_a_job_ends_as_its_items_did(items, cancelled, state, message):
    assert ending(items, cancelled=cancelled) == (state, message)


def of(account: str, *ids: int) -> list[Waiting]:
    return [Waiting(f"{account}{n}", account, 0) for n in ids]


def chosen(*arguments, **options) -> list[str]:
    return [work.id for work in fair_choice(*arguments, **options)]


def test_accounts_take_turns():
    waiting = of("a", 1, 2, 3, 4) + of("b", 1) + of("c", 1, 2)
    assert chosen(waiting, {}, room=5, share=5) == ["a1", "b1", "c1", "a2", "c2"]


def test_an_account_for_which_much_runs_waits_for_the_others():
    waiting = of("a", 3, 4) + of("b", 1, 2)
    assert chosen(waiting, {"a": 2}, room=3, share=9) == ["b1", "b2", "a3"]


def test_an_account_keeps_to_its_share_also_when_nobody_else_waits():
    assert chosen(of("a", 1, 2, 3), {"a": 1}, room=3, share=2) == ["a1"]
    assert chosen(of("a", 1, 2, 3), {"a": 2}, room=1, share=2) == []


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 6)),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 4)),
    st.integers(0, 8),
    st.integers(1, 5),
)
def test_no_place_stays_empty_that_somebody_may_have_and_none_is_given_twice(many, running, room, share):
    waiting = [work for account, number in many.items() for work in of(account, *range(number))]
    found = fair_choice(waiting, running, room, share)
    assert len(set(found)) == len(found) <= room
    given_to = Counter(work.account for work in found)
    could_have = {a: min(number, max(0, share - running.get(a, 0))) for a, number in many.items()}
    assert len(found) == min(room, sum(could_have.values()))
    for account, number in given_to.items():
        assert [work.id for work in found if work.account == account] == [f"{account}{n}" for n in range(number)]
        for other, able in could_have.items():
            # Nobody got a further place while another had less and could have taken it.
            less = running.get(other, 0) + given_to[other] < running.get(account, 0) + number - 1
            assert not (less and given_to[other] < able)
