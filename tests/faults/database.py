"""A database that fails: statements and commits of which the n-th fails, below SQLAlchemy, in the driver."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest import mock

import psycopg

#: A statement fails and the transaction stays; the database undoes the whole transaction, as SQLite does on a full
#: disk; the connection is lost.
STATEMENT, TRANSACTION, LOST = "statement fails", "transaction undone", "connection lost"

#: COMMIT was done, and the answer to it was lost.
LOST_AFTER_COMMIT = "lost after COMMIT"


@dataclass
class Database:
    """Counts what is asked of a database, and makes some of it fail.

    `made` counts the statements and commits since the last `fail`, `fired` those that failed.
    """

    made: int = 0
    fired: int = 0
    fault: str = ""
    _first: int = 0
    _last: float = 0
    _lock: Any = field(default_factory=threading.Lock)

    def fail(self, fault: str, at: int, times: float = 1) -> None:
        """Let the things number `at` to `at + times - 1` fail; of LOST_AFTER_COMMIT only commits are counted."""
        with self._lock:
            self.made = self.fired = 0
            self.fault, self._first, self._last = fault, at, at + times - 1

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._first, self._last = 0, 0

    def is_due(self, *, commit: bool) -> bool:
        """Whether what is asked now fails."""
        with self._lock:
            if self.fault == LOST_AFTER_COMMIT and not commit:
                return False
            self.made += 1
            due = self._first <= self.made <= self._last
            self.fired += due
            return due


@contextmanager
def failing_database() -> Iterator[Database]:
    """A `Database` under whatever connects to one within a `with`."""
    database = Database()
    sqlite = partial(sqlite3.dbapi2.connect, factory=_sqlite_connection(database))
    # Below SQLAlchemy, whose own event reaches no engine once another of its dialect was there before.
    with (
        mock.patch.object(sqlite3.dbapi2, "connect", sqlite),
        mock.patch.object(psycopg, "connect", _postgresql_connection(database).connect),
    ):
        yield database


def _sqlite_connection(database: Database) -> type[sqlite3.Connection]:
    def fail(connection: sqlite3.Connection) -> None:
        if database.fault == TRANSACTION:
            sqlite3.Connection.rollback(connection)
        raise sqlite3.OperationalError("disk I/O error" if database.fault == STATEMENT else "database or disk is full")

    class Cursor(sqlite3.Cursor):
        def execute(self, *args: Any) -> Any:
            if database.is_due(commit=False):
                fail(self.connection)
            return super().execute(*args)

        def executemany(self, *args: Any) -> Any:
            if database.is_due(commit=False):
                fail(self.connection)
            return super().executemany(*args)

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Cursor)

        def commit(self) -> None:
            due = database.is_due(commit=True)
            if due and database.fault != LOST_AFTER_COMMIT:
                fail(self)
            super().commit()
            if due:
                raise sqlite3.OperationalError("disk I/O error")

    return Connection


def _postgresql_connection(database: Database) -> type[psycopg.Connection[Any]]:
    class Cursor(psycopg.Cursor[Any]):
        def execute(self, *args: Any, **kwargs: Any) -> Any:
            if database.is_due(commit=False):
                lose(self.connection)
            return super().execute(*args, **kwargs)

        def executemany(self, *args: Any, **kwargs: Any) -> None:
            if database.is_due(commit=False):
                lose(self.connection)
            super().executemany(*args, **kwargs)

    class Connection(psycopg.Connection[Any]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.cursor_factory = Cursor

        def commit(self) -> None:
            due = database.is_due(commit=True)
            if due and database.fault != LOST_AFTER_COMMIT:
                lose(self)
            super().commit()
            if due:
                lose(self)
                super().execute("SELECT 1")

    return Connection


def lose(connection: psycopg.Connection[Any]) -> None:
    """End a connection from the server's side, and wait until it has ended."""
    with psycopg.Connection.connect(connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
