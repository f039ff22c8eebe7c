"""What holds on PostgreSQL alone: many processes at once."""

import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from strandkeep.catalog import accounts, open_catalog, tables
from strandkeep.catalog.migrations import migrate


def open_write_close(url, name):
    catalog = open_catalog(url)
    catalog.write(lambda tx: accounts.create_account(tx, name))
    found = catalog.read(lambda reader: len(reader.all(sa.select(tables.account))))
    catalog.close()
    return found


def test_many_threads_open_an_empty_database_at_once(postgresql_url):
    gate = threading.Barrier(6)

    def one(number):
        gate.wait()
        return open_write_close(postgresql_url, str(number))

    with ThreadPoolExecutor(6) as threads:
        assert all(found >= 1 for found in threads.map(one, range(6)))


def migrate_together(url, gate, outcomes):
    """Connect first, so that the migrations themselves meet."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    engine.connect().close()
    gate.wait()
    try:
        migrate(engine)
        outcomes.put(open_write_close(url, str(os.getpid())))
    except Exception as failure:
        outcomes.put(repr(failure))


def test_processes_that_open_an_empty_database_at_once_migrate_it_one_after_the_other(postgresql_url):
    spawned = multiprocessing.get_context("spawn")
    gate, outcomes = spawned.Barrier(3), spawned.Queue()
    processes = [spawned.Process(target=migrate_together, args=(postgresql_url, gate, outcomes)) for _ in range(3)]
    for process in processes:
        process.start()
    found = [outcomes.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert all(isinstance(number, int) for number in found), found
    assert max(found) == 3


def test_transactions_that_lock_each_other_are_run_again(postgresql_url):
    """Two that lock two rows in opposite orders: the database undoes one, which then succeeds."""
    catalog = open_catalog(postgresql_url)
    for name in ("a", "b"):
        catalog.write(lambda tx, name=name: accounts.create_account(tx, name))
    both_hold_one = threading.Barrier(2)
    met = threading.local()

    def lock(tx, name):
        tx.one(sa.select(tables.account).where(tables.account.c.id == name).with_for_update())

    def work(first, second):
        def locked(tx):
            lock(tx, first)
            if not getattr(met, "once", False):
                met.once = True
                both_hold_one.wait()
            lock(tx, second)
            return first

        return catalog.write(locked)

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(work, "ab", "ba")) == ["a", "b"]
    catalog.close()
