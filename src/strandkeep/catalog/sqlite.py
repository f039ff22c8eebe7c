"""The catalog on SQLite: one connection in one thread does every write and every checkpoint.

SQLite before 3.51.3 can corrupt a WAL file that two connections write or checkpoint at once. A single writer
cannot meet that, and with group commit it is also the fastest: the transactions that wait are run one after the
other, each in its own savepoint, and share one COMMIT and so one fsync.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from strandkeep import metrics
from strandkeep.catalog import moves
from strandkeep.catalog.clock import Clock
from strandkeep.catalog.migrations import migrate
from strandkeep.catalog.transaction import Reader, Transaction

T = TypeVar("T")

#: Transactions that share one COMMIT at most: bounds how long the first of them waits.
_GROUP = 64

_BUSY_TIMEOUT_MS = 30_000


@dataclass(frozen=True)
class _Pending:
    work: Callable[[Transaction], Any]
    outcome: "Future[Any]"


class SqliteCatalog:
    """`Catalog` on one SQLite file. Reads run in the thread that asks, on a read-only connection of its own."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.clock = clock
        self._path = path
        self._pending: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._readers = threading.local()
        self._engines: list[sa.Engine] = []
        self._writer_engine = sqlite_engine(path, read_only=False)
        self._start()

    def write(self, work: Callable[[Transaction], T]) -> T:
        """See `Catalog.write`."""
        return self._submit(work).result()

    async def write_async(self, work: Callable[[Transaction], T]) -> T:
        """See `Catalog.write_async`. A caller that is cancelled leaves the transaction to end by itself."""
        return await asyncio.shield(asyncio.wrap_future(self._submit(work)))

    def read(self, work: Callable[[Reader], T]) -> T:
        """See `Catalog.read`."""
        connection = self._reader()
        try:
            with connection.begin():
                return work(Reader(connection))
        except sa.exc.DBAPIError:
            # What failed may have left its transaction open, and nothing could be read on it again.
            connection.close()
            raise

    async def read_async(self, work: Callable[[Reader], T]) -> T:
        """See `Catalog.read_async`: a local point read takes less time than a hop to a thread."""
        return self.read(work)

    def close(self) -> None:
        """See `Catalog.close`."""
        with self._closing:
            self._closed = True
        # The writer goes last: the last connection to go brings the WAL into the file, and only it may.
        for engine in self._engines:
            engine.dispose()
        self._pending.put(None)
        self._thread.join()

    def _start(self) -> None:
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._write_all, args=(started,), name="catalog-writer", daemon=True)
        self._thread.start()
        started.result()

    def _submit(self, work: Callable[[Transaction], T]) -> "Future[T]":
        pending = _Pending(work, Future())
        with self._closing:
            if self._closed:
                raise RuntimeError("the catalog is closed")
            self._pending.put(pending)
        return pending.outcome

    def _reader(self) -> sa.Connection:
        """This thread's connection, kept open: taking one from an engine costs more than a point read."""
        connection: sa.Connection | None = getattr(self._readers, "connection", None)
        if connection is None or connection.closed:
            connection = self._readers.connection = self._reading_engine().connect()
        return connection

    def _reading_engine(self) -> sa.Engine:
        """This thread's engine."""
        engine: sa.Engine | None = getattr(self._readers, "engine", None)
        if engine is None:
            engine = self._readers.engine = sqlite_engine(self._path, read_only=True)
            self._engines.append(engine)
        return engine

    def _write_all(self, started: "Future[None]") -> None:
        try:
            migrate(self._writer_engine)
            with self._writer_engine.connect() as connection:
                self.clock.not_before(moves.last_time(Reader(connection)))
        except BaseException as failure:
            started.set_exception(failure)
            return
        started.set_result(None)
        while group := self._next_group():
            self._commit_group(group)
        self._writer_engine.dispose()

    def _next_group(self) -> list[_Pending]:
        """The transactions that wait, at least one; empty when the catalog closes."""
        first = self._pending.get()
        group = [first] if first else []
        while group and len(group) < _GROUP and not self._pending.empty():
            pending = self._pending.get()
            if pending is None:
                self._pending.put(None)
                break
            group.append(pending)
        return group

    def _commit_group(self, group: list[_Pending]) -> None:
        done: list[tuple[_Pending, Any]] = []
        began = time.perf_counter()
        try:
            with self._writer_engine.begin() as connection:
                for pending in group:
                    self._run_one(connection, pending, done)
        except BaseException as failure:
            for pending, _ in done:
                pending.outcome.set_exception(failure)
            for pending in group:
                if not pending.outcome.done():
                    pending.outcome.set_exception(failure)
            return
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - began)
        metrics.COMMIT_GROUP.observe(len(group))
        for pending, result in done:
            pending.outcome.set_result(result)

    def _run_one(self, connection: sa.Connection, pending: _Pending, done: list[tuple[_Pending, Any]]) -> None:
        try:
            with connection.begin_nested():
                result = pending.work(Transaction(connection, self.clock.stamp()))
        except BaseException as failure:
            pending.outcome.set_exception(failure)
            # On a full disk SQLite undoes the whole transaction, not the savepoint: the others must not be
            # told that they are durable.
            if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
                raise
        else:
            done.append((pending, result))


def sqlite_engine(path: Path, *, read_only: bool) -> sa.Engine:
    """An engine of one connection, kept open: the writer's, or that of a thread which reads."""
    query = {"mode": "ro" if read_only else "rwc", "uri": "true"}
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=f"file:{quote(str(path))}", query=query),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # SQLAlchemy begins transactions itself; the driver's own late BEGIN would make them deferred.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -16384")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
