"""Lists of reference stores, references and import jobs, by every set of filters and in pages of every size."""

import random

import pytest
import sqlalchemy as sa

from strandkeep.catalog import tables
from strandkeep.domain import times
from strandkeep.domain.identifiers import new_id
from strandkeep.domain.states import ENDED_JOBS, UNENDED_JOBS
from tests.operations.conftest import new_account, root_of
from tests.operations.references import new_reference_store
from tests.operations.test_list_plans import LOOKED_AT, statements
from tests.operations.test_lists import BASE, ROWS, bound, insert, moment, newest_first, subsets, walk
from tests.properties.filters import passes

TIMES = ("createdAfter", "createdBefore")


def wanted_of(items, names, rng):
    """A filter of these names that one of the items passes, or just does not."""
    like = rng.choice(items)
    return {name: bound(like, name, rng) if name in TIMES else like[name] for name in names}


def check_every_set(api, items, names, rng, operation, member, **request):
    found_some = 0
    for chosen in subsets([*names, *TIMES]):
        wanted = wanted_of(items, chosen, rng)
        expected = [item["id"] for item in items if passes(item, wanted)]
        shown = walk(api, rng, operation, member, **request, filter=wanted)
        assert [item["id"] for item in shown] == expected, wanted
        found_some += bool(expected)
    assert found_some > len(names)


def shown(rows, members, state="status"):
    """What lists may show of rows: those that are not deleted."""
    return [
        {"id": row["id"], "creationTime": times.to_datetime(row["created"])}
        | {member: row[column] for member, column in members.items()}
        for row in rows
        if row[state] != "DELETED"
    ]


def test_list_reference_stores_by_every_set_of_filters(shared_house):
    api, rng = new_account(shared_house), random.Random(7)
    fixed = {"account": api.context.account, "version": 1}
    rows = newest_first(
        {**fixed, "id": new_id(), "name": rng.choice("abA"), "created": moment(rng)}
        | {"status": rng.choice(["ACTIVE"] * 4 + ["DELETED"])}
        for _ in range(ROWS)
    )
    insert(shared_house, tables.reference_store, rows)
    items = shown(rows, {"name": "name"})
    check_every_set(api, items, ["name"], rng, "ListReferenceStores", "referenceStores")


def reference_rows(api, store, rng):
    fixed = {"account": api.context.account, "store_id": store, "revision": 1, "version": 1, "creation_job_id": "1"}
    fixed |= {"facts": {}, "facts_version": 1, "updated": BASE}
    return newest_first(
        {**fixed, "id": new_id(), "name": rng.choice("abA"), "md5": rng.choice(["0" * 32, "1" * 32])}
        | {"status": rng.choice(["ACTIVE"] * 4 + ["DELETED"]), "created": moment(rng)}
        for _ in range(ROWS)
    )


def test_list_references_by_every_set_of_filters(shared_house):
    api, rng = root_of(shared_house), random.Random(8)
    store = new_reference_store(api)
    rows = reference_rows(api, store, rng)
    insert(shared_house, tables.reference, rows)
    items = shown(rows, {"name": "name", "md5": "md5"})
    check_every_set(api, items, ["name", "md5"], rng, "ListReferences", "references", referenceStoreId=store)


def job_rows(api, store, rng, rows=ROWS):
    fixed = {"account": api.context.account, "store_id": store, "attempt": 1, "failures": 0, "run_after": BASE}
    fixed |= {"context": {}, "version": 1, "request": {"roleArn": "arn:x"}, "kind": "reference-import"}
    return newest_first(
        {**fixed, "id": (job := new_id()), "subject": job, "created": moment(rng)}
        | {"state": rng.choice(ENDED_JOBS), "ended": BASE * 2}
        for _ in range(rows)
    )


def test_list_reference_import_jobs_by_every_set_of_filters(shared_house):
    api, rng = root_of(shared_house), random.Random(9)
    store = new_reference_store(api)
    rows = job_rows(api, store, rng)
    other = [{**row, "id": new_id(), "kind": "another"} for row in rows[:20]]
    insert(shared_house, tables.job, [*rows, *other])
    items = shown(rows, {"status": "state"}, state="state")
    operation = ("ListReferenceImportJobs", "importJobs")
    for _ in range(3):
        check_every_set(api, items, ["status"], rng, *operation, referenceStoreId=store)


@pytest.mark.parametrize("filters", [{}, {"name": "rare"}, {"md5": "f" * 32}], ids=str)
def test_list_references_looks_at_no_more_rows_than_a_page_takes(shared_house, filters):
    api, rng = root_of(shared_house), random.Random(10)
    store = new_reference_store(api)
    rows = [row for _ in range(10) for row in reference_rows(api, store, rng)]
    rows[17] |= {"name": "rare", "md5": "f" * 32, "status": "ACTIVE"}
    fill(shared_house, tables.reference, rows)
    call = {"referenceStoreId": store, "maxResults": 10, "filter": filters}
    assert looked_at(api, "ListReferences", "FROM reference ", **call) <= 4 * 11


@pytest.mark.parametrize("status", [None, "COMPLETED", "SUBMITTED"])
def test_list_reference_import_jobs_looks_at_no_more_rows_than_a_page_takes(shared_house, status):
    api = root_of(shared_house)
    store = new_reference_store(api)
    fill(shared_house, tables.job, job_rows(api, store, random.Random(11), 2000))
    call = {"referenceStoreId": store, "maxResults": 10, "filter": {"status": status} if status else {}}
    states = len(ENDED_JOBS) + len(UNENDED_JOBS)
    assert looked_at(api, "ListReferenceImportJobs", "FROM job", **call) <= (states + 2) * 11


def fill(house, table, rows):
    """Insert many rows, and let the database know of them as it would by itself after a while."""

    def work(tx):
        tx.run(sa.insert(table), rows)
        if tx.connection.dialect.name == "postgresql":
            tx.connection.execute(sa.text(f"ANALYZE {table.name}"))

    house.catalog.write(work)


def looked_at(api, operation, table, **request):
    """How many rows the list's own statement made the database look at."""
    seen = []
    with statements(api.house.catalog, seen):
        api(operation, **request)
    (found,) = [one for one in seen if table in one[0] and "ORDER BY" in one[0] and "LIMIT" in one[0]]
    return api.house.catalog.read(lambda reader: LOOKED_AT[reader.connection.dialect.name](reader.connection, *found))
