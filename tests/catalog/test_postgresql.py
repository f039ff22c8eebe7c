"""What holds on PostgreSQL alone: many processes at once."""

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import sqlalchemy as sa

from strandkeep.catalog import accounts, open_catalog, tables


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


def test_two_processes_open_an_empty_database_at_once(postgresql_url):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        found = list(processes.map(open_write_close, [postgresql_url] * 2, ["a", "b"]))
    assert sorted(found)[-1] == 2


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
