"""Rows of a running server's catalog, read as an operator could: by SQLite, read-only."""

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote


def rows(data_dir: Path, query: str, *values: Any) -> list[dict[str, Any]]:
    """What a query finds, as dicts."""
    path = f"file:{quote(str(data_dir / 'catalog.sqlite'))}?mode=ro"
    connection = sqlite3.connect(path, uri=True, timeout=10)
    try:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, values)]
    finally:
        connection.close()
