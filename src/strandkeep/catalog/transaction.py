"""What a query works with: a connection, and for a write the time of its transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Executable, Select, func, select
from sqlalchemy.engine import Row


@dataclass(frozen=True)
class Reader:
    """A connection on which rows are read in one consistent view."""

    connection: Connection

    def one(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Row[Any] | None:
        """The first row of a query, or None."""
        return self.connection.execute(statement, values).first()

    def all(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """All rows of a query."""
        return self.connection.execute(statement, values).all()


@dataclass(frozen=True)
class Transaction(Reader):
    """A transaction that writes. `now` is its one time, in microseconds by the database's clock.

    A function that is handed one may run again when the database asks for it (PostgreSQL, after a deadlock),
    so it changes nothing but rows.
    """

    now: int

    def run(self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None) -> int:
        """Execute a statement that changes rows; the number of rows changed."""
        return self.connection.execute(statement, values).rowcount


def count_rows(reader: Reader, query: Select[Any]) -> int:
    """How many rows a query finds."""
    row = reader.one(select(func.count()).select_from(query.subquery()))
    return int(row[0]) if row else 0


def chunks(names: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """Names in lots that one statement takes: databases bound the number of its parameters."""
    return (names[first : first + size] for first in range(0, len(names), size))
