"""Rows: tables, queries and migrations, on SQLite or PostgreSQL. `Catalog` is the way in."""

from strandkeep.catalog.database import Catalog, open_catalog, reading_engine, sqlite_url
from strandkeep.catalog.transaction import Reader, Transaction

__all__ = ["Catalog", "Reader", "Transaction", "open_catalog", "reading_engine", "sqlite_url"]
