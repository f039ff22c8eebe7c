"""Rates: tokens come back with time, each account has its own, and what is kept of them is bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strandkeep.domain import rates
from strandkeep.domain.rates import AWS_RATES, Buckets, rates_in_force
from strandkeep.protocol.contract import load_model, storage_operations


def taken(buckets, now, calls=1, account="1", operation="Op"):
    """How many of so many calls may come at a time."""
    return sum(buckets.take(account, operation, now) == 0 for _ in range(calls))


def test_aws_has_a_rate_for_each_operation():
    assert set(AWS_RATES) == {operation.name for operation in storage_operations(load_model())}
    assert (AWS_RATES["UploadReadSetPart"], AWS_RATES["GetReadSet"], AWS_RATES["ListReadSets"]) == (10, 30, 5)
    assert AWS_RATES["CompleteMultipartReadSetUpload"] == 1


def test_the_lab_has_no_rates_and_what_is_set_goes_over_the_profile():
    known = {"UploadReadSetPart", "GetReadSet"}
    assert rates_in_force("lab", "", known) == {}
    assert rates_in_force("lab", " GetReadSet = 0.5 ", known) == {"GetReadSet": 0.5}
    aws = rates_in_force("aws", "GetReadSet=7,UploadReadSetPart=0", known)
    assert (aws["GetReadSet"], aws["ListReadSets"]) == (7, 5)
    assert "UploadReadSetPart" not in aws


def test_an_operation_that_does_not_exist_is_named_with_the_one_that_was_meant():
    with pytest.raises(ValueError, match=r"rates: there is no operation 'GetReadset'; is it GetReadSet\?"):
        rates_in_force("lab", "GetReadset=1", {"GetReadSet"})
    with pytest.raises(ValueError, match=r"rates: there is no operation 'X'$"):
        rates_in_force("lab", "X=1", {"GetReadSet"})


@pytest.mark.parametrize(("rate", "burst"), [(1, 1), (10, 10), (2.5, 2), (0.2, 1)])
def test_a_second_holds_what_its_rate_says_and_one_call_at_least(rate, burst):
    buckets = Buckets({"Op": rate})
    assert taken(buckets, 1000.0, 100) == burst
    assert taken(buckets, 1000.0 + 1 / rate, 100) == 1


def test_whoever_waits_as_told_goes_through_and_not_before():
    buckets = Buckets({"Op": 4})
    taken(buckets, 50.0, 4)
    wait = buckets.take("1", "Op", 50.1)
    assert wait == pytest.approx(0.15)
    assert buckets.take("1", "Op", 50.1 + wait - 0.001) == pytest.approx(0.001)
    assert buckets.take("1", "Op", 50.1 + wait) == 0.0


def test_accounts_and_operations_do_not_spend_each_others_calls():
    buckets = Buckets({"Op": 1, "Other": 1})
    assert taken(buckets, 1.0, 5) == 1
    assert taken(buckets, 1.0, 5, account="2") == 1
    assert taken(buckets, 1.0, 5, operation="Other") == 1
    assert taken(buckets, 1.0, 500, operation="Unlimited") == 500


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.sampled_from([0.5, 1, 3, 10]))
def test_no_stretch_of_time_lets_more_through_than_its_rate_and_one_burst(gaps, rate):
    buckets, now, passed = Buckets({"Op": rate}), 0.0, []
    for gap in gaps:
        now += gap
        passed += [now] * taken(buckets, now, 3)
    for first, start in enumerate(passed):
        for last, end in enumerate(passed[first:], first):
            assert last - first + 1 <= max(1, rate) + (end - start) * rate + 1e-3


def test_buckets_that_are_full_again_are_forgotten(monkeypatch):
    monkeypatch.setattr(rates, "_MOST", 10)
    buckets = Buckets({"Op": 1})
    for account in range(1000):
        assert taken(buckets, float(account), 5, account=str(account)) == 1
        assert len(buckets) <= 10
