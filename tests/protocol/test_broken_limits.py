"""No limit of the service model can be broken, and the message says which one was."""

import pytest

from strandkeep.errors import ValidationException
from strandkeep.protocol.contract import served_operations
from strandkeep.protocol.service import load_service
from tests.protocol.broken_limits import BrokenCase, broken_requests, valid_request

SERVICE = load_service()
CASES = list(broken_requests())


def parse(case: BrokenCase):
    raw_path, _, raw_query = case.target.partition("?")
    operation, labels = SERVICE.route(case.method, raw_path)
    assert operation.name == case.operation
    return operation.parse(labels, raw_query, case.headers, case.body)


@pytest.mark.parametrize("model", served_operations(), ids=lambda model: model.name)
def test_the_request_that_the_broken_ones_are_made_of_is_valid(model):
    case = valid_request(model)
    expected = {name: value for name, value in case.params.items() if name != "payload"}
    assert parse(case) == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_broken_limit_is_refused_by_name(case):
    with pytest.raises(ValidationException) as refused:
        parse(case)
    assert refused.value.message.startswith("1 validation error: ")
    assert case.member in refused.value.message
    refused.value.message.encode()


def test_every_operation_and_every_kind_of_limit_is_broken():
    assert {case.operation for case in CASES} >= set(SERVICE.operations)
    assert {case.reason for case in CASES} >= {
        "missing", "too short", "too long", "too few", "too many", "too small", "too large", "wrong type",
        "not of the pattern", "not in the enum", "key too long", "value too long", "half a surrogate pair",
    }  # fmt: skip
