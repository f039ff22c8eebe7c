"""What a page of a list makes the database read: no more than a page takes, wherever it lies."""

import asyncio
import itertools
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from strandkeep.catalog import tables
from strandkeep.domain import states, times
from tests.operations.conftest import root_of

ROWS = 12_000
PAGE = 10
BEGIN = 10**15

#: Filter → the column, its common value and its rare one.
COLUMNS = {
    "name": ("name", "reads", "rare"),
    "subjectId": ("subject_id", "control", "rare"),
    "sampleId": ("sample_id", "control", "rare"),
    "generatedFrom": ("generated_from", "run", "rare"),
    "referenceArn": ("reference_arn", "", "rare"),
    "creationType": ("creation_type", "UPLOAD", "IMPORT"),
}
#: Half of the rows lie behind the one, and half before the other.
MIDDLE = times.to_datetime(BEGIN + ROWS * 500)
FILTERS = [
    {},
    *({name: value} for name, (_, *values) in COLUMNS.items() for value in values),
    {"createdAfter": MIDDLE},
    {"createdBefore": MIDDLE},
    {"createdAfter": times.to_datetime(BEGIN), "createdBefore": times.to_datetime(BEGIN + ROWS * 900)},
]


@pytest.fixture(scope="module")
def many(shared_house):
    """A store of read sets, nearly all of the common values; the newest third is deleted, and so is the oldest."""
    api = root_of(shared_house)
    store = api.new_store()
    fixed = {"account": api.context.account, "store_id": store, "revision": 1, "file_type": "FASTQ", "version": 1}

    def row(n):
        values = {column: rare if n % 4000 == 7 else common or None for column, common, rare in COLUMNS.values()}
        status = states.ACTIVE if ROWS // 3 < n < ROWS * 2 // 3 else states.DELETED
        status = states.PROCESSING_UPLOAD if n % 500 == 0 else status
        purge_after = 2 * BEGIN if status == states.DELETED else None
        own = {"id": f"{BEGIN + n}", "status": status, "created": BEGIN + n * 1000, "purge_after": purge_after}
        return {**fixed, **values, **own}

    def fill(tx):
        tx.run(sa.insert(tables.read_set), [row(n) for n in range(ROWS)])
        if tx.connection.dialect.name == "postgresql":
            tx.connection.execute(sa.text("ANALYZE read_set"))

    shared_house.catalog.write(fill)
    return api, store


@contextmanager
def statements(catalog, seen):
    """Notes what a read sends to the database, and hands each to `look` on the same connection."""
    read = catalog.read

    def noting(work):
        def on_connection(reader):
            sa.event.listen(reader.connection, "before_cursor_execute", note)
            try:
                return work(reader)
            finally:
                sa.event.remove(reader.connection, "before_cursor_execute", note)

        return read(on_connection)

    def note(connection, cursor, statement, parameters, context, many):
        seen.append((statement, parameters))

    catalog.read = noting
    try:
        yield
    finally:
        del catalog.read


def rows_read(api, call):
    """How many rows, of tables or indexes, the lists' own statement made the database look at."""
    seen = []
    with statements(api.house.catalog, seen):
        call()
    (found,) = [one for one in seen if "ORDER BY read_set.created DESC" in one[0]]
    return api.house.catalog.read(lambda reader: LOOKED_AT[reader.connection.dialect.name](reader.connection, *found))


def _on_sqlite(connection, statement, parameters):
    """Steps of SQLite's machine: up to thirty for each row that it looks at, of which it keeps no count."""
    steps = itertools.count()
    driver = connection.connection.driver_connection
    driver.set_progress_handler(lambda: next(steps) and 0, 30)
    try:
        driver.execute(statement, parameters).fetchall()
    finally:
        driver.set_progress_handler(None, 0)
    return next(steps)


def _on_postgresql(connection, statement, parameters):
    """Rows that scans gave, and those that they threw away; at the size of a test it would rather read it all."""
    for what in ("seqscan", "bitmapscan"):
        connection.execute(sa.text(f"SET LOCAL enable_{what} = off"))
    driver = connection.connection.driver_connection
    ((plan,),) = driver.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters).fetchall()
    return sum(
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes(plan[0]["Plan"])
        if "Scan" in node["Node Type"] and "Relation Name" in node
    )


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


LOOKED_AT = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}


@pytest.mark.parametrize("status", [None, states.ACTIVE, states.DELETED])
@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: " ".join(f"{k}={v}" for k, v in filters.items()))
def test_list_read_sets_looks_at_no_more_rows_than_a_page_takes(many, filters, status):
    """Without and with the status, for values that all rows have and for those of a few, first and last page."""
    api, store = many
    request = {"sequenceStoreId": store, "filter": {**filters, **({"status": status} if status else {})}}

    async def page(token):
        return await api.begin("ListReadSets", **request, maxResults=PAGE, **({"nextToken": token} if token else {}))

    pages = api.pages("ListReadSets", "readSets", **request, maxResults=100)
    assert any(pages)
    token = api("ListReadSets", **request, maxResults=100).get("nextToken")
    deep = api("ListReadSets", **request, maxResults=100, nextToken=token).get("nextToken") if token else None
    for where in {None, token, deep}:
        looked_at = rows_read(api, lambda where=where: asyncio.run(page(where)))
        # A page and one row, off the index of each state that is listed, and then by their ids.
        assert looked_at <= 2 * (PAGE + 1) + len(states.LISTED_READ_SETS) * (PAGE + 1)
