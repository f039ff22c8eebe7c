"""The contract of `Catalog`, on every database that it can live in."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from strandkeep.catalog import accounts, moves, open_catalog, tables
from strandkeep.catalog.migrations import migrate
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext

CONTEXT = RequestContext("123456789012", "arn:aws:iam::123456789012:root", "AKIA", "127.0.0.1", "r1")


class Refused(Exception):
    pass


def add_account(name):
    return lambda tx: accounts.create_account(tx, name)


def account_ids(reader):
    return sorted(row.id for row in reader.all(sa.select(tables.account.c.id)))


def add_store(store_id):
    def add(tx):
        values = {"account": CONTEXT.account, "name": "n", "etag_family": "MD5up", "created": tx.now, "updated": tx.now}
        moves.begin(tx, CONTEXT, "sequenceStore", states.ACTIVE, {"id": store_id, **values})
        return tx.now

    return add


def engine_of(url):
    return sa.create_engine(sa.make_url(url).set(drivername=url.partition(":")[0].replace("sql", "sql+psycopg", 1)))


def plain_engine(url):
    """A connection to the database beside the catalog's own."""
    parsed = sa.make_url(url)
    return sa.create_engine(parsed if url.startswith("sqlite") else parsed.set(drivername="postgresql+psycopg"))


def test_read_sees_what_a_write_that_returned_has_done(catalog):
    for name in ("a", "b", "c"):
        assert catalog.write(lambda tx, name=name: (add_account(name)(tx), name)[1]) == name
        assert name in catalog.read(account_ids)


def test_read_in_another_thread_sees_it_too(catalog):
    with ThreadPoolExecutor(1) as other:
        assert other.submit(catalog.read, account_ids).result() == []
        catalog.write(add_account("a"))
        assert other.submit(catalog.read, account_ids).result() == ["a"]


def test_read_is_one_consistent_view(catalog):
    def read(reader):
        before = account_ids(reader)
        with ThreadPoolExecutor(1) as other:
            other.submit(catalog.write, add_account("late")).result()
        return before, account_ids(reader)

    catalog.write(add_account("early"))
    assert catalog.read(read) == (["early"], ["early"])
    assert catalog.read(account_ids) == ["early", "late"]


def test_an_exception_undoes_all_of_a_write_and_is_raised_again(catalog):
    def work(tx):
        add_account("a")(tx)
        raise Refused("by the caller")

    with pytest.raises(Refused, match="by the caller"):
        catalog.write(work)
    assert catalog.read(account_ids) == []


def test_an_error_of_the_database_undoes_all_of_a_write_and_is_raised(catalog):
    def work(tx):
        add_account("new")(tx)
        add_account("there")(tx)

    catalog.write(add_account("there"))
    with pytest.raises(sa.exc.IntegrityError):
        catalog.write(work)
    assert catalog.read(account_ids) == ["there"]


def test_a_row_that_points_nowhere_is_refused(catalog):
    with pytest.raises(sa.exc.IntegrityError):
        catalog.write(add_store("1"))


def test_an_exception_of_a_read_is_raised_and_the_next_read_works(catalog):
    def work(reader):
        account_ids(reader)
        raise Refused

    for _ in range(40):
        with pytest.raises(Refused):
            catalog.read(work)
    assert catalog.read(account_ids) == []


def test_a_write_that_fails_among_others_at_once_fails_alone(catalog):
    gate = threading.Barrier(40)

    def one(number):
        gate.wait()

        def work(tx):
            add_account(f"a{number:02}")(tx)
            if number % 3 == 0:
                raise Refused(str(number))
            if number % 3 == 1:
                add_account(f"a{number:02}")(tx)

        return catalog.write(work)

    with ThreadPoolExecutor(40) as threads:
        outcomes = list(threads.map(lambda n: _outcome(one, n), range(40)))

    kinds = [Refused, sa.exc.IntegrityError, type(None)]
    assert [type(outcome) for outcome in outcomes] == [kinds[n % 3] for n in range(40)]
    assert all(str(outcome) == str(n) for n, outcome in enumerate(outcomes) if n % 3 == 0)
    assert catalog.read(account_ids) == [f"a{n:02}" for n in range(40) if n % 3 == 2]


def _outcome(work, argument):
    try:
        return work(argument)
    except Exception as failure:
        return failure


def test_fifty_threads_write_and_read_without_losing_an_update(catalog):
    catalog.write(add_account("000"))
    catalog.write(lambda tx: tx.run(sa.insert(tables.tag), {"resource_id": "r", "key": "count", "value": "0"}))

    def add_one(tx):
        row = tx.one(sa.select(tables.tag.c.value).where(tables.tag.c.key == "count").with_for_update())
        tx.run(sa.update(tables.tag).values(value=str(int(row.value) + 1)))

    def work(_thread):
        for _ in range(4):
            catalog.write(add_one)
            catalog.read(account_ids)

    with ThreadPoolExecutor(50) as threads:
        list(threads.map(work, range(50)))
    assert catalog.read(lambda reader: reader.one(sa.select(tables.tag.c.value))).value == "200"


def test_transactions_that_insert_one_key_at_once_are_told_apart_by_running_again(catalog):
    """A function that looks first and inserts then: of many at once, one inserts and the others see it."""
    gate = threading.Barrier(20)

    def work(tx):
        if tx.one(sa.select(tables.account.c.id)) is not None:
            return False
        add_account("one")(tx)
        return True

    def one(_n):
        gate.wait()
        return catalog.write(work)

    with ThreadPoolExecutor(20) as threads:
        assert sorted(threads.map(one, range(20))) == [False] * 19 + [True]


def test_write_async_and_read_async_do_the_same(catalog):
    async def work():
        await asyncio.gather(*(catalog.write_async(add_account(f"a{n:02}")) for n in range(50)))
        with pytest.raises(Refused):
            await catalog.write_async(_refuse)
        with pytest.raises(Refused):
            await catalog.read_async(_refuse)
        return await catalog.read_async(account_ids)

    assert asyncio.run(work()) == [f"a{n:02}" for n in range(50)]


def _refuse(_tx):
    raise Refused


def test_a_write_whose_caller_was_cancelled_ends_by_itself(catalog):
    begun, may_end = threading.Event(), threading.Event()

    def slow(tx):
        begun.set()
        may_end.wait()
        add_account("slow")(tx)

    async def work():
        task = asyncio.create_task(catalog.write_async(slow))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        may_end.set()
        await catalog.write_async(add_account("next"))

    asyncio.run(work())
    catalog.close()
    # Closing waits for what was begun.


def test_close_waits_for_writes_that_were_begun(catalog, database_url):
    begun, may_end = threading.Event(), threading.Event()

    def slow(tx):
        begun.set()
        may_end.wait()
        add_account("slow")(tx)

    with ThreadPoolExecutor(2) as threads:
        written = threads.submit(catalog.write, slow)
        begun.wait()
        closed = threads.submit(catalog.close)
        may_end.set()
        written.result()
        closed.result()
    again = open_catalog(database_url)
    assert again.read(account_ids) == ["slow"]
    again.close()


def test_what_was_written_is_there_after_reopening(catalog, database_url):
    catalog.write(add_account("a"))
    catalog.close()

    again = open_catalog(database_url)
    assert again.read(account_ids) == ["a"]
    again.close()


def test_a_write_after_close_is_refused_and_does_not_hang(catalog):
    catalog.close()

    async def late():
        await asyncio.wait_for(catalog.write_async(add_account("late")), 10)

    with pytest.raises(RuntimeError):
        asyncio.run(late())


def test_now_grows_with_every_transaction(catalog):
    seen = [catalog.write(lambda tx: tx.now) for _ in range(100)]
    with ThreadPoolExecutor(10) as threads:
        together = list(threads.map(lambda _: catalog.write(lambda tx: tx.now), range(100)))

    assert seen == sorted(set(seen))
    assert len(set(together)) == 100
    assert min(together) > seen[-1]


def test_now_is_one_time_for_all_of_a_transaction_in_microseconds_of_the_databases_clock(catalog, database_url):
    engine = plain_engine(database_url)
    seconds = "strftime('%s', 'now')" if database_url.startswith("sqlite") else "extract(epoch FROM clock_timestamp())"

    with engine.connect() as connection:
        before = int(connection.scalar(sa.text(f"SELECT {seconds}")))
        now = catalog.write(lambda tx: tx.now)
        after = int(connection.scalar(sa.text(f"SELECT {seconds}")))
    engine.dispose()
    assert before * times.SECOND <= now < (after + 1) * times.SECOND


def test_the_clock_can_be_moved_and_never_goes_back(catalog):
    first = catalog.write(lambda tx: tx.now)
    catalog.clock.move(7 * times.DAY)
    later = catalog.write(lambda tx: tx.now)
    catalog.clock.move(-14 * times.DAY)
    last = catalog.write(lambda tx: tx.now)

    assert later >= first + 7 * times.DAY
    assert last > later


def test_the_clock_never_goes_back_across_reopening(catalog, database_url):
    catalog.write(add_account(CONTEXT.account))
    catalog.clock.move(times.DAY)
    stamped = catalog.write(add_store("1"))
    catalog.close()

    again = open_catalog(database_url)
    assert again.write(lambda tx: tx.now) > stamped
    again.close()


def test_the_migrations_make_exactly_the_tables_of_the_metadata(catalog, database_url):
    engine = plain_engine(database_url)
    with engine.connect() as connection:
        compare = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(compare, tables.metadata)
    engine.dispose()
    assert differences == []


def test_the_migrated_schema_is_the_one_that_the_metadata_would_make(catalog, database_url, tmp_path):
    """What Alembic does not compare: WITHOUT ROWID, the order of columns in keys, partial indexes."""
    if not database_url.startswith("sqlite"):
        pytest.skip("SQLite keeps the statements themselves")
    made = sa.create_engine(f"sqlite:///{tmp_path / 'made.sqlite'}")
    tables.metadata.create_all(made)
    migrated = plain_engine(database_url)

    def schema(engine):
        with engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
            found = {name: "".join(sql.split()) for name, sql in rows if name != "alembic_version"}
        engine.dispose()
        return found

    expected, found = schema(made), schema(migrated)
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name].count("WITHOUTROWID") == expected[name].count("WITHOUTROWID"), name
        if expected[name].startswith("CREATEINDEX"):
            assert found[name] == expected[name]


def test_migrating_again_changes_nothing(catalog, database_url):
    catalog.write(add_account("a"))
    catalog.close()
    engine = plain_engine(database_url)
    migrate(engine)
    migrate(engine)
    engine.dispose()

    again = open_catalog(database_url)
    assert again.read(account_ids) == ["a"]
    again.close()


def test_files_stay_when_their_holder_gets_its_name(database_url):
    """Rows of the schema before the sixth migration, in all tables that it makes anew."""
    engine = plain_engine(database_url)
    migrate(engine, "0005")
    store = "'1', 'a', 's', NULL, NULL, NULL, 'MD5up', NULL, NULL, 'ACTIVE', NULL, 1, 1, 1"
    read_set = "id, account, store_id, revision, name, subject_id, sample_id, file_type, status, creation_type"
    blob = "name, place, length, stored_length, sha256, block_crcs, state, created"
    old = [
        "INSERT INTO account VALUES ('a', 1)",
        f"INSERT INTO sequence_store VALUES ({store})",
        f"INSERT INTO read_set ({read_set}, created, version) "
        "VALUES ('2', 'a', '1', 1, 'n', 's', 's', 'FASTQ', 'ACTIVE', 'UPLOAD', 1, 1)",
        f"INSERT INTO blob ({blob}) VALUES ('b', 'local', 9, 9, 'x', '', 'live', 1)",
        "INSERT INTO file VALUES ('2', 'SOURCE1', 'f', 9, NULL, NULL, 'm', 7)",
        "INSERT INTO segment VALUES ('2', 'SOURCE1', 0, 'b', 3, 6)",
        "INSERT INTO digest VALUES ('2', 'SOURCE1', 'FASTQ_MD5up', 1, 'v')",
    ]
    with engine.begin() as connection:
        for statement in old:
            connection.execute(sa.text(statement))
    migrate(engine)
    with engine.connect() as connection:
        found = [connection.execute(sa.select(t)).all() for t in (tables.file, tables.segment, tables.digest)]
    engine.dispose()
    assert found == [
        [("2", "SOURCE1", "f", 9, None, None, "m", 7)],
        [("2", "SOURCE1", 0, "b", 3, 6)],
        [("2", "SOURCE1", "FASTQ_MD5up", 1, "v")],
    ]


def test_a_database_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="mysql is not a database"):
        open_catalog("mysql://localhost/x")
