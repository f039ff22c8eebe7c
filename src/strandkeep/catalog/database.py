"""The catalog: transactions on SQLite or PostgreSQL behind one small interface."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import URL, Engine, create_engine, make_url

from strandkeep.catalog.clock import Clock
from strandkeep.catalog.transaction import Reader, Transaction

T = TypeVar("T")


class Catalog(Protocol):
    """Where rows are kept. Both forms pass the contract suite in `tests/contract`.

    `write` runs a function in one transaction and returns when it is durable. An exception from the function
    undoes all of it and is raised again. When the connection is lost at COMMIT the outcome is unknown and the
    database's exception is raised: every caller may send again. `read` runs a function in one consistent view
    and sees every transaction whose `write` returned before it.

    The plain forms block and are for threads of jobs; the `_async` forms are for the event loop.
    """

    clock: Clock

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction of its own; durable when this returns."""

    async def write_async(self, work: Callable[[Transaction], T]) -> T:
        """As `write`, without holding up the event loop."""

    def read(self, work: Callable[[Reader], T]) -> T:
        """Run `work` in one consistent view."""

    async def read_async(self, work: Callable[[Reader], T]) -> T:
        """As `read`, from the event loop."""

    def close(self) -> None:
        """End all connections; what was committed stays."""


def open_catalog(url: str, clock: Clock | None = None) -> Catalog:
    """Open the catalog at an SQLAlchemy URL, making or migrating its tables.

    `sqlite:///path` or `postgresql://…`; ValueError for another database.
    """
    parsed = make_url(url)
    clock = clock or Clock()
    if parsed.get_backend_name() == "sqlite":
        from strandkeep.catalog.sqlite import SqliteCatalog

        return SqliteCatalog(Path(parsed.database or ""), clock)
    if parsed.get_backend_name() == "postgresql":
        from strandkeep.catalog.postgresql import PostgresqlCatalog

        return PostgresqlCatalog(parsed, clock)
    raise ValueError(f"{parsed.get_backend_name()} is not a database that the catalog can live in")


def reading_engine(url: str) -> Engine:
    """An engine that only reads, for a command beside a running server."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        from strandkeep.catalog.sqlite import sqlite_engine

        return sqlite_engine(Path(parsed.database or ""), read_only=True)
    return create_engine(parsed.set(drivername="postgresql+psycopg"))


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite file, whatever characters its path has."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
