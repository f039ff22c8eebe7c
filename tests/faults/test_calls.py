"""Whatever fails below an operation: the client is told to send again, gets it then, and the store is whole."""

import re

import pytest

from strandkeep.operations.registry import OPERATIONS
from strandkeep.protocol.contract import load_model
from tests.faults.calls import CALLS as READ_SET_CALLS
from tests.faults.database import LOST, LOST_AFTER_COMMIT, STATEMENT, TRANSACTION
from tests.faults.disk import BROKEN, FULL, SHORT
from tests.faults.import_calls import IMPORT_CALLS
from tests.faults.reference_calls import REFERENCE_CALLS
from tests.faults.trying import fail_in_database, fail_on_disk

CALLS = [*READ_SET_CALLS, *IMPORT_CALLS, *REFERENCE_CALLS]
CHANGES = [call for call in CALLS if not call.operation.startswith(("get_", "list_"))]
TOUCH_BYTES = [call for call in CALLS if call.operation in ("upload_read_set_part", "get_read_set", "get_reference")]

#: On every run those that change something; with `make soak` the others, in which there is less to go wrong.
ALL = [pytest.param(call, marks=() if call in CHANGES else pytest.mark.soak, id=str(call)) for call in CALLS]
FAULTS = [STATEMENT, pytest.param(TRANSACTION, marks=pytest.mark.soak)]


def test_every_operation_is_called():
    built = set(load_model().operation_names) & set(OPERATIONS)
    assert {call.operation for call in CALLS} == {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in built}


@pytest.mark.parametrize("call", ALL)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_the_nth_statement_or_commit_on_sqlite_fails(world, database, count, call, fault):
    count(fail_in_database(world, database, call, fault), fault)


@pytest.mark.parametrize("call", ALL)
@pytest.mark.parametrize("failing", ["postgresql"], indirect=True)
def test_the_connection_to_postgresql_is_lost_at_the_nth_statement_or_commit(world, database, count, call):
    count(fail_in_database(world, database, call, LOST), LOST)


@pytest.mark.parametrize("call", CHANGES, ids=str)
def test_the_nth_commit_is_done_and_nobody_hears_of_it(world, database, count, call):
    """The outcome is unknown to the server: whoever sends the same again gets what was done, or it done."""
    tried = fail_in_database(world, database, call, LOST_AFTER_COMMIT)
    count(tried, LOST_AFTER_COMMIT)
    assert tried.positions == tried.told


@pytest.mark.parametrize("call", TOUCH_BYTES, ids=str)
@pytest.mark.parametrize("fault", [FULL, BROKEN])
@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_rule_10_the_nth_call_of_the_disk_fails(world, count, call, fault):
    tried = fail_on_disk(world, call, fault)
    count(tried, fault)
    assert tried.positions == tried.told


@pytest.mark.parametrize(
    ("call", "which"), zip(TOUCH_BYTES, ["writev", "writev", "pread", "pread"], strict=True), ids=str
)
@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_the_nth_write_or_read_of_the_disk_is_short(world, count, call, which):
    """What was not taken is written by another call, what did not come is read by another: nobody notices."""
    tried = fail_on_disk(world, call, SHORT, (which,))
    count(tried, SHORT)
    assert tried.told == 0
