"""What holds on SQLite alone: one writer, everyone else reads."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from strandkeep.catalog import accounts, open_catalog, tables


def pragma(name):
    return lambda reader: reader.connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_a_connection_that_reads_cannot_write(sqlite):
    with pytest.raises(sa.exc.OperationalError, match="readonly"):
        sqlite.read(lambda reader: reader.connection.execute(sa.insert(tables.account), {"id": "x", "created": 1}))
    with pytest.raises(sa.exc.OperationalError, match="readonly"):
        sqlite.read(lambda reader: reader.connection.exec_driver_sql("CREATE TABLE x (y)"))


def test_the_writer_uses_wal_and_syncs_at_every_commit(sqlite):
    assert sqlite.write(pragma("journal_mode")) == "wal"
    assert sqlite.write(pragma("synchronous")) == 2  # FULL
    assert sqlite.write(pragma("foreign_keys")) == 1
    assert sqlite.read(pragma("journal_mode")) == "wal"


def test_every_write_runs_in_one_thread_on_one_connection(sqlite):
    def where(tx):
        return threading.get_ident(), id(tx.connection.connection.driver_connection)

    with ThreadPoolExecutor(20) as threads:
        assert len(set(threads.map(lambda _: sqlite.write(where), range(100)))) == 1
    assert sqlite.write(where)[0] != threading.get_ident()


def test_each_thread_reads_on_one_connection_of_its_own(sqlite):
    gate = threading.Barrier(5)

    def one(_n):
        gate.wait()
        return {sqlite.read(lambda reader: id(reader.connection.connection.driver_connection)) for _ in range(3)}

    with ThreadPoolExecutor(5) as threads:
        used = list(threads.map(one, range(5)))
    assert all(len(connections) == 1 for connections in used)
    assert len(set().union(*used)) == 5


def test_writes_that_wait_share_one_commit_and_each_is_told_its_own_outcome(sqlite, tmp_path):
    begun, may_end = threading.Event(), threading.Event()

    def hold(_tx):
        begun.set()
        may_end.wait()

    def add(number):
        def work(tx):
            accounts.create_account(tx, str(number))
            if number == 7:
                raise KeyError(number)
            return number

        return work

    with ThreadPoolExecutor(21) as threads:
        held = threads.submit(sqlite.write, hold)
        begun.wait()
        waiting = [threads.submit(sqlite.write, add(n)) for n in range(20)]
        may_end.set()
        held.result()
        outcomes = [future.exception() or future.result() for future in waiting]

    assert [n for n in outcomes if not isinstance(n, KeyError)] == [n for n in range(20) if n != 7]
    rows = sqlite.read(lambda reader: reader.all(sa.select(tables.account.c.id)))
    assert {row.id for row in rows} == {str(n) for n in range(20) if n != 7}


def test_nobody_is_told_that_it_is_durable_when_the_commit_fails(sqlite, tmp_path):
    """The statement that fails undoes the whole transaction, as a full disk does."""
    begun, may_end = threading.Event(), threading.Event()

    def hold(_tx):
        begun.set()
        may_end.wait()

    def undo_all(tx):
        tx.connection.connection.driver_connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    with ThreadPoolExecutor(4) as threads:
        held = threads.submit(sqlite.write, hold)
        begun.wait()
        # Whatever the order in which they wait, they are in one group.
        sqlite_pending = [threads.submit(sqlite.write, lambda tx: accounts.create_account(tx, "early"))]
        while sqlite._pending.qsize() < 1:
            pass
        sqlite_pending.append(threads.submit(sqlite.write, undo_all))
        while sqlite._pending.qsize() < 2:
            pass
        may_end.set()
        held.result()
        assert all(future.exception() is not None for future in sqlite_pending)

    assert sqlite.read(lambda reader: reader.all(sa.select(tables.account))) == []
    sqlite.write(lambda tx: accounts.create_account(tx, "next"))
    assert len(sqlite.read(lambda reader: reader.all(sa.select(tables.account)))) == 1


@pytest.mark.parametrize("name", ["with blank", "with#hash", "with%41percent", "with?mark", "ünïcödé"])
def test_the_catalog_lies_where_its_path_says(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    opened = open_catalog(f"sqlite:///{quote(str(folder / 'catalog.sqlite'))}")
    opened.write(lambda tx: accounts.create_account(tx, "a"))
    assert opened.read(lambda reader: len(reader.all(sa.select(tables.account)))) == 1
    opened.close()

    assert [path.name for path in folder.iterdir()] == ["catalog.sqlite"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_is_not_there_is_an_error_at_the_opening(tmp_path):
    with pytest.raises(sa.exc.OperationalError):
        open_catalog(f"sqlite:///{tmp_path / 'nowhere' / 'catalog.sqlite'}")


def test_a_read_whose_end_fails_does_not_stop_those_that_follow(sqlite):
    """Its transaction is open still, on the connection that this thread keeps."""
    failing = True

    def commit(connection):
        if failing:
            raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))

    def read_all(reader):
        return reader.all(sa.select(tables.account))

    assert sqlite.read(read_all) == []
    (engine,) = sqlite._engines
    sa.event.listen(engine, "commit", commit)
    with pytest.raises(sa.exc.OperationalError):
        sqlite.read(read_all)
    failing = False
    assert sqlite.read(read_all) == []
    assert sqlite._engines == [engine]
