"""Tokens of pages."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strandkeep.domain.paging import Pager
from strandkeep.errors import ValidationException

KEY = bytes(range(32))
QUESTION = {"account": "1", "operation": "ListReadSets", "store": "2", "filter": {"name": "x"}}
POSITION = [1_760_000_000_000_000, "1234567890123456"]
PAGER = Pager(KEY, QUESTION)


def refuses(pager, token):
    with pytest.raises(ValidationException, match="nextToken"):
        pager.position(token)


@given(st.lists(st.integers() | st.text()))
def test_a_token_gives_back_its_position(position):
    assert PAGER.position(PAGER.token(position)) == position


def test_no_token_is_the_first_page():
    assert PAGER.position(None) is None


def test_a_token_altered_in_any_one_character_is_refused():
    token = PAGER.token(POSITION)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ \n\u00e9"
    for at in range(len(token)):
        for letter in alphabet:
            if letter != token[at]:
                refuses(PAGER, token[:at] + letter + token[at + 1 :])
        refuses(PAGER, token[:at] + token[at + 1 :])


def test_a_token_with_any_one_bit_flipped_is_refused():
    raw = base64.urlsafe_b64decode(PAGER.token(POSITION))
    for bit in range(8 * len(raw)):
        altered = bytearray(raw)
        altered[bit // 8] ^= 1 << bit % 8
        refuses(PAGER, base64.urlsafe_b64encode(altered).decode())


@pytest.mark.parametrize("extra", ["A", "AAAA", "=", "\n", " ", "AA=="])
def test_a_token_with_something_added_is_refused(extra):
    token = PAGER.token(POSITION)
    refuses(PAGER, token + extra)
    refuses(PAGER, extra + token)


@given(st.text(max_size=80))
def test_a_token_that_was_never_given_is_refused(token):
    refuses(PAGER, token)


@pytest.mark.parametrize(
    "other",
    [
        {**QUESTION, "account": "3"},
        {**QUESTION, "store": "3"},
        {**QUESTION, "operation": "ListSequenceStores"},
        {**QUESTION, "filter": {"name": "y"}},
        {**QUESTION, "filter": {"name": "x", "status": "ACTIVE"}},
        {**QUESTION, "filter": {}},
    ],
)
def test_a_token_of_another_filter_store_account_or_operation_is_refused(other):
    refuses(Pager(KEY, other), PAGER.token(POSITION))


def test_a_token_of_another_installation_is_refused():
    refuses(Pager(bytes(32), QUESTION), PAGER.token(POSITION))


def test_a_question_is_the_same_in_any_order_of_its_members():
    again = Pager(KEY, dict(reversed(QUESTION.items())))
    assert again.position(PAGER.token(POSITION)) == POSITION
