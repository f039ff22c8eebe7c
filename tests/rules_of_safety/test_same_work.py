"""Rule 12: the same answer, and the same time: the database is asked the same things for it."""

import sqlalchemy as sa

from strandkeep.domain.identifiers import new_id
from tests.operations.references import importer, insert_reference
from tests.operations.test_accounts import outcome, requests


def asked_for(api, operation, request):
    """The statements that an answer takes."""
    statements = []

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        outcome(api, operation, request, {})
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    return statements


def test_rule_12_another_accounts_thing_takes_the_same_statements_as_one_that_does_not_exist(
    api, other, store, tmp_path
):
    here = api.house.installation
    upload = api.new_upload(store)
    api.put_part(store, upload, 1, b"x")
    verification = api("StartVerification", sequenceStoreId=store)["id"]
    references = importer(api, tmp_path)
    job = references.start(references.source("a.fa", b">a\nA\n"))["id"]
    of_reads = store, upload, api.insert_read_set(store, "ACTIVE"), verification
    theirs = *of_reads, references.store, insert_reference(api, references.store), job
    asked = zip(requests(here, *theirs), requests(here, *(new_id() for _ in theirs)), strict=True)
    for (operation, about_theirs), (_, about_nothing) in asked:
        found = asked_for(other, operation, about_theirs)
        assert found == asked_for(other, operation, about_nothing), operation
        assert found, operation
