"""The audit trail."""

import asyncio

import pytest

from strandkeep.access.audit import Audit, Call
from strandkeep.catalog import tables
from strandkeep.domain.context import RequestContext


def call(
    action="omics:GetReadSet",
    request_id="r1",
    resource="arn:1",
    outcome="ok",
    size=0,
    key="AKIA",
    address="::1",
    principal="arn:root",
):
    context = RequestContext("123456789012", principal, key, address, request_id)
    return Call(context, action, resource, "allowed", outcome, size)


def rows(made):
    found = made.catalog.read(lambda r: r.all(tables.audit.select()))
    return sorted(found, key=lambda row: row.id)


def test_a_call_that_changes_something_is_durable_when_it_is_recorded(made):
    asyncio.run(Audit(made.catalog).record(call("omics:CreateSequenceStore", outcome="ConflictException")))
    (row,) = rows(made)
    assert (row.action, row.outcome, row.decision, row.count, row.bytes) == (
        "omics:CreateSequenceStore",
        "ConflictException",
        "allowed",
        1,
        0,
    )
    assert (row.account, row.principal, row.access_key_id) == ("123456789012", "arn:root", "AKIA")
    assert (row.source_address, row.request_id, row.resource) == ("::1", "r1", "arn:1")
    assert row.time > 10**15


def note_all(made, *calls):
    async def note():
        audit = Audit(made.catalog)
        for each in calls:
            audit.note(each)
        await audit.flush()
        await audit.flush()

    asyncio.run(note())


def test_reads_of_data_by_one_caller_on_one_thing_share_a_record_with_their_number_and_bytes(made):
    note_all(made, *(call(request_id=f"r{n}", size=n) for n in range(1, 5)))
    (row,) = rows(made)
    assert (row.count, row.bytes) == (4, 10)


def test_reads_of_data_that_differ_have_records_of_their_own(made):
    note_all(
        made,
        call(),
        call(resource="arn:2"),
        call(outcome="ConflictException"),
        call(key="AKIB"),
        call(address="::2"),
        call(),
    )
    assert sorted(row.count for row in rows(made)) == [1, 1, 1, 1, 2]


def test_other_calls_that_change_nothing_have_a_record_each(made):
    note_all(made, *(call("omics:ListReadSets", request_id=f"r{n}") for n in range(5)))
    assert [row.request_id for row in rows(made)] == [f"r{n}" for n in range(5)]


def test_records_that_the_catalog_refused_are_kept_for_the_next_flush(made):
    class Away:
        def __init__(self):
            self.away = 2

        async def write_async(self, work):
            if self.away:
                self.away -= 1
                raise OSError("the database is away")
            return await made.catalog.write_async(work)

    async def note():
        audit = Audit(Away())
        for n in range(3):
            audit.note(call("omics:ListReadSets", request_id=f"r{n}"))
            if n < 2:
                with pytest.raises(OSError, match="away"):
                    await audit.flush()
        await audit.flush()

    asyncio.run(note())
    assert sorted(row.request_id for row in rows(made)) == ["r0", "r1", "r2"]


def test_calls_by_whoever_did_not_prove_who_they_are_are_added_up(made):
    refused = {"outcome": "InvalidSignatureException", "principal": ""}
    note_all(made, *(call("omics:ListReadSets", request_id=f"r{n}", **refused) for n in range(1000)))
    (row,) = rows(made)
    assert (row.count, row.principal, row.access_key_id) == (1000, "", "AKIA")
