"""Quotas: whose holds, and what a caller who has reached one is told."""

import pytest

from strandkeep.domain.quotas import QUOTAS, check_quota, in_force
from strandkeep.errors import ServiceQuotaExceededException


def test_the_lab_has_no_quotas_and_the_profile_aws_has_those_of_aws():
    assert {in_force(name, "lab", None) for name in QUOTAS} == {0}
    assert in_force("sequence_stores", "aws", None) == 20
    assert in_force("read_sets_per_store", "aws", None) == 1_000_000
    assert in_force("file_size", "aws", None) == 976 * 1024**3
    assert in_force("open_uploads", "aws", None) == 0


@pytest.mark.parametrize("profile", ["lab", "aws"])
@pytest.mark.parametrize("given", [0, 7])
def test_a_quota_that_is_set_goes_over_the_profile(profile, given):
    assert in_force("sequence_stores", profile, given) == given


def test_the_last_place_is_free_and_the_next_is_not():
    check_quota("sequence_stores", 20, 19)
    check_quota("sequence_stores", 20, 15, more=5)
    for taken, more in ((20, 1), (21, 1), (15, 6)):
        with pytest.raises(ServiceQuotaExceededException):
            check_quota("sequence_stores", 20, taken, more)


def test_no_quota_is_never_exceeded():
    check_quota("file_size", 0, 10**18, more=10**18)


@pytest.mark.parametrize("name", QUOTAS)
def test_who_reached_a_quota_is_told_which_and_what_to_do(name):
    with pytest.raises(ServiceQuotaExceededException) as refusal:
        check_quota(name, 3, 2, more=2)
    message = refusal.value.message
    assert QUOTAS[name].what in message
    assert "is 3: 2 are taken, and this asks for 2 more" in message
    assert QUOTAS[name].advice in message
    assert f"quota_{name}" in message
