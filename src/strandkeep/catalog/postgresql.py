"""The catalog on PostgreSQL, by psycopg 3: a pool of connections, each transaction in a thread."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa

from strandkeep import metrics
from strandkeep.catalog import moves
from strandkeep.catalog.clock import Clock
from strandkeep.catalog.migrations import migrate
from strandkeep.catalog.transaction import Reader, Transaction

T = TypeVar("T")

_CONNECTIONS = 16

#: Serialization failure, deadlock, and two that inserted one key at once: the database undid the transaction, and
#: the next attempt sees what the other one did.
_AGAIN = {"40001", "40P01", "23505"}
_ATTEMPTS = 5

_CLOCK = sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")


class PostgresqlCatalog:
    """`Catalog` on PostgreSQL, at READ COMMITTED: what must not change is locked by its row first."""

    def __init__(self, url: sa.URL, clock: Clock) -> None:
        self.clock = clock
        self._engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
        )
        self._threads = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="catalog")
        migrate(self._engine)
        clock.not_before(self.read(moves.last_time))

    def write(self, work: Callable[[Transaction], T]) -> T:
        """See `Catalog.write`."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                began = time.perf_counter()
                with self._engine.begin() as connection:
                    result = work(Transaction(connection, self.clock.stamp(connection.scalar(_CLOCK))))
                metrics.COMMIT_SECONDS.observe(time.perf_counter() - began)
                metrics.COMMIT_GROUP.observe(1)
                return result
            except sa.exc.DBAPIError as failure:
                if attempt == _ATTEMPTS or getattr(failure.orig, "sqlstate", None) not in _AGAIN:
                    raise
        raise AssertionError("unreachable")

    async def write_async(self, work: Callable[[Transaction], T]) -> T:
        """See `Catalog.write_async`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.write, work)

    def read(self, work: Callable[[Reader], T]) -> T:
        """See `Catalog.read`."""
        with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            return work(Reader(connection))

    async def read_async(self, work: Callable[[Reader], T]) -> T:
        """See `Catalog.read_async`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read, work)

    def close(self) -> None:
        """See `Catalog.close`."""
        self._threads.shutdown()
        self._engine.dispose()
