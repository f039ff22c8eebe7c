"""Who called what, for whoever must account for it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from strandkeep.access.audit import Call
from strandkeep.catalog import audit
from strandkeep.domain.context import RequestContext
from tests.operations.conftest import new_account

ALICE, BOB = "arn:aws:iam::1:user/alice", "arn:aws:iam::1:user/bob"


def write(api, *calls):
    for call in calls:
        api.house.catalog.write(lambda tx, call=call: audit.append(tx, [call.as_row()]))


def call(api, number, principal=ALICE, key="AKIA1", address="10.0.0.1", account=None, **members):
    account = api.context.account if account is None else account
    context = RequestContext(account, principal, key, address, f"r{number}")
    given = {"action": "omics:GetReadSet", "resource": "arn:1", "decision": "allowed", "outcome": "ok", **members}
    return Call(context, **given)


def listed(api, **filters):
    return [
        r["requestId"] for page in api.pages("ListAuditRecords", "records", filter=filters, maxResults=2) for r in page
    ]


def test_list_audit_records_tells_who_called_what_the_newest_first(own):
    write(own, call(own, 1, size=5), call(own, 2, principal="", key="AKIA2", decision="denied", outcome="No"))
    newest, oldest = own("ListAuditRecords")["records"]
    assert newest["creationTime"] > oldest["creationTime"]
    assert {**oldest, "creationTime": None} == {
        **{"creationTime": None, "requestId": "r1", "principal": ALICE, "accessKeyId": "AKIA1"},
        **{"sourceAddress": "10.0.0.1", "action": "omics:GetReadSet", "resource": "arn:1"},
        **{"decision": "allowed", "outcome": "ok", "count": 1, "bytes": 5},
    }
    assert (newest["principal"], newest["accessKeyId"], newest["decision"]) == (None, "AKIA2", "denied")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["r5", "r4", "r3", "r2", "r1"]),
        ({"action": "omics:TagResource"}, ["r2"]),
        ({"principal": BOB}, ["r3"]),
        ({"accessKeyId": "AKIA2"}, ["r4"]),
        ({"sourceAddress": "10.0.0.2"}, ["r5"]),
        ({"resource": "arn:2"}, ["r3"]),
        ({"decision": "denied"}, ["r4"]),
        ({"decision": "allowed"}, ["r5", "r3", "r2", "r1"]),
        ({"outcome": "ok"}, ["r3", "r2", "r1"]),
        ({"outcome": "ConflictException"}, ["r5"]),
        ({"requestId": "r2"}, ["r2"]),
        ({"principal": ALICE, "outcome": "ok"}, ["r2", "r1"]),
        ({"requestId": "nothing"}, []),
    ],
)
@pytest.mark.parametrize("looked_at", [1, 2, 20_000])
def test_list_audit_records_filters(own, filters, expected, looked_at, monkeypatch):
    monkeypatch.setattr(audit, "LOOKED_AT", looked_at)
    write(
        own,
        call(own, 1),
        call(own, 2, action="omics:TagResource"),
        call(own, 3, principal=BOB, resource="arn:2"),
        call(own, 4, key="AKIA2", decision="denied", outcome="AccessDeniedException"),
        call(own, 5, address="10.0.0.2", outcome="ConflictException"),
    )
    assert listed(own, **filters) == expected


def test_list_audit_records_between_times(own):
    for number in range(4):
        write(own, call(own, number))
        own.house.catalog.clock.move(1_000_000)
    shown = {r["requestId"]: r["creationTime"] for r in own("ListAuditRecords")["records"]}
    times = {name: time.replace(microsecond=time.microsecond // 1000 * 1000) for name, time in shown.items()}
    assert listed(own, createdAfter=times["r0"], createdBefore=times["r3"]) == ["r2", "r1"]
    assert listed(own, createdAfter=times["r0"] - timedelta(milliseconds=1), createdBefore=times["r2"]) == ["r1", "r0"]


@pytest.mark.parametrize("looked_at", [1, 3, 20_000])
def test_a_page_that_looked_at_enough_goes_on_where_it_ended(own, looked_at, monkeypatch):
    """The records of two accounts, of which one is looked through further than the other."""
    monkeypatch.setattr(audit, "LOOKED_AT", looked_at)
    nobody = {"principal": "", "key": "", "account": "", "decision": "denied", "outcome": "No"}
    for number in range(30):
        write(own, call(own, number, **(nobody if number % 7 in (0, 3) else {}), address=f"10.0.0.{number % 5}"))
    assert listed(own, sourceAddress="10.0.0.3") == [f"r{number}" for number in (28, 23, 18, 13, 8, 3)]
    assert listed(own, decision="denied") == [f"r{n}" for n in reversed(range(30)) if n % 7 in (0, 3)]


def test_each_filter_that_has_an_index_is_served_by_it(own):
    if own.house.catalog.__class__.__name__ != "SqliteCatalog":
        pytest.skip("SQLite tells its plan without statistics")
    plans = []

    def plan(connection, cursor, statement, parameters, context, many):
        if "audit" in statement:
            cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            plans.append(" ".join(row[3] for row in cursor.fetchall()))
        return statement, parameters

    def explain(**filters):
        plans.clear()
        sa.event.listen(sa.engine.Engine, "before_cursor_execute", plan, retval=True)
        try:
            own.house.catalog.read(lambda reader: audit.page(reader, [own.context.account], filters, [9, 9], 10))
        finally:
            sa.event.remove(sa.engine.Engine, "before_cursor_execute", plan)
        return plans[0]

    for filters, index in (
        ({}, "audit_by_time"),
        ({"action": "omics:TagResource"}, "audit_by_time"),
        ({"resource": "arn:1"}, "audit_by_resource"),
        ({"requestId": "r"}, "audit_by_request_id"),
        ({"decision": "denied"}, "audit_not_ok"),
        ({"outcome": "AccessDeniedException"}, "audit_not_ok"),
    ):
        assert f"USING INDEX {index} " in explain(**filters), filters
        assert filters.keys() - {"resource", "requestId"} or "TEMP B-TREE" not in explain(**filters)


def test_rule_12_each_account_sees_its_own_and_nobodys_calls_are_the_first_accounts(own):
    other = new_account(own.house)
    write(own, call(own, 1), call(other, 2), call(own, 3, principal="", account=""), call(own, 4))
    assert listed(own) == ["r4", "r3", "r1"]
    assert listed(other) == ["r2"]
    assert listed(other, requestId="r1") == []
