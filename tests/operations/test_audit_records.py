"""Who called what, for whoever must account for it."""

from datetime import timedelta

import pytest

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
def test_list_audit_records_filters(own, filters, expected):
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


def test_rule_12_each_account_sees_its_own_and_nobodys_calls_are_the_first_accounts(own):
    other = new_account(own.house)
    write(own, call(own, 1), call(other, 2), call(own, 3, principal="", account=""), call(own, 4))
    assert listed(own) == ["r4", "r3", "r1"]
    assert listed(other) == ["r2"]
    assert listed(other, requestId="r1") == []
